// Pictures as the detectors and the motion filter need them: views of 8-bit pixels, and the few
// ways to make one picture of another.
//
// A view owns nothing and is two things only, a shape and an address; crop() is free. Each
// function writes to memory the caller brings, so a pooled buffer is written once and no copy is
// hidden. Pure functions: safe from any thread, as long as no one writes what another reads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace omma::kernels {

// Interleaved 8-bit pixels: channels is 1 (gray) or 3 (blue, green, red). Row y starts at
// data + y * stride_bytes, and stride_bytes >= width * channels.
struct ImageView {
  const std::uint8_t* data = nullptr;
  int width = 0;
  int height = 0;
  std::ptrdiff_t stride_bytes = 0;
  int channels = 3;

  const std::uint8_t* row(int y) const noexcept { return data + y * stride_bytes; }
};

struct MutableImageView {
  std::uint8_t* data = nullptr;
  int width = 0;
  int height = 0;
  std::ptrdiff_t stride_bytes = 0;
  int channels = 3;

  std::uint8_t* row(int y) const noexcept { return data + y * stride_bytes; }
  operator ImageView() const noexcept { return {data, width, height, stride_bytes, channels}; }
};

// Views of rows without padding.
ImageView dense_view(const std::uint8_t* data, int width, int height, int channels) noexcept;
MutableImageView dense_view(std::uint8_t* data, int width, int height, int channels) noexcept;

// The part of `image` in [x, x + width) x [y, y + height), clipped to the picture; it may be empty.
ImageView crop(ImageView image, int x, int y, int width, int height) noexcept;

// Along each axis on its own: the exact mean over the covered source pixels when shrinking,
// bilinear between pixel centres when enlarging. Rounds half up. Same channels on both sides,
// neither empty, and no overlap.
void resize(ImageView source, MutableImageView target);

// Luma of ITU-R BT.601 in 15-bit fixed point, rounded. Same size on both sides.
void bgr_to_gray(ImageView bgr, MutableImageView gray);

struct PlanarOptions {
  // value = pixel * scale + offset, indexed by the channel of the OUTPUT.
  std::array<float, 3> scale = {1, 1, 1};
  std::array<float, 3> offset = {0, 0, 0};
  bool red_first = false;  // Planes in the order red, green, blue instead of blue, green, red.
};

// One picture of a network's NCHW batch: three planes of height x width, one after the other.
// `planes` has exactly 3 * height * width values.
void bgr_to_planar(ImageView bgr, const PlanarOptions& options, std::span<float> planes);

}  // namespace omma::kernels
