#include "apps/dwell/heat_map.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/support/temporary_folder.hpp"

namespace dwell {
namespace {

HeatMapScene scene_of(int width, int height) {
  HeatMapScene scene;
  scene.heat.set_size(width, height);
  scene.title = "lobby";
  return scene;
}

omma::Picture drawn(const HeatMapScene& scene) {
  omma::BufferPool pool(0);
  auto picture = draw_heat_map(scene, pool);
  REQUIRE(picture.ok());
  return *picture;
}

// How far red and blue are apart: gray pictures have none.
int colour_at(const omma::Picture& picture, int x, int y) {
  const std::uint8_t* pixel = picture.view().row(y) + x * 3;
  return std::abs(pixel[2] - pixel[0]);
}

double lightness(omma::Colour colour) {
  const auto linear = [](std::uint8_t coded) {
    const double x = coded / 255.0;
    return x <= 0.04045 ? x / 12.92 : std::pow((x + 0.055) / 1.055, 2.4);
  };
  const double luminance =
      0.2126 * linear(colour.red) + 0.7152 * linear(colour.green) + 0.0722 * linear(colour.blue);
  return 116 * std::cbrt(luminance) - 16;  // CIE L*, for all but the darkest.
}

TEST_CASE("each colour of the scale is lighter than the one before, in even steps") {
  const double least = lightness(heat_colour(0));
  const double most = lightness(heat_colour(1));
  CHECK(least < 15);
  CHECK(most > 90);
  for (int i = 0; i < 32; ++i) {
    CAPTURE(i);
    const double step = lightness(heat_colour(static_cast<float>(i + 1) / 32)) -
                        lightness(heat_colour(static_cast<float>(i) / 32));
    CHECK(step > (most - least) / 32 * 0.3);
    CHECK(step < (most - least) / 32 * 2);
  }
  CHECK(heat_colour(-1) == heat_colour(0));
  CHECK(heat_colour(2) == heat_colour(1));
}

TEST_CASE("colour is where people stood, over the camera's picture, with a legend below") {
  auto scene = scene_of(640, 480);
  scene.heat.add({400, 300}, 60'000);
  omma::BufferPool pool(0);
  auto buffer = pool.take(640 * 480 * 3);
  REQUIRE(buffer.ok());
  std::fill_n(buffer->data(), buffer->size(), std::uint8_t{200});
  scene.picture = {std::move(*buffer).share(), 640, 480};
  const auto picture = drawn(scene);
  CHECK(picture.width == 640);
  CHECK(picture.height == 480 + legend_height(480));
  CHECK(colour_at(picture, 400, 300) > 60);
  CHECK(colour_at(picture, 100, 100) == 0);
  CHECK(picture.view().row(100)[100 * 3] == 120);  // The ground, toned down.
}

TEST_CASE("without a picture, with zones anywhere and for any size it draws what it has") {
  for (const auto& [width, height] : {std::pair{17, 1}, {64, 48}, {1920, 1080}}) {
    CAPTURE(width, height);
    auto scene = scene_of(width, height);
    scene.zones.push_back({{{-1e6F, -1e6F}, {1e6F, -1e6F}, {1e6F, 1e6F}}, "everywhere"});
    scene.zones.push_back({{{5, 5}, {50, 5}, {50, 40}}, "a label that is wider than the picture"});
    scene.heat.add({1e9F, -1e9F}, 10);
    const auto picture = drawn(scene);
    CHECK(picture.width == width);
    CHECK(picture.height == height + legend_height(height));
  }
  omma::BufferPool pool(0);
  const auto nothing = draw_heat_map(HeatMapScene(), pool);
  REQUIRE_FALSE(nothing.ok());
  CHECK(nothing.error().code == omma::Code::invalid_argument);
}

// OMMA_HEAT_MAP_OUT=FILE keeps it, to look at.
TEST_CASE("a heat map is written as a PNG file") {
  auto scene = scene_of(768, 576);
  for (int i = 0; i < 2000; ++i) {
    const auto turn = static_cast<float>(i) * 0.01F;
    scene.heat.add({384 + 250 * std::cos(turn), 330 + 120 * std::sin(turn * 3)}, 80);
    scene.heat.add({150 + 9 * std::cos(turn * 9), 420 + 7 * std::sin(turn * 7)}, 400);
  }
  scene.zones.push_back(
      {{{60, 300}, {260, 320}, {240, 520}, {40, 500}}, "queue: 14 stays, mean 9.3 s"});
  omma::TemporaryFolder folder;
  const char* kept = std::getenv("OMMA_HEAT_MAP_OUT");
  const std::string path = kept != nullptr ? kept : folder.file("heat.png").string();
  REQUIRE(omma::write_png(path.c_str(), drawn(scene)).ok());
  std::ifstream file(path, std::ios::binary);
  std::string start(8, '\0');
  file.read(start.data(), 8);
  CHECK(start == "\x89PNG\r\n\x1a\n");
}

}  // namespace
}  // namespace dwell
