// What a model says of itself: the JSON file beside each TorchScript file. Nothing about a network
// is guessed; what the card does not say, or says in a form that this runtime cannot serve, is
// refused before the network is loaded, and the network is checked against its card afterwards.
//
// Values; parsing is pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/base/hash.hpp"

namespace omma {

enum class ModelKind : unsigned char {
  detector,    // Outputs boxes [B,N,4] and scores [B,N,C], no threshold and no suppression applied.
  embedder,    // One output [B,D]: pictures of the same thing have similar vectors.
  attributes,  // One distribution per output.
};

enum class ColorOrder : unsigned char { bgr, rgb };

std::string_view to_string(ModelKind kind);
std::string_view to_string(ColorOrder color);

// What the network is fed: float32, layout [B, channels, height, width]. A pixel p of 0..255
// becomes low + p * (high - low) / 255, then (that - mean[c]) / scale[c] for its plane c.
struct ModelInput {
  int channels = 3;
  int height = 0;
  int width = 0;
  ColorOrder color = ColorOrder::bgr;  // Order of the planes, and of mean and scale.
  float low = 0;
  float high = 255;
  std::array<float, 3> mean{0, 0, 0};
  std::array<float, 3> scale{1, 1, 1};

  friend bool operator==(const ModelInput&, const ModelInput&) = default;
};

// Thresholds that the model's author found best.
struct RecommendedThresholds {
  float score = 0.5F;
  float nms_iou = 0.5F;
};

struct ModelCard {
  std::string name;
  ModelKind kind = ModelKind::detector;
  std::string file;  // Of the TorchScript file, in the card's folder.
  ModelInput input;
  std::vector<std::vector<std::int64_t>> outputs;  // Shapes for a batch of one.
  std::vector<std::string> classes;                // A detector's; Detection.label indexes it.
  std::string licence;
  std::uint64_t parameters = 0;
  std::optional<ContentHash> sha256;  // Of the TorchScript file.
  std::optional<RecommendedThresholds> recommended;
};

// Every refusal is invalid_argument and names `origin` (the card's path), the field and the remedy.
// Unknown fields are refused too: a misspelt optional field would otherwise be ignored in silence.
Result<ModelCard> parse_model_card(std::string_view json, std::string_view origin);

}  // namespace omma
