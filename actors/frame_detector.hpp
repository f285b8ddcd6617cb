// FrameDetector: what a model shard needs of a network, and all that it knows of one. The real one
// is in network_detector.hpp; a test brings its own.
//
// One thread at a time; which one may change.
#pragma once

#include "kernels/detection.hpp"
#include "runtime/base/error.hpp"
#include "runtime/model/detector.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace omma {

class FrameDetector {
 public:
  struct Model {
    int input_width = 0;  // Pictures of this size are not resized again.
    int input_height = 0;
    std::vector<std::string> classes;
    float score_recommended = 0;  // By its card; 0 when the card does not say.
  };

  virtual ~FrameDetector() = default;
  virtual Model model() const = 0;
  // One list for each picture, by falling score, in pixels of its source, nothing below score_min.
  virtual Result<std::vector<std::vector<kernels::Detection>>> detect(
      std::span<const DetectorPicture> pictures, float score_min) = 0;
};

// Blocks for seconds: for an executor's jobs only. `model_hash` empty: whatever the name means now.
using LoadDetector = std::function<Result<std::unique_ptr<FrameDetector>>(
    const std::string& model, const std::string& model_hash)>;

}  // namespace omma
