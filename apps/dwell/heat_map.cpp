#include "apps/dwell/heat_map.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>

namespace dwell {
namespace {

using omma::Colour;
using omma::kernels::MutableImageView;
using omma::kernels::Point;

constexpr Colour ground = {30, 26, 24};
constexpr Colour panel = {24, 20, 18};
constexpr Colour ink = {240, 238, 235};
constexpr Colour pale_ink = {168, 162, 158};

// --- Colours
// --------------------------------------------------------------------------------------

// Björn Ottosson's Oklab, https://bottosson.github.io/posts/oklab/: lightness, and two axes of
// colour, in which equal distances look equal.
struct Oklab {
  float lightness;
  float a;
  float b;
};

std::uint8_t gamma_coded(float linear) {
  const float clipped = std::clamp(linear, 0.0F, 1.0F);
  const float coded =
      clipped <= 0.0031308F ? 12.92F * clipped : 1.055F * std::pow(clipped, 1 / 2.4F) - 0.055F;
  return static_cast<std::uint8_t>(std::lround(coded * 255));
}

Colour colour_of(const Oklab& in) {
  const auto cube = [](float x) { return x * x * x; };
  const float l = cube(in.lightness + 0.3963377774F * in.a + 0.2158037573F * in.b);
  const float m = cube(in.lightness - 0.1055613458F * in.a - 0.0638541728F * in.b);
  const float s = cube(in.lightness - 0.0894841775F * in.a - 1.2914855480F * in.b);
  return {gamma_coded(-0.0041960863F * l - 0.7034186147F * m + 1.7076147010F * s),
          gamma_coded(-1.2684380046F * l + 2.6097574011F * m - 0.3413193965F * s),
          gamma_coded(4.0767416621F * l - 3.3077115913F * m + 0.2309699292F * s)};
}

std::array<Colour, 256> make_colours() {
  // Night blue, violet, red, orange, pale yellow: lightness rises evenly along them.
  constexpr std::array<Oklab, 5> stops = {{{0.24F, 0.00F, -0.11F},
                                           {0.42F, 0.13F, -0.12F},
                                           {0.60F, 0.19F, 0.05F},
                                           {0.78F, 0.07F, 0.14F},
                                           {0.96F, -0.02F, 0.10F}}};
  std::array<Colour, 256> colours{};
  for (std::size_t i = 0; i < colours.size(); ++i) {
    const float place = static_cast<float>(i) / 255 * (stops.size() - 1);
    const auto from = std::min(static_cast<std::size_t>(place), stops.size() - 2);
    const float part = place - static_cast<float>(from);
    const auto between = [part](float x, float y) { return x + (y - x) * part; };
    const Oklab& x = stops[from];
    const Oklab& y = stops[from + 1];
    colours[i] =
        colour_of({between(x.lightness, y.lightness), between(x.a, y.a), between(x.b, y.b)});
  }
  return colours;
}

// --- Heat
// -----------------------------------------------------------------------------------------

// Seconds a cell, smoothed: feet tremble, and a cell's edge means nothing.
class SmoothHeat {
 public:
  explicit SmoothHeat(const HeatGrid& heat) : columns_(heat.columns()), rows_(heat.rows()) {
    std::vector<float> raw;
    for (const std::uint32_t cell : heat.cells()) raw.push_back(static_cast<float>(cell) / 1000);
    const std::vector<float> across = blurred(raw, 1, 0);
    seconds_ = blurred(across, 0, 1);
    for (const float seconds : seconds_) most_ = std::max(most_, seconds);
  }

  float most() const { return most_; }

  // At a pixel: between the centres of the four cells around it.
  float at(int x, int y) const {
    const float column = (static_cast<float>(x) + 0.5F) / HeatGrid::cell_pixels - 0.5F;
    const float row = (static_cast<float>(y) + 0.5F) / HeatGrid::cell_pixels - 0.5F;
    const int left = static_cast<int>(std::floor(column));
    const int top = static_cast<int>(std::floor(row));
    const float right_part = column - static_cast<float>(left);
    const float lower_part = row - static_cast<float>(top);
    const auto mix = [&](int line) {
      return cell(seconds_, left, line) * (1 - right_part) +
             cell(seconds_, left + 1, line) * right_part;
    };
    return mix(top) * (1 - lower_part) + mix(top + 1) * lower_part;
  }

