// A place in a picture: pixels, x to the right, y down; the centre of the first pixel is
// (0.5, 0.5). A value without invariants.
#pragma once

namespace omma::kernels {

struct Point {
  float x = 0;
  float y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

}  // namespace omma::kernels
