#include "actors/line_crossing.hpp"

#include <catch2/catch.hpp>
#include <limits>
#include <utility>
#include <vector>

namespace omma {
namespace {

// Straight down the picture at x = 100: who stands at its top and looks down the picture has the
// picture's right (larger x) to the left.
const LineCrossing::Options down{.from = {100, 0}, .to = {100, 200}};

TrackBox standing_at(float x, float y, std::uint64_t id = 1) {
  return {id, {x - 10, y - 50, x + 10, y}, 0.9F, 1, 0};
}

std::vector<Crossing> step(LineCrossing& line, float x, float y, std::uint64_t id = 1) {
  return line.update(std::vector{standing_at(x, y, id)});
}

TEST_CASE("the foot point is the middle of the lower edge") {
  CHECK(foot_point({1, {10, 20, 30, 90}, 1, 0, 0}) == kernels::Point{20, 90});
}

TEST_CASE("a crossing is counted once, in its direction") {
  LineCrossing line(down);
  for (float x = 80; x < 120; x += 1) {
    const auto crossings = step(line, x, 100);
    if (x == 106) {
      CHECK(crossings == std::vector{Crossing{1, CrossingDirection::to_left}});
    } else {
      CHECK(crossings.empty());
    }
  }
  CHECK(line.to_left() == 1);
  CHECK(line.to_right() == 0);
  for (float x = 120; x > 80; x -= 1) step(line, x, 100);
  CHECK(line.to_left() == 1);
  CHECK(line.to_right() == 1);
}

TEST_CASE("the feet, not the box, cross") {
  LineCrossing across({.from = {0, 100}, .to = {200, 100}});
  step(across, 100, 80);
  CHECK(step(across, 100, 93.9F).empty());
  // The box, from 59 to 109, lies across the line; the feet are over it.
  CHECK(step(across, 100, 109) == std::vector{Crossing{1, CrossingDirection::to_right}});
}

TEST_CASE("feet that tremble within the dead band cross nothing") {
  LineCrossing line(down);
  step(line, 80, 100);
  for (int i = 0; i < 50; ++i) step(line, i % 2 == 0 ? 95.0F : 105.0F, 100);
  CHECK(line.to_left() + line.to_right() == 0);
  step(line, 80, 100);
  CHECK(line.to_left() + line.to_right() == 0);
  for (int i = 0; i < 5; ++i) step(line, i % 2 == 0 ? 93.0F : 107.0F, 100);
  CHECK(line.to_left() + line.to_right() == 4);
}

TEST_CASE("who goes around an end has not crossed, then or later") {
  LineCrossing line(down);
  step(line, 80, 100);
  step(line, 80, 230);
  step(line, 120, 230);
  step(line, 120, 100);
  CHECK(line.to_left() + line.to_right() == 0);
  step(line, 80, 100);
  CHECK(line.to_right() == 1);
}

TEST_CASE("tracks are counted each on its own") {
  LineCrossing line(down);
  line.update(std::vector{standing_at(80, 50, 1), standing_at(120, 60, 2), standing_at(70, 9, 5)});
  const auto crossings = line.update(
      std::vector{standing_at(120, 50, 1), standing_at(80, 60, 2), standing_at(90, 9, 5)});
  CHECK(crossings == std::vector{Crossing{1, CrossingDirection::to_left},
                                 Crossing{2, CrossingDirection::to_right}});
}

TEST_CASE("a crossing out of sight is counted if the track comes back in time") {
  LineCrossing::Options options = down;
  options.forget_after_frames = 5;
  LineCrossing line(options);
  step(line, 80, 100);
  for (int i = 0; i < 4; ++i) line.update({});
  step(line, 120, 100);
  CHECK(line.to_left() == 1);
  for (int i = 0; i < 6; ++i) line.update({});
  CHECK(line.state().tracks.empty());
  step(line, 80, 100);
  CHECK(line.to_right() == 0);
}

TEST_CASE("standing on the line keeps a track known") {
  LineCrossing::Options options = down;
  options.forget_after_frames = 5;
  LineCrossing line(options);
  step(line, 80, 100);
  for (int i = 0; i < 30; ++i) step(line, 101, 100);
  step(line, 120, 100);
  CHECK(line.to_left() == 1);
}

TEST_CASE("past the limit the track unseen for longest is forgotten") {
  LineCrossing::Options options = down;
  options.tracks_max = 2;
  LineCrossing line(options);
  step(line, 80, 100, 1);
  step(line, 80, 100, 2);
  step(line, 80, 100, 3);
  REQUIRE(line.state().tracks.size() == 2);
  CHECK(line.state().tracks[0].track_id == 2);
  CHECK(line.state().tracks[1].track_id == 3);
}

TEST_CASE("a foot point that is no number is on no side") {
  LineCrossing line(down);
  step(line, 80, 100);
  CHECK(step(line, std::numeric_limits<float>::quiet_NaN(), 100).empty());
  CHECK(step(line, 120, 100).size() == 1);
}

TEST_CASE("a line restored in the middle of a crossing counts it") {
  LineCrossing first(down);
  step(first, 80, 100, 7);
  step(first, 99, 100, 7);
  LineCrossing second(down);
  REQUIRE(second.restore(first.state()));
  CHECK(step(second, 120, 100, 7) == step(first, 120, 100, 7));
  CHECK(second.to_left() == 1);
  CHECK(first.state() == second.state());
}

TEST_CASE("a line state that cannot be is refused and changes nothing") {
  LineCrossing line(down);
  line.update(std::vector{standing_at(80, 50, 1), standing_at(120, 60, 2)});
  const LineCrossing::State good = line.state();
  LineCrossing::State bad = good;
  SECTION("out of order") {
    std::swap(bad.tracks[0], bad.tracks[1]);
  }
  SECTION("a track twice") {
    bad.tracks[1].track_id = 1;
  }
  SECTION("nowhere") {
    bad.tracks[1].point.y = std::numeric_limits<float>::infinity();
  }
  SECTION("too many") {
    bad.tracks.resize(5000);
  }
  const Result<void> result = line.restore(bad);
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == Code::corrupt);
  CHECK(line.state() == good);
}

}  // namespace
}  // namespace omma
