#include "kernels/picture.hpp"

#include <algorithm>
#include <cassert>

namespace omma::kernels {

ImageView dense_view(const std::uint8_t* data, int width, int height, int channels) noexcept {
  return {data, width, height, static_cast<std::ptrdiff_t>(width) * channels, channels};
}

MutableImageView dense_view(std::uint8_t* data, int width, int height, int channels) noexcept {
  return {data, width, height, static_cast<std::ptrdiff_t>(width) * channels, channels};
}

ImageView crop(ImageView image, int x, int y, int width, int height) noexcept {
  const int left = std::clamp(x, 0, image.width);
  const int top = std::clamp(y, 0, image.height);
  // Wide arithmetic: x + width of a careless caller may pass the range of int.
  const auto end = [](int start, int length, int limit) {
    const long long sum = static_cast<long long>(start) + std::max(length, 0);
    return static_cast<int>(std::clamp(sum, 0LL, static_cast<long long>(limit)));
  };
  const int right = std::max(end(x, width, image.width), left);
  const int bottom = std::max(end(y, height, image.height), top);
  return {image.row(top) + static_cast<std::ptrdiff_t>(left) * image.channels, right - left,
          bottom - top, image.stride_bytes, image.channels};
}

void bgr_to_gray(ImageView bgr, MutableImageView gray) {
  assert(bgr.channels == 3 && gray.channels == 1);
  assert(bgr.width == gray.width && bgr.height == gray.height);
  // 0.114, 0.587, 0.299 times 2^15; they sum to 2^15, so white stays 255.
  constexpr unsigned blue = 3736;
  constexpr unsigned green = 19235;
  constexpr unsigned red = 9797;
  for (int y = 0; y < bgr.height; ++y) {
    const std::uint8_t* in = bgr.row(y);
    std::uint8_t* out = gray.row(y);
    for (int x = 0; x < bgr.width; ++x) {
      const unsigned sum = in[3 * x] * blue + in[3 * x + 1] * green + in[3 * x + 2] * red;
      out[x] = static_cast<std::uint8_t>((sum + (1U << 14)) >> 15);
    }
  }
}

void bgr_to_planar(ImageView bgr, const PlanarOptions& options, std::span<float> planes) {
  assert(bgr.channels == 3);
  const auto width = static_cast<std::size_t>(bgr.width);
  const std::size_t plane = width * static_cast<std::size_t>(bgr.height);
  assert(planes.size() == 3 * plane);
  // The planes' addresses and factors by the channel of the input.
  float* out[3];
  float scale[3];
  float offset[3];
  for (std::size_t channel = 0; channel < 3; ++channel) {
    const std::size_t to = options.red_first ? 2 - channel : channel;
    out[channel] = planes.data() + to * plane;
    scale[channel] = options.scale[to];
    offset[channel] = options.offset[to];
  }
  for (int y = 0; y < bgr.height; ++y) {
    const std::uint8_t* in = bgr.row(y);
    float* blue = out[0] + static_cast<std::size_t>(y) * width;
    float* green = out[1] + static_cast<std::size_t>(y) * width;
    float* red = out[2] + static_cast<std::size_t>(y) * width;
    for (std::size_t x = 0; x < width; ++x) {
      blue[x] = static_cast<float>(in[3 * x]) * scale[0] + offset[0];
      green[x] = static_cast<float>(in[3 * x + 1]) * scale[1] + offset[1];
      red[x] = static_cast<float>(in[3 * x + 2]) * scale[2] + offset[2];
    }
  }
}

}  // namespace omma::kernels
