// Letters as strokes on a small grid, so that one table serves every size. ASCII only; anything
// else shows as '?'.
//
// Pure functions over a constant table; safe from any thread.
#pragma once

#include <string_view>

namespace omma::stroke_font {

// Grid units: capitals are 4 wide and 6 high, tails go 2 below the baseline, the next letter
// starts 5.5 to the right.
inline constexpr float cap_height = 6;
inline constexpr float tail_depth = 2;
inline constexpr float advance = 5.5F;

// Strokes of a character: "xy" digit pairs joined by lines, strokes separated by commas, y down
// from the top of the capitals. A stroke of one point twice is a dot.
std::string_view strokes_of(char character);

}  // namespace omma::stroke_font
