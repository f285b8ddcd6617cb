// A box in a picture: pixels, x to the right, y down, (x1, y1) inclusive to (x2, y2) exclusive.
// A value without invariants: corners of a box that a network dreamt up may be in any order, so
// the functions here treat an inverted box as empty instead of trusting it.
#pragma once

#include <algorithm>

namespace omma::kernels {

struct Box {
  float x1 = 0;
  float y1 = 0;
  float x2 = 0;
  float y2 = 0;

  float width() const noexcept { return x2 - x1; }
  float height() const noexcept { return y2 - y1; }
  friend bool operator==(const Box&, const Box&) = default;
};

// In square pixels; 0 for an inverted box.
inline float area(const Box& box) noexcept {
  return std::max(box.width(), 0.0F) * std::max(box.height(), 0.0F);
}

inline float intersection_area(const Box& a, const Box& b) noexcept {
  return area(
      {std::max(a.x1, b.x1), std::max(a.y1, b.y1), std::min(a.x2, b.x2), std::min(a.y2, b.y2)});
}

// 0..1; 0 when both are empty.
inline float intersection_over_union(const Box& a, const Box& b) noexcept {
  const float common = intersection_area(a, b);
  const float either = area(a) + area(b) - common;
  return either > 0 ? common / either : 0.0F;
}

}  // namespace omma::kernels
