// From a detector's raw outputs to the things it saw: threshold, scale to the source picture,
// and greedy non-maximum suppression within each class.
//
// The result depends on the numbers alone: equal scores keep the order of the network's rows, so
// two machines, or two runs, report the same list.
//
// Pure functions: safe from any thread; nothing given is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/box.hpp"

namespace omma::kernels {

struct Detection {
  Box box;  // In pixels of the source picture.
  float score = 0;
  std::uint16_t label = 0;  // Index into the network's classes.
  friend bool operator==(const Detection&, const Detection&) = default;
};

struct DecodeOptions {
  float source_width = 0;  // Of the picture the boxes are reported in, in pixels.
  float source_height = 0;
  float score_min = 0.3F;
  // Of two boxes of one class that overlap by more than this, the lower score goes.
  float overlap_max = 0.45F;
  // Suppression costs the square of this. Past it the lowest scores go, counted in `over_limit`.
  std::size_t candidates_max = 1024;
};

struct Decoded {
  std::vector<Detection> detections;  // By falling score.
  std::size_t rejected = 0;    // Rows with a NaN, an infinity or an empty box above the threshold.
  std::size_t over_limit = 0;  // Candidates dropped for `candidates_max`.
};

// boxes: rows x 4 as x1, y1, x2, y2 in 0..1 of the picture (slightly outside is kept: a person
// half out of the picture has a box half out of it). scores: rows x classes in 0..1. Each class
// of a row that reaches the threshold is a candidate of its own. Both spans have exactly these
// sizes.
Decoded decode_detections(std::span<const float> boxes, std::span<const float> scores,
                          std::size_t rows, std::size_t classes, const DecodeOptions& options);

// Greedy non-maximum suppression within each label. The order given is the order of preference;
// what remains keeps it.
std::vector<Detection> suppress_overlaps(std::span<const Detection> by_falling_score,
                                         float overlap_max);

}  // namespace omma::kernels
