// Anti-aliased drawing on BGR pixels: rectangles, lines, polygons and text. Everything is clipped
// to the picture, so any coordinates may be given; those that are no numbers draw nothing.
//
// Not thread-safe; the pixels are the caller's and must outlive it.
#pragma once

#include "kernels/box.hpp"
#include "kernels/picture.hpp"
#include "kernels/point.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace omma {

struct Colour {
  std::uint8_t blue = 0;
  std::uint8_t green = 0;
  std::uint8_t red = 0;

  friend bool operator==(const Colour&, const Colour&) = default;
};

class Canvas {
 public:
  // 3 channels.
  explicit Canvas(kernels::MutableImageView pixels);

  int width() const { return pixels_.width; }
  int height() const { return pixels_.height; }

  // opacity 0..1.
  void fill(const kernels::Box& box, Colour colour, float opacity);
  // A frame of this many pixels, inside the box.
  void outline(const kernels::Box& box, Colour colour, int thickness);
  // Round ends.
  void line(kernels::Point from, kernels::Point to, Colour colour, float thickness);
  // Even-odd.
  void fill_polygon(std::span<const kernels::Point> corners, Colour colour, float opacity);
  // `at`: left end of the top of the capitals, which are cap_height pixels high.
  void text(kernels::Point at, std::string_view text, Colour colour, float cap_height);

  // Pixels from the first letter's left to the last one's right.
  static float text_width(std::string_view text, float cap_height);

 private:
  void blend(int x, int y, Colour colour, float opacity);

  kernels::MutableImageView pixels_;
};

}  // namespace omma
