// From pictures to the things in them: resize, one batch through the network, decode, suppress.
// Every detector with a card runs here; nothing is said about any particular network.
//
// One thread at a time. Owns its network and the memory of one batch.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "kernels/detection.hpp"
#include "kernels/picture.hpp"
#include "runtime/base/error.hpp"
#include "runtime/model/model_card.hpp"
#include "runtime/model/network.hpp"

namespace omma {

// A picture to look at, and the size of the picture it was resized from: boxes are in its pixels.
struct DetectorPicture {
  kernels::ImageView bgr;  // 3 channels, any size; none is resized that has the model's input size.
  int source_width = 0;
  int source_height = 0;
};

struct DetectOptions {
  float score_min = 0.3F;
  float nms_iou = 0.45F;  // Of two boxes of one class that overlap more, the lower score goes.

  // What the card recommends, else the defaults here.
  static DetectOptions of(const ModelCard& card);
};

class Detector {
 public:
  // What decoding left out since the start.
  struct Counters {
    std::uint64_t rows_rejected = 0;          // With a number that is none, or an empty box.
    std::uint64_t candidates_over_limit = 0;  // Past kernels::DecodeOptions::candidates_max.
  };

  // Errors as Network::load; invalid_argument for a model of another kind.
  static Result<std::unique_ptr<Detector>> load(const ModelFile& model,
                                                const NetworkOptions& options);

  const ModelCard& card() const { return network_->card(); }

  // One list for each picture, by falling score; labels index card().classes. Errors as
  // Network::run; invalid_argument for a picture that is empty or not BGR.
  Result<std::vector<std::vector<kernels::Detection>>> detect(
      std::span<const DetectorPicture> pictures, const DetectOptions& options);

  const Counters& counters() const { return counters_; }

 private:
  explicit Detector(std::unique_ptr<Network> network);
  std::size_t values_per_picture() const;
  void fill(const kernels::ImageView& picture, std::span<float> planes);
  std::vector<kernels::Detection> decode(const std::vector<Tensor>& outputs, std::size_t index,
                                         const DetectorPicture& picture,
                                         const DetectOptions& options);

  std::unique_ptr<Network> network_;
  kernels::PlanarOptions planar_;
  std::vector<std::uint8_t> resized_;  // One picture of the model's input size.
  std::vector<float> batch_;           // [B, 3, height, width]
  Counters counters_;
};

}  // namespace omma