 private:
  float cell(const std::vector<float>& cells, int column, int row) const {
    const int x = std::clamp(column, 0, columns_ - 1);
    const int y = std::clamp(row, 0, rows_ - 1);
    return cells[static_cast<std::size_t>(y * columns_ + x)];
  }
  // 1-2-1 along one axis.
  std::vector<float> blurred(const std::vector<float>& in, int dx, int dy) const {
    std::vector<float> out;
    out.reserve(in.size());
    for (int y = 0; y < rows_; ++y) {
      for (int x = 0; x < columns_; ++x) {
        out.push_back((cell(in, x - dx, y - dy) + 2 * cell(in, x, y) + cell(in, x + dx, y + dy)) /
                      4);
      }
    }
    return out;
  }

  int columns_;
  int rows_;
  std::vector<float> seconds_;
  float most_ = 0;
};

// Few places are stood at for long: by the square root those that are walked over show as well.
float share_of(float seconds, float most) {
  return most > 0 ? std::sqrt(std::clamp(seconds / most, 0.0F, 1.0F)) : 0.0F;
}

void put(std::uint8_t* pixel, Colour colour) {
  pixel[0] = colour.blue;
  pixel[1] = colour.green;
  pixel[2] = colour.red;
}

Colour mixed(Colour under, Colour over, float opacity) {
  const auto mix = [opacity](std::uint8_t from, std::uint8_t to) {
    return static_cast<std::uint8_t>(
        std::lround(static_cast<float>(from) * (1 - opacity) + static_cast<float>(to) * opacity));
  };
  return {mix(under.blue, over.blue), mix(under.green, over.green), mix(under.red, over.red)};
}

// The picture in gray and darker, so that all colour is heat.
Colour toned_down(const std::uint8_t* pixel) {
  const int luma = (pixel[0] * 29 + pixel[1] * 150 + pixel[2] * 77) / 256;
  const auto gray = static_cast<std::uint8_t>(luma * 6 / 10);
  return {gray, gray, gray};
}

void paint_heat(MutableImageView out, const HeatMapScene& scene, const SmoothHeat& heat) {
  const bool has_picture =
      scene.picture.width == scene.heat.width() && scene.picture.height == scene.heat.height();
  for (int y = 0; y < scene.heat.height(); ++y) {
    std::uint8_t* pixel = out.row(y);
    const std::uint8_t* under = has_picture ? scene.picture.view().row(y) : nullptr;
    for (int x = 0; x < scene.heat.width(); ++x, pixel += 3) {
      const Colour base = under == nullptr ? ground : toned_down(under + std::ptrdiff_t{x} * 3);
      const float share = share_of(heat.at(x, y), heat.most());
      const float opacity = std::min(share * 5, 1.0F) * (0.45F + 0.4F * share);
      put(pixel, mixed(base, heat_colour(share), opacity));
    }
  }
}

// --- Marks and legend
// -----------------------------------------------------------------------------

void draw_zone(omma::Canvas& canvas, const HeatMapScene::Zone& zone, float letter) {
  const std::size_t corners = zone.corners.size();
  for (const bool shade : {true, false}) {
    for (std::size_t i = 0; i < corners; ++i) {
      canvas.line(zone.corners[i], zone.corners[(i + 1) % corners], shade ? panel : ink,
                  shade ? 3.5F : 1.5F);
    }
  }
  if (corners == 0 || zone.label.empty()) return;
  const auto above = [](const Point& a, const Point& b) { return a.y < b.y; };
  const Point top = *std::min_element(zone.corners.begin(), zone.corners.end(), above);
  const float width = omma::Canvas::text_width(zone.label, letter) + letter;
  const float space = static_cast<float>(canvas.width()) - width - 2;
  const float left = std::clamp(top.x + 4, 2.0F, std::max(space, 2.0F));
  const float upper = std::max(top.y, 0.0F) + 5;
  canvas.fill({left, upper, left + width, upper + 2 * letter}, panel, 0.7F);
  canvas.text({left + letter / 2, upper + letter / 2}, zone.label, ink, letter);
}

std::string seconds_text(float seconds) {
  char text[32];
  std::snprintf(text, sizeof text, seconds < 10 ? "%.1f" : "%.0f", static_cast<double>(seconds));
  return text;
}

void draw_legend(omma::Canvas& canvas, const std::string& title, int top, float most) {
  const auto width = static_cast<float>(canvas.width());
  const auto upper = static_cast<float>(top);
  const auto height = static_cast<float>(canvas.height() - top);
  const float letter = height / 6;
  const float margin = letter * 1.5F;
  canvas.fill({0, upper, width, upper + height}, panel, 1);
  canvas.text({margin, upper + height * 0.24F}, title, ink, letter);
  canvas.text({margin, upper + height * 0.62F}, "person seconds in 16 x 16 pixels", pale_ink,
              letter * 0.8F);

  const float bar_left = width * 0.54F;
  const float bar_width = width - margin - bar_left;
  const float bar_top = upper + height * 0.24F;
  const float bar_bottom = upper + height * 0.52F;
  canvas.fill({bar_left - margin / 2, upper, width, upper + height}, panel, 1);
  for (int x = 0; x < static_cast<int>(bar_width); ++x) {
    const float at = bar_left + static_cast<float>(x);
    canvas.fill({at, bar_top, at + 1, bar_bottom}, heat_colour(static_cast<float>(x) / bar_width),
                1);
  }
  if (most <= 0) {
    return canvas.text({bar_left, upper + height * 0.66F}, "nobody yet", pale_ink, letter * 0.8F);
  }
  constexpr int steps = 4;
  for (int i = 0; i <= steps; ++i) {
    const float share = static_cast<float>(i) / steps;
    const std::string text = seconds_text(share * share * most) + (i == steps ? " s" : "");
    const float at = bar_left + share * bar_width;
    const float text_width = omma::Canvas::text_width(text, letter * 0.8F);
    canvas.line({at, bar_bottom}, {at, bar_bottom + letter * 0.4F}, pale_ink, 1);
    // The first one's left and the last one's right are the bar's.
    canvas.text({at - share * text_width, upper + height * 0.66F}, text, pale_ink, letter * 0.8F);
  }
}

}  // namespace

Colour heat_colour(float share) {
  static const std::array<Colour, 256> colours = make_colours();
  return colours[static_cast<std::size_t>(std::lround(std::clamp(share, 0.0F, 1.0F) * 255))];
}

int legend_height(int picture_height) {
  return std::clamp(picture_height / 9, 24, 120);
}

omma::Result<omma::Picture> draw_heat_map(const HeatMapScene& scene, omma::BufferPool& pool) {
  const int width = scene.heat.width();
  const int height = scene.heat.height() + legend_height(scene.heat.height());
  if (width == 0 || scene.heat.height() == 0) {
    return omma::Error{omma::Code::invalid_argument,
                       "heat map: no frame has come yet, so its size is unknown"};
  }
  auto bytes = omma::picture_bytes("heat map", width, height);
  if (!bytes) return bytes.error();
  auto pixels = pool.take(*bytes);
  if (!pixels) return pixels.error();
  const MutableImageView out = omma::kernels::dense_view(pixels->data(), width, height, 3);
  const SmoothHeat heat(scene.heat);
  paint_heat(out, scene, heat);
  // Marks of zones stay within the picture.
  omma::Canvas picture(omma::kernels::dense_view(pixels->data(), width, scene.heat.height(), 3));
  const float letter = std::clamp(static_cast<float>(height) / 60, 6.0F, 22.0F);
  for (const HeatMapScene::Zone& zone : scene.zones) draw_zone(picture, zone, letter);
  omma::Canvas canvas(out);
  draw_legend(canvas, scene.title, scene.heat.height(), heat.most());
  return omma::Picture{std::move(*pixels).share(), width, height};
}

}  // namespace dwell
