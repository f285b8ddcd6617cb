// How much of a small gray picture has changed: the test a router makes before it spends network
// and detector time on a frame.
//
// Each pixel is compared with a background that follows the picture slowly (an exponential mean
// in fixed point), so that a tree in the wind or a falling evening fades into it, while a person
// does not. Something that stops for long fades into it as well: that is the filter's meaning.
//
// One owner, no locks. The state is bytes, so that it can move with the actor that holds it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/picture.hpp"

namespace omma::kernels {

struct MotionOptions {
  int difference_min = 16;  // Gray levels a pixel must differ to count; sensor noise is below it.
  // The background moves by the difference / 2^adaptation_shift a picture: 4 halves an old view
  // in about 11 pictures.
  int adaptation_shift = 4;
};

class MotionDetector {
 public:
  explicit MotionDetector(MotionOptions options = {}) : options_(options) {}

  // The share of pixels, 0..1, that differ from the background, which then takes the picture in.
  // 1 for the first picture and after a change of size: nothing is known, so all of it is news.
  float update(ImageView gray);

  // 12 bytes of header and 2 bytes a pixel, little-endian.
  std::vector<std::byte> save() const;
  // False, and unchanged, when the bytes are not what save() makes.
  bool restore(std::span<const std::byte> bytes);

 private:
  MotionOptions options_;
  int width_ = 0;
  int height_ = 0;
  std::vector<std::uint16_t> background_;  // Gray level times 256, row by row.
};

}  // namespace omma::kernels
