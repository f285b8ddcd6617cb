#include "runtime/media/annotator.hpp"

#include <cmath>
#include <limits>
#include <set>

#include "runtime/media/stroke_font.hpp"
#include "tests/runtime/media/clip_files.hpp"

namespace omma {
namespace {

using namespace clip_files;

Picture grey(BufferPool& pool, int width, int height) {
  auto buffer = pool.take(static_cast<std::size_t>(width * height * 3));
  REQUIRE(buffer.ok());
  std::fill_n(buffer->data(), buffer->size(), std::uint8_t{100});
  return {std::move(*buffer).share(), width, height};
}

Colour colour_at(const Picture& picture, int x, int y) {
  const std::uint8_t* pixel = picture.view().row(y) + std::ptrdiff_t{x} * 3;
  return {pixel[0], pixel[1], pixel[2]};
}

Annotator over(const Picture& picture, BufferPool& pool) {
  auto annotator = Annotator::over(picture, pool);
  REQUIRE(annotator.ok());
  return std::move(*annotator);
}

constexpr Colour grey_100 = {100, 100, 100};
constexpr Colour red = {0, 0, 255};

TEST_CASE("a box is drawn on its edge and nowhere else, and the picture under it stays") {
  BufferPool pool(0);
  const Picture before = grey(pool, 384, 288);
  Annotator annotator = over(before, pool);
  annotator.box({100, 80, 150, 200}, red, "");
  const Picture after = std::move(annotator).finish();
  for (int y = 0; y < 288; ++y) {
    for (int x = 0; x < 384; ++x) {
      const bool inside = x >= 100 && x < 150 && y >= 80 && y < 200;
      const bool core = x >= 101 && x < 149 && y >= 81 && y < 199;
      if (colour_at(after, x, y) != (inside && !core ? red : grey_100)) {
        FAIL("pixel " << x << "," << y);
      }
    }
  }
  CHECK(colour_at(before, 100, 80) == grey_100);
}

TEST_CASE("labels, lines, zones and the banner leave their mark where they should") {
  BufferPool pool(0);
  const Picture before = grey(pool, 384, 288);
  const auto changed = [&](const Picture& after, int x1, int y1, int x2, int y2) {
    int count = 0;
    for (int y = y1; y < y2; ++y) {
      for (int x = x1; x < x2; ++x) count += colour_at(after, x, y) != grey_100 ? 1 : 0;
    }
    return count;
  };
  SECTION("a label stands above its box, or inside at the top edge") {
    Annotator annotator = over(before, pool);
    annotator.box({100, 80, 150, 200}, red, "12");
    annotator.box({200, 2, 250, 100}, red, "13");
    const Picture after = std::move(annotator).finish();
    CHECK(changed(after, 100, 66, 125, 80) > 200);
    CHECK(changed(after, 202, 3, 225, 15) > 150);
  }
  SECTION("a line joins its ends") {
    Annotator annotator = over(before, pool);
    annotator.line({50, 250}, {350, 150}, red, "");
    const Picture after = std::move(annotator).finish();
    CHECK(colour_at(after, 50, 250) == red);
    CHECK(int{colour_at(after, 200, 200).red} > 150);
    CHECK(int{colour_at(after, 200, 200).green} < 50);
    CHECK(changed(after, 0, 0, 384, 140) == 0);
  }
  SECTION("a zone is tinted inside, not outside") {
    Annotator annotator = over(before, pool);
    const kernels::Point corners[] = {{50, 50}, {150, 50}, {150, 150}, {50, 150}};
    annotator.zone(corners, red, "");
    const Picture after = std::move(annotator).finish();
    CHECK(colour_at(after, 100, 100).red > 100);
    CHECK(colour_at(after, 100, 100).red < 160);
    CHECK(colour_at(after, 160, 100) == grey_100);
    CHECK(changed(after, 52, 52, 148, 148) == 96 * 96);
  }
  SECTION("the banner darkens the top") {
    Annotator annotator = over(before, pool);
    annotator.banner("lobby  12:00:00");
    const Picture after = std::move(annotator).finish();
    CHECK(colour_at(after, 380, 2).red < 60);
    CHECK(changed(after, 0, 30, 384, 288) == 0);
  }
}

TEST_CASE("anything may be drawn anywhere: outside, inside out, or no number at all") {
  BufferPool pool(0);
  const float huge = 1e30F, none = std::nanf(""), infinite = std::numeric_limits<float>::infinity();
  for (const float value : {-huge, -5.0F, 0.0F, 383.5F, huge, none, infinite, -infinite}) {
    Annotator annotator = over(grey(pool, 384, 288), pool);
    annotator.box({value, value, value + 50, value + 50}, red, "label");
    annotator.box({200, 100, value, value}, red, "label");
    annotator.line({value, 10}, {20, value}, red, "label");
    const kernels::Point corners[] = {{value, 50}, {150, value}, {150, 150}};
    annotator.zone(corners, red, "zone");
    annotator.banner(std::string(5000, 'W'));
    CHECK(std::move(annotator).finish().pixels.size() == 384 * 288 * 3);
  }
}

TEST_CASE("one track keeps its colour, and neighbours are told apart") {
  std::set<int> seen;
  for (std::uint64_t id = 1; id <= 12; ++id) {
    const Colour colour = Annotator::colour_of(id);
    CHECK(colour == Annotator::colour_of(id));
    const Colour next = Annotator::colour_of(id + 1);
    const int distance = std::abs(colour.blue - next.blue) + std::abs(colour.green - next.green) +
                         std::abs(colour.red - next.red);
    CHECK(distance > 100);
    seen.insert(colour.blue << 16 | colour.green << 8 | colour.red);
  }
  CHECK(seen.size() == 12);
}

TEST_CASE("every character has strokes on the grid, and no two look the same") {
  std::set<std::string_view> seen;
  for (int code = ' '; code <= '~'; ++code) {
    const std::string_view strokes = stroke_font::strokes_of(static_cast<char>(code));
    INFO("character " << static_cast<char>(code) << " " << strokes);
    CHECK(seen.insert(strokes).second);
    std::size_t digits = 0;
    for (const char c : strokes) {
      if (c == ',') {
        CHECK(digits % 2 == 0);
        CHECK(digits >= 4);
        digits = 0;
        continue;
      }
      CHECK(c >= '0');
      CHECK(c <= (digits % 2 == 0 ? '4' : '8'));
      ++digits;
    }
    CHECK(digits % 2 == 0);
    CHECK((code == ' ' ? digits == 0 : digits >= 4));
  }
  CHECK(stroke_font::strokes_of('\x80') == stroke_font::strokes_of('?'));
}

TEST_CASE("a PNG reads back as the same pixels") {
  BufferPool pool(std::size_t{1} << 22);
  const Played scene =
      play(*open({.url = "synthetic:people?width=161&height=97&frames=1&objects=3"}, pool));
  const std::string path = path_of("picture.png");
  const auto written = write_png(path.c_str(), scene.frames[0].picture);
  if (!written) FAIL(written.error().describe());
  const Played read = play(*open({.url = path}, pool));
  REQUIRE(read.frames.size() == 1);
  CHECK(same_pixels(read.frames[0].picture, scene.frames[0].picture));
  CHECK(write_png(path_of("no/folder.png").c_str(), scene.frames[0].picture).error().code ==
        Code::unavailable);
}

// Written for eyes: a person looks at these after changing how things are drawn.
TEST_CASE("a drawn-over scene is written as PNG in both usual sizes") {
  BufferPool pool(std::size_t{1} << 24);
  for (const auto& [width, height] : {std::pair{384, 288}, std::pair{768, 576}}) {
    const std::string size = std::to_string(width) + "x" + std::to_string(height);
    const auto options =
        SceneOptions::from_url("synthetic:people?seed=7&objects=6&width=" + std::to_string(width) +
                               "&height=" + std::to_string(height));
    REQUIRE(options.ok());
    const SyntheticScene scene(*options);
    auto buffer = pool.take(static_cast<std::size_t>(width * height * 3));
    scene.render(30, kernels::dense_view(buffer->data(), width, height, 3));
    Annotator annotator = over({std::move(*buffer).share(), width, height}, pool);
    const auto w = static_cast<float>(width), h = static_cast<float>(height);
    const kernels::Point zone[] = {
        {w * .55F, h * .55F}, {w * .9F, h * .5F}, {w * .95F, h * .9F}, {w * .6F, h * .95F}};
    annotator.zone(zone, {255, 200, 0}, "entrance 3");
    for (const TruthBox& truth : scene.truth(30)) {
      annotator.box(truth.box, Annotator::colour_of(truth.id + 1),
                    "#" + std::to_string(truth.id + 1) + " person");
    }
    annotator.line({w * .2F, h * .9F}, {w * .45F, h * .3F}, {0, 230, 255}, "in 12 out 9");
    annotator.banner("lobby  frame 30  0123456789  Quick gypsy fjord, wax!  (40%) [A&B]");
    const auto written =
        write_png(path_of("annotated_" + size + ".png").c_str(), std::move(annotator).finish());
    CHECK(written.ok());
  }
}

}  // namespace
}  // namespace omma
