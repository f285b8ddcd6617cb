// What was found, drawn over the picture for people to look at: boxes with their ids, counting
// lines, zones and a banner. Sizes follow the picture's height, so it reads well from 384x288 up.
//
// Works on its own copy of the picture. Not thread-safe; one owner.
#pragma once

#include "kernels/box.hpp"
#include "runtime/base/blob.hpp"
#include "runtime/base/error.hpp"
#include "runtime/media/canvas.hpp"
#include "runtime/media/picture.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace omma {

class Annotator {
 public:
  static Result<Annotator> over(const Picture& picture, BufferPool& pool);

  // Always the same for one track, and well apart for neighbouring numbers.
  static Colour colour_of(std::uint64_t track_id);

  // The label stands on a tab over the box, or in it where there is no room above.
  void box(const kernels::Box& box, Colour colour, std::string_view label);
  // A counting line with its ends marked; the label stands by its middle.
  void line(kernels::Point from, kernels::Point to, Colour colour, std::string_view label);
  // A polygon, lightly filled; the label stands at its middle.
  void zone(std::span<const kernels::Point> corners, Colour colour, std::string_view label);
  // A dark strip along the top.
  void banner(std::string_view text);

  Picture finish() &&;

 private:
  Annotator(Buffer pixels, int width, int height);
  float tag_height() const { return cap_height_ + 2 * padding_ + 1; }
  void tag(kernels::Point top_left, std::string_view label, Colour background);

  Buffer pixels_;
  int width_;
  int height_;
  Canvas canvas_;
  float cap_height_;  // Of letters, in pixels.
  float padding_;     // Around the letters of a tag, in pixels.
  int stroke_;        // Of box outlines, in pixels.
};

}  // namespace omma
