#include "runtime/media/annotator.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "runtime/base/check.hpp"

namespace omma {
namespace {

constexpr Colour black = {16, 16, 16};
constexpr Colour white = {250, 250, 250};

// BT.601 luma: what decides whether black or white is read better on a colour.
int luma(Colour c) {
  return (114 * c.blue + 587 * c.green + 299 * c.red) / 1000;
}

Colour from_hue(float hue, float saturation, float value) {
  const auto channel = [&](float offset) {
    const float k = std::fmod(offset + hue * 6, 6.0F);
    const float share = std::clamp(std::min(k, 4 - k), 0.0F, 1.0F);
    return static_cast<std::uint8_t>(std::lround(255 * value * (1 - saturation * share)));
  };
  return {channel(1), channel(3), channel(5)};
}

}  // namespace

Annotator::Annotator(Buffer pixels, int width, int height)
    : pixels_(std::move(pixels)),
      width_(width),
      height_(height),
      canvas_(kernels::dense_view(pixels_.data(), width, height, 3)),
      cap_height_(std::max(8.0F, static_cast<float>(height) / 52)),
      padding_(std::max(3.0F, std::round(cap_height_ / 3))),
      stroke_(std::max(1, (height + 120) / 240)) {}

Result<Annotator> Annotator::over(const Picture& picture, BufferPool& pool) {
  const auto bytes = picture_bytes("annotated picture", picture.width, picture.height);
  if (!bytes) return bytes.error();
  OMMA_CHECK(picture.pixels.size() == *bytes, picture.pixels.size(), *bytes);
  auto buffer = pool.take(*bytes);
  if (!buffer) return buffer.error();
  std::memcpy(buffer->data(), picture.pixels.data(), *bytes);
  return Annotator(std::move(*buffer), picture.width, picture.height);
}

Colour Annotator::colour_of(std::uint64_t track_id) {
  // Steps of the golden ratio put each new hue into the widest gap left.
  constexpr double golden_ratio = 0.6180339887498949;
  const double turns = static_cast<double>(track_id % 4096) * golden_ratio;
  const auto hue = static_cast<float>(turns - std::floor(turns));
  constexpr float values[3] = {1.0F, 0.85F, 0.95F};
  constexpr float saturations[3] = {0.85F, 0.95F, 0.6F};
  return from_hue(hue, saturations[track_id % 3], values[track_id % 3]);
}

void Annotator::tag(kernels::Point top_left, std::string_view label, Colour background) {
  if (label.empty() || !std::isfinite(top_left.x) || !std::isfinite(top_left.y)) return;
  const float wide = Canvas::text_width(label, cap_height_) + 2 * padding_ + 1;
  const float high = tag_height();
  // Moved into the picture where it sticks out.
  const float x = std::max(0.0F, std::min(top_left.x, static_cast<float>(width_) - wide));
  const float y = std::max(0.0F, std::min(top_left.y, static_cast<float>(height_) - high));
  canvas_.fill({x, y, x + wide, y + high}, background, 0.85F);
  canvas_.text({std::round(x) + padding_ + 0.5F, std::round(y) + padding_ + 0.5F}, label,
               luma(background) > 120 ? black : white, cap_height_);
}

void Annotator::box(const kernels::Box& box, Colour colour, std::string_view label) {
  canvas_.outline(box, colour, stroke_);
  const float high = tag_height();
  const bool room_above = box.y1 >= high;
  tag({box.x1, room_above ? box.y1 - high : box.y1}, label, colour);
}

void Annotator::line(kernels::Point from, kernels::Point to, Colour colour,
                     std::string_view label) {
  const auto thickness = static_cast<float>(stroke_) + 0.5F;
  canvas_.line(from, to, black, thickness + 2);
  canvas_.line(from, to, colour, thickness);
  for (const kernels::Point end : {from, to}) {
    canvas_.line(end, end, black, thickness * 3 + 2);
    canvas_.line(end, end, colour, thickness * 3);
  }
  const float wide = Canvas::text_width(label, cap_height_);
  tag({(from.x + to.x - wide) / 2, (from.y + to.y) / 2 + thickness * 2}, label, colour);
}

void Annotator::zone(std::span<const kernels::Point> corners, Colour colour,
                     std::string_view label) {
  if (corners.size() < 3) return;
  canvas_.fill_polygon(corners, colour, 0.22F);
  kernels::Point middle;
  for (std::size_t i = 0; i < corners.size(); ++i) {
    canvas_.line(corners[i], corners[(i + 1) % corners.size()], colour,
                 static_cast<float>(stroke_));
    middle.x += corners[i].x / static_cast<float>(corners.size());
    middle.y += corners[i].y / static_cast<float>(corners.size());
  }
  tag({middle.x - Canvas::text_width(label, cap_height_) / 2, middle.y - cap_height_}, label,
      colour);
}

void Annotator::banner(std::string_view text) {
  const float pad = std::round(cap_height_ / 2);
  canvas_.fill({0, 0, static_cast<float>(width_), cap_height_ + 2 * pad + 1}, black, 0.65F);
  canvas_.text({pad + 1.5F, pad + 0.5F}, text, white, cap_height_);
}

Picture Annotator::finish() && {
  return {std::move(pixels_).share(), width_, height_};
}

}  // namespace omma
