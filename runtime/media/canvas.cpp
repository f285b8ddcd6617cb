#include "runtime/media/canvas.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "runtime/base/check.hpp"
#include "runtime/media/stroke_font.hpp"

namespace omma {
namespace {

bool is_number(kernels::Point p) {
  return std::isfinite(p.x) && std::isfinite(p.y);
}

// Rounded down and clipped while still a float, so that no coordinate overflows an int.
int pixel_at(float value, int end) {
  return static_cast<int>(std::floor(std::clamp(value, 0.0F, static_cast<float>(end))));
}

float distance_to_segment(kernels::Point p, kernels::Point a, kernels::Point b) {
  const float dx = b.x - a.x, dy = b.y - a.y;
  const float length2 = dx * dx + dy * dy;
  const float along =
      length2 > 0 ? std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / length2, 0.0F, 1.0F) : 0.0F;
  return std::hypot(p.x - a.x - along * dx, p.y - a.y - along * dy);
}

// Calls each(a, b) for the lines of a character, in grid units.
template <class Each>
void for_each_stroke(char character, Each&& each) {
  const std::string_view strokes = stroke_font::strokes_of(character);
  kernels::Point before;
  bool started = false;
  for (std::size_t i = 0; i < strokes.size();) {
    if (strokes[i] == ',') {
      started = false;
      ++i;
      continue;
    }
    const kernels::Point here{static_cast<float>(strokes[i] - '0'),
                              static_cast<float>(strokes[i + 1] - '0')};
    if (started) each(before, here);
    before = here;
    started = true;
    i += 2;
  }
}

}  // namespace

Canvas::Canvas(kernels::MutableImageView pixels) : pixels_(pixels) {
  OMMA_CHECK(pixels.channels == 3, pixels.channels);
}

void Canvas::blend(int x, int y, Colour colour, float opacity) {
  std::uint8_t* pixel = pixels_.row(y) + std::ptrdiff_t{x} * 3;
  const int share = static_cast<int>(std::lround(opacity * 256));
  const auto mix = [share](std::uint8_t under, std::uint8_t over) {
    return static_cast<std::uint8_t>((under * (256 - share) + over * share + 128) >> 8);
  };
  pixel[0] = mix(pixel[0], colour.blue);
  pixel[1] = mix(pixel[1], colour.green);
  pixel[2] = mix(pixel[2], colour.red);
}

void Canvas::fill(const kernels::Box& box, Colour colour, float opacity) {
  if (!is_number({box.x1, box.y1}) || !is_number({box.x2, box.y2})) return;
  const int x1 = pixel_at(std::round(box.x1), width()), x2 = pixel_at(std::round(box.x2), width());
  const int y1 = pixel_at(std::round(box.y1), height());
  const int y2 = pixel_at(std::round(box.y2), height());
  for (int y = y1; y < y2; ++y) {
    for (int x = x1; x < x2; ++x) blend(x, y, colour, opacity);
  }
}

void Canvas::outline(const kernels::Box& box, Colour colour, int thickness) {
  const float t = static_cast<float>(thickness);
  if (box.width() <= 2 * t || box.height() <= 2 * t) return fill(box, colour, 1);
  fill({box.x1, box.y1, box.x2, box.y1 + t}, colour, 1);
  fill({box.x1, box.y2 - t, box.x2, box.y2}, colour, 1);
  fill({box.x1, box.y1 + t, box.x1 + t, box.y2 - t}, colour, 1);
  fill({box.x2 - t, box.y1 + t, box.x2, box.y2 - t}, colour, 1);
}

void Canvas::line(kernels::Point from, kernels::Point to, Colour colour, float thickness) {
  if (!is_number(from) || !is_number(to)) return;
  const float reach = thickness / 2 + 1;
  const int x1 = pixel_at(std::min(from.x, to.x) - reach, width());
  const int x2 = pixel_at(std::max(from.x, to.x) + reach + 1, width());
  const int y1 = pixel_at(std::min(from.y, to.y) - reach, height());
  const int y2 = pixel_at(std::max(from.y, to.y) + reach + 1, height());
  for (int y = y1; y < y2; ++y) {
    for (int x = x1; x < x2; ++x) {
      const kernels::Point centre{static_cast<float>(x) + 0.5F, static_cast<float>(y) + 0.5F};
      const float cover = 0.5F + thickness / 2 - distance_to_segment(centre, from, to);
      if (cover > 0) blend(x, y, colour, std::min(cover, 1.0F));
    }
  }
}

void Canvas::fill_polygon(std::span<const kernels::Point> corners, Colour colour, float opacity) {
  if (corners.size() < 3 || !std::all_of(corners.begin(), corners.end(), is_number)) return;
  std::vector<float> crossings;
  for (int y = 0; y < height(); ++y) {
    const float middle = static_cast<float>(y) + 0.5F;
    crossings.clear();
    for (std::size_t i = 0; i < corners.size(); ++i) {
      const kernels::Point a = corners[i], b = corners[(i + 1) % corners.size()];
      if ((a.y <= middle) == (b.y <= middle)) continue;
      crossings.push_back(a.x + (middle - a.y) / (b.y - a.y) * (b.x - a.x));
    }
    std::sort(crossings.begin(), crossings.end());
    for (std::size_t i = 0; i + 1 < crossings.size(); i += 2) {
      const int end = pixel_at(std::round(crossings[i + 1]), width());
      for (int x = pixel_at(std::round(crossings[i]), width()); x < end; ++x) {
        blend(x, y, colour, opacity);
      }
    }
  }
}

float Canvas::text_width(std::string_view text, float cap_height) {
  if (text.empty()) return 0;
  const float unit = cap_height / stroke_font::cap_height;
  constexpr float letter_width = 4;
  return (static_cast<float>(text.size() - 1) * stroke_font::advance + letter_width) * unit;
}

void Canvas::text(kernels::Point at, std::string_view text, Colour colour, float cap_height) {
  if (!is_number(at)) return;
  const float unit = cap_height / stroke_font::cap_height;
  const float reach = std::max(1.15F, unit * 0.85F) / 2;  // Half the pen's width.
  for (const char character : text) {
    // The letter's cover first, then one blend: where strokes meet nothing is drawn twice.
    const int x1 = pixel_at(at.x - reach - 1, width());
    const int x2 = pixel_at(at.x + stroke_font::advance * unit + reach + 1, width());
    const int y1 = pixel_at(at.y - reach - 1, height());
    const float low = stroke_font::cap_height + stroke_font::tail_depth;
    const int y2 = pixel_at(at.y + low * unit + reach + 2, height());
    for (int y = y1; y < y2; ++y) {
      for (int x = x1; x < x2; ++x) {
        const kernels::Point centre{(static_cast<float>(x) + 0.5F - at.x) / unit,
                                    (static_cast<float>(y) + 0.5F - at.y) / unit};
        float nearest = 1e9F;
        for_each_stroke(character, [&](kernels::Point a, kernels::Point b) {
          nearest = std::min(nearest, distance_to_segment(centre, a, b));
        });
        const float cover = 0.5F + reach - nearest * unit;
        if (cover > 0) blend(x, y, colour, std::min(cover, 1.0F));
      }
    }
    at.x += stroke_font::advance * unit;
  }
}

}  // namespace omma
