#include "kernels/detection.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace omma::kernels {
namespace {

bool all_finite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(),
                     [](float value) { return std::isfinite(value); });
}

// Rows with a number that is none are rejected whole: a row that is wrong in one class has no
// claim to be right in another.
void append_candidates(std::span<const float> box_row, std::span<const float> score_row,
                       const DecodeOptions& options, Decoded& out) {
  const bool finite = all_finite(score_row) && all_finite(box_row);
  const bool wanted = std::any_of(score_row.begin(), score_row.end(),
                                  [&](float score) { return score >= options.score_min; });
  if (finite && !wanted) return;
  const Box box{box_row[0] * options.source_width, box_row[1] * options.source_height,
                box_row[2] * options.source_width, box_row[3] * options.source_height};
  if (!finite || !(area(box) > 0) || !std::isfinite(area(box))) {
    ++out.rejected;
    return;
  }
  for (std::size_t label = 0; label < score_row.size(); ++label) {
    if (score_row[label] >= options.score_min) {
      out.detections.push_back({box, score_row[label], static_cast<std::uint16_t>(label)});
    }
  }
}

}  // namespace

Decoded decode_detections(std::span<const float> boxes, std::span<const float> scores,
                          std::size_t rows, std::size_t classes, const DecodeOptions& options) {
  assert(boxes.size() == rows * 4);
  assert(scores.size() == rows * classes);
  Decoded out;
  for (std::size_t row = 0; row < rows; ++row) {
    append_candidates(boxes.subspan(row * 4, 4), scores.subspan(row * classes, classes), options,
                      out);
  }
  std::stable_sort(out.detections.begin(), out.detections.end(),
                   [](const Detection& a, const Detection& b) { return a.score > b.score; });
  if (out.detections.size() > options.candidates_max) {
    out.over_limit = out.detections.size() - options.candidates_max;
    out.detections.resize(options.candidates_max);
  }
  out.detections = suppress_overlaps(out.detections, options.overlap_max);
  return out;
}

std::vector<Detection> suppress_overlaps(std::span<const Detection> by_falling_score,
                                         float overlap_max) {
  std::vector<Detection> kept;
  for (const Detection& candidate : by_falling_score) {
    const bool covered = std::any_of(kept.begin(), kept.end(), [&](const Detection& better) {
      return better.label == candidate.label &&
             intersection_over_union(better.box, candidate.box) > overlap_max;
    });
    if (!covered) kept.push_back(candidate);
  }
  return kept;
}

}  // namespace omma::kernels
