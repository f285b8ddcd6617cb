// Separable: each output row is first mixed from source rows into a row of floats (whole rows at
// a time, which the compiler vectorises), then each pixel is mixed from that row.
#include "kernels/picture.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <vector>

namespace omma::kernels {
namespace {

// Output position i is the sum over k < count of weights[first_weight + k] * source[first + k].
struct Taps {
  int first = 0;
  int count = 0;
  std::size_t first_weight = 0;
};

struct Axis {
  std::vector<Taps> taps;  // One an output position.
  std::vector<float> weights;
};

void add_area_taps(int i, double ratio, int source_size, Axis& axis) {
  const double begin = i * ratio;
  const double end = std::min(begin + ratio, static_cast<double>(source_size));
  const int first = std::min(static_cast<int>(begin), source_size - 1);
  Taps taps{first, 0, axis.weights.size()};
  for (int j = first; j < source_size && j < end; ++j) {
    const double covered = std::min(end, j + 1.0) - std::max(begin, static_cast<double>(j));
    if (taps.count > 0 && covered < 1e-9) break;  // Rounding of a ratio that divides evenly.
    axis.weights.push_back(static_cast<float>(covered / ratio));
    ++taps.count;
  }
  axis.taps.push_back(taps);
}

void add_bilinear_taps(int i, double ratio, int source_size, Axis& axis) {
  const double centre = std::clamp((i + 0.5) * ratio - 0.5, 0.0, source_size - 1.0);
  const int first = static_cast<int>(centre);
  const auto fraction = static_cast<float>(centre - first);
  axis.taps.push_back({first, fraction > 0 ? 2 : 1, axis.weights.size()});
  axis.weights.push_back(1.0F - fraction);
  if (fraction > 0) axis.weights.push_back(fraction);
}

Axis make_axis(int source_size, int target_size) {
  const double ratio = static_cast<double>(source_size) / target_size;
  Axis axis;
  axis.taps.reserve(static_cast<std::size_t>(target_size));
  for (int i = 0; i < target_size; ++i) {
    if (ratio > 1) {
      add_area_taps(i, ratio, source_size, axis);
    } else {
      add_bilinear_taps(i, ratio, source_size, axis);
    }
  }
  return axis;
}

// mixed[x] = sum of weight * row[x] over the taps' rows.
void mix_rows(ImageView source, const Taps& taps, const float* weights, std::size_t row_values,
              float* __restrict mixed) {
  int k = 0;
  if (taps.count >= 2) {
    const std::uint8_t* __restrict upper = source.row(taps.first);
    const std::uint8_t* __restrict lower = source.row(taps.first + 1);
    const float a = weights[0];
    const float b = weights[1];
    for (std::size_t x = 0; x < row_values; ++x) {
      mixed[x] = static_cast<float>(upper[x]) * a + static_cast<float>(lower[x]) * b;
    }
    k = 2;
  } else {
    const std::uint8_t* __restrict row = source.row(taps.first);
    const float a = weights[0];
    for (std::size_t x = 0; x < row_values; ++x) mixed[x] = static_cast<float>(row[x]) * a;
    k = 1;
  }
  for (; k < taps.count; ++k) {
    const std::uint8_t* __restrict row = source.row(taps.first + k);
    const float a = weights[k];
    for (std::size_t x = 0; x < row_values; ++x) mixed[x] += static_cast<float>(row[x]) * a;
  }
}

std::uint8_t to_pixel(float value) {
  return static_cast<std::uint8_t>(std::min(static_cast<int>(value + 0.5F), 255));
}

void mix_columns_gray(const float* mixed, const Axis& axis, std::uint8_t* out) {
  for (const Taps& taps : axis.taps) {
    const float* weights = axis.weights.data() + taps.first_weight;
    float sum = 0;
    for (int k = 0; k < taps.count; ++k) sum += mixed[taps.first + k] * weights[k];
    *out++ = to_pixel(sum);
  }
}

// Four lanes a pixel, of which the fourth belongs to the neighbour and is thrown away: a pixel is
// then one vector. `mixed` is readable one value past its end.
void mix_columns_bgr(const float* mixed, const Axis& axis, std::uint8_t* out) {
  for (const Taps& taps : axis.taps) {
    const float* weights = axis.weights.data() + taps.first_weight;
    const float* in = mixed + static_cast<std::ptrdiff_t>(taps.first) * 3;
    float sum[4] = {0.5F, 0.5F, 0.5F, 0.5F};
    for (int k = 0; k < taps.count; ++k, in += 3) {
      for (int lane = 0; lane < 4; ++lane) sum[lane] += in[lane] * weights[k];
    }
    for (int channel = 0; channel < 3; ++channel) {
      *out++ = static_cast<std::uint8_t>(std::min(static_cast<int>(sum[channel]), 255));
    }
  }
}

}  // namespace

void resize(ImageView source, MutableImageView target) {
  assert(source.channels == target.channels);
  assert(source.channels == 1 || source.channels == 3);
  assert(source.width > 0 && source.height > 0 && target.width > 0 && target.height > 0);
  const auto row_values =
      static_cast<std::size_t>(source.width) * static_cast<std::size_t>(source.channels);
  if (source.width == target.width && source.height == target.height) {
    for (int y = 0; y < source.height; ++y) std::memcpy(target.row(y), source.row(y), row_values);
    return;
  }
  const Axis columns = make_axis(source.width, target.width);
  const Axis rows = make_axis(source.height, target.height);
  std::vector<float> mixed(row_values + 1);
  for (int y = 0; y < target.height; ++y) {
    const Taps& taps = rows.taps[static_cast<std::size_t>(y)];
    mix_rows(source, taps, rows.weights.data() + taps.first_weight, row_values, mixed.data());
    if (source.channels == 3) {
      mix_columns_bgr(mixed.data(), columns, target.row(y));
    } else {
      mix_columns_gray(mixed.data(), columns, target.row(y));
    }
  }
}

}  // namespace omma::kernels
