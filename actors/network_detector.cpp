#include "actors/network_detector.hpp"

#include <utility>

namespace omma {
namespace {

class NetworkDetector final : public FrameDetector {
 public:
  NetworkDetector(std::unique_ptr<Detector> detector, BatchTally* tally)
      : detector_(std::move(detector)),
        tally_(tally),
        batches_(tally == nullptr ? nullptr : &tally->of(detector_->card().name)) {}

  Model model() const override {
    const ModelCard& card = detector_->card();
    return {card.input.width, card.input.height, card.classes,
            card.recommended ? card.recommended->score : 0.0F};
  }

  Result<std::vector<std::vector<kernels::Detection>>> detect(
      std::span<const DetectorPicture> pictures, float score_min) override {
    DetectOptions options = DetectOptions::of(detector_->card());
    options.score_min = score_min;
    if (batches_ == nullptr) return detector_->detect(pictures, options);
    const Instant begun = tally_->clock().now();
    auto found = detector_->detect(pictures, options);
    batches_->add(pictures.size(), tally_->clock().now() - begun);
    return found;
  }

 private:
  std::unique_ptr<Detector> detector_;
  BatchTally* const tally_;
  BatchTally::Model* const batches_;
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
                                     ModelExchange* exchange, BatchTally* tally) {
  return [&store, options, exchange, tally](
             const std::string& model,
             const std::string& model_hash) -> Result<std::unique_ptr<FrameDetector>> {
    auto file = find_model(store, exchange, model, model_hash);
    if (!file) return file.error();
    auto detector = Detector::load(*file, options);
    if (!detector) return detector.error();
    return std::unique_ptr<FrameDetector>(new NetworkDetector(std::move(*detector), tally));
  };
}

}  // namespace omma
