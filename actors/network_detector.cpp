#include "actors/network_detector.hpp"

#include <utility>

namespace omma {
namespace {

class NetworkDetector final : public FrameDetector {
 public:
  explicit NetworkDetector(std::unique_ptr<Detector> detector) : detector_(std::move(detector)) {}

  Model model() const override {
    const ModelCard& card = detector_->card();
    return {card.input.width, card.input.height, card.classes,
            card.recommended ? card.recommended->score : 0.0F};
  }

  Result<std::vector<std::vector<kernels::Detection>>> detect(
      std::span<const DetectorPicture> pictures, float score_min) override {
    DetectOptions options = DetectOptions::of(detector_->card());
    options.score_min = score_min;
    return detector_->detect(pictures, options);
  }

 private:
  std::unique_ptr<Detector> detector_;
};

Result<ModelFile> find_model(ModelStore& store, ModelExchange* exchange, const std::string& model,
                             const std::string& model_hash) {
  auto file = store.find(model);
  if (model_hash.empty() || (file && file->hash.hex() == model_hash)) return file;
  if (exchange != nullptr) {
    const auto wanted = ContentHash::from_hex(model_hash);
    if (!wanted) return wanted.error();
    return exchange->fetch(model, *wanted);
  }
  if (!file) return file;
  return Error{Code::conflict, "model " + model + ": the file here has the hash " +
                                   file->hash.hex() + ", asked for is " + model_hash +
                                   "; copy the same file to every node"};
}

}  // namespace

LoadDetector network_detector_loader(ModelStore& store, NetworkOptions options,
                                     ModelExchange* exchange) {
  return [&store, options, exchange](
             const std::string& model,
             const std::string& model_hash) -> Result<std::unique_ptr<FrameDetector>> {
    auto file = find_model(store, exchange, model, model_hash);
    if (!file) return file.error();
    auto detector = Detector::load(*file, options);
    if (!detector) return detector.error();
    return std::unique_ptr<FrameDetector>(new NetworkDetector(std::move(*detector)));
  };
}

}  // namespace omma
