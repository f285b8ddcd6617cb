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

}  // namespace

LoadDetector network_detector_loader(ModelStore& store, NetworkOptions options) {
  return
      [&store, options](const std::string& model,
                        const std::string& model_hash) -> Result<std::unique_ptr<FrameDetector>> {
        auto file = store.find(model);
        if (!file) return file.error();
        if (!model_hash.empty() && file->hash.hex() != model_hash) {
          return Error{Code::conflict, "model " + model + ": the file here has the hash " +
                                           file->hash.hex() + ", asked for is " + model_hash +
                                           "; copy the same file to every node"};
        }
        auto detector = Detector::load(*file, options);
        if (!detector) return detector.error();
        return std::unique_ptr<FrameDetector>(new NetworkDetector(std::move(*detector)));
      };
}

}  // namespace omma
