#include "kernels/picture.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <random>
#include <utility>
#include <vector>

namespace omma::kernels {
namespace {

std::vector<std::uint8_t> random_pixels(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::uint8_t> pixels(count);
  for (std::uint8_t& pixel : pixels) pixel = static_cast<std::uint8_t>(random());
  return pixels;
}

ImageView view(const std::vector<std::uint8_t>& pixels, int width, int height, int channels) {
  return dense_view(pixels.data(), width, height, channels);
}

// The weight of source position j in target position i, straight from the definition.
double weight(int i, int j, int source, int target) {
  const double ratio = static_cast<double>(source) / target;
  if (ratio > 1) {
    const double covered = std::min((i + 1) * ratio, j + 1.0) - std::max(i * ratio, j + 0.0);
    return std::max(covered, 0.0) / ratio;
  }
  const double centre = std::clamp((i + 0.5) * ratio - 0.5, 0.0, source - 1.0);
  return std::max(1 - std::abs(centre - j), 0.0);
}

double expected_pixel(ImageView source, int width, int height, int x, int y, int channel) {
  double sum = 0;
  for (int v = 0; v < source.height; ++v) {
    const double row_weight = weight(y, v, source.height, height);
    if (row_weight == 0) continue;
    for (int u = 0; u < source.width; ++u) {
      sum += row_weight * weight(x, u, source.width, width) *
             source.row(v)[u * source.channels + channel];
    }
  }
  return sum;
}

TEST_CASE("resize gives the mean of the covered pixels, and between centres when enlarging") {
  const int channels = GENERATE(1, 3);
  const auto [width, height] =
      GENERATE(std::pair{32, 24}, std::pair{20, 17}, std::pair{9, 7}, std::pair{1, 1},
               std::pair{61, 50}, std::pair{70, 9}, std::pair{31, 60}, std::pair{48, 36});
  const auto pixels = random_pixels(std::size_t{48} * 36 * 3, 7);
  const ImageView source = view(pixels, 48, 36, channels);
  std::vector<std::uint8_t> out(static_cast<std::size_t>(width * height * channels));
  resize(source, dense_view(out.data(), width, height, channels));
  double worst = 0;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int channel = 0; channel < channels; ++channel) {
        const double want = expected_pixel(source, width, height, x, y, channel);
        const double have = out[static_cast<std::size_t>((y * width + x) * channels + channel)];
        worst = std::max(worst, std::abs(have - want));
      }
    }
  }
  INFO(width << "x" << height << "x" << channels);
  CHECK(worst < 0.51);  // Rounding, and the float arithmetic before it.
}

TEST_CASE("an even picture stays what it is at any size") {
  const auto level = static_cast<std::uint8_t>(GENERATE(0, 1, 128, 254, 255));
  const std::vector<std::uint8_t> pixels(768 * 10 * 3, level);
  for (const int width : {1, 100, 511, 512, 1000}) {
    std::vector<std::uint8_t> out(static_cast<std::size_t>(width) * 7 * 3);
    resize(view(pixels, 768, 10, 3), dense_view(out.data(), width, 7, 3));
    CHECK(std::all_of(out.begin(), out.end(), [&](std::uint8_t pixel) { return pixel == level; }));
  }
}

TEST_CASE("resize reads and writes inside its views only") {
  const auto pixels = random_pixels(std::size_t{40} * 30 * 3, 9);
  const ImageView part = crop(view(pixels, 40, 30, 3), 5, 6, 21, 13);
  std::vector<std::uint8_t> whole(std::size_t{21} * 13 * 3);
  resize(part, dense_view(whole.data(), 21, 13, 3));
  std::vector<std::uint8_t> padded(std::size_t{50} * 8, 77);
  resize(part, MutableImageView{padded.data() + 10, 11, 8, 50, 3});
  std::vector<std::uint8_t> tight(std::size_t{11} * 8 * 3);
  resize(view(whole, 21, 13, 3), dense_view(tight.data(), 11, 8, 3));
  for (std::size_t y = 0; y < 8; ++y) {
    const auto row = padded.begin() + static_cast<std::ptrdiff_t>(y * 50);
    CHECK(std::equal(row + 10, row + 43, tight.begin() + static_cast<std::ptrdiff_t>(y * 33)));
    CHECK(std::all_of(row, row + 10, [](std::uint8_t pixel) { return pixel == 77; }));
    CHECK(std::all_of(row + 43, row + 50, [](std::uint8_t pixel) { return pixel == 77; }));
  }
}

TEST_CASE("a crop shares the pixels and is cut off at the picture's edge") {
  const auto pixels = random_pixels(10 * 8 * 3, 1);
  const ImageView whole = view(pixels, 10, 8, 3);
  const ImageView part = crop(whole, 7, 2, 100, 3);
  CHECK(part.width == 3);
  CHECK(part.height == 3);
  CHECK(part.row(1) == whole.row(3) + 21);
  CHECK(crop(whole, -5, -5, 7, 6).width == 2);
  CHECK(crop(whole, -5, -5, 7, 6).height == 1);
  CHECK(crop(whole, 20, 0, 5, 5).width == 0);
  CHECK(crop(whole, 0, 0, -3, 5).width == 0);
  CHECK(crop(whole, 3, 0, 2147483647, 5).width == 7);
}

TEST_CASE("gray is the weighted mean of the channels") {
  const std::vector<std::uint8_t> pixels = {255, 255, 255, 0, 0, 0,   255, 0,  0,
                                            0,   255, 0,   0, 0, 255, 10,  20, 30};
  std::vector<std::uint8_t> gray(6);
  bgr_to_gray(view(pixels, 6, 1, 3), dense_view(gray.data(), 6, 1, 1));
  // 0.114 * 10 + 0.587 * 20 + 0.299 * 30 = 21.85
  CHECK(gray == std::vector<std::uint8_t>{255, 0, 29, 150, 76, 22});
}

TEST_CASE("planar values are scaled and shifted by the plane they are in") {
  const std::vector<std::uint8_t> pixels = {1, 2, 3, 4, 5, 6, 99, 99, 7, 8, 9, 10, 11, 12, 99, 99};
  const ImageView padded{pixels.data(), 2, 2, 8, 3};
  PlanarOptions options;
  options.scale = {1, 2, 10};
  options.offset = {0, 0.5F, -100};
  std::vector<float> planes(12);
  bgr_to_planar(padded, options, planes);
  CHECK(planes == std::vector<float>{1, 4, 7, 10, 4.5F, 10.5F, 16.5F, 22.5F, -70, -40, -10, 20});
  options.red_first = true;
  bgr_to_planar(padded, options, planes);
  CHECK(planes == std::vector<float>{3, 6, 9, 12, 4.5F, 10.5F, 16.5F, 22.5F, -90, -60, -30, 0});
}

}  // namespace
}  // namespace omma::kernels
