#include "actors/zone_occupancy.hpp"

#include <catch2/catch.hpp>
#include <vector>

namespace omma {
namespace {

TrackBox standing_at(float x, float y, std::uint64_t id) {
  return {id, {x - 10, y - 50, x + 10, y}, 0.9F, 1, 0};
}

// An L: the upper right quarter of the square is cut out.
const std::vector<kernels::Point> corner{{0, 0},    {50, 0},    {50, 50},
                                         {100, 50}, {100, 100}, {0, 100}};

TEST_CASE("a zone contains what its outline encloses, notches left out") {
  const ZoneOccupancy zone(corner);
  CHECK(zone.contains({25, 25}));
  CHECK(zone.contains({25, 75}));
  CHECK(zone.contains({75, 75}));
  CHECK_FALSE(zone.contains({75, 25}));
  CHECK_FALSE(zone.contains({-1, 50}));
  CHECK_FALSE(zone.contains({101, 75}));
  CHECK_FALSE(zone.contains({-1, 100}));
  CHECK_FALSE(zone.contains({150, 50}));  // Level with a corner and an edge.
}

TEST_CASE("a point on an edge that two zones share is in exactly one of them") {
  const ZoneOccupancy left({{0, 0}, {50, 0}, {50, 100}, {0, 100}});
  const ZoneOccupancy right({{50, 0}, {100, 0}, {100, 100}, {50, 100}});
  const ZoneOccupancy below({{0, 100}, {100, 100}, {100, 200}, {0, 200}});
  for (float y = 0; y < 100; y += 10) {
    CHECK(left.contains({50, y}) != right.contains({50, y}));
  }
  CHECK(left.contains({20, 100}) != below.contains({20, 100}));
}

TEST_CASE("occupancy counts the feet inside now and remembers the most") {
  ZoneOccupancy zone(corner);
  CHECK(zone.update(std::vector{standing_at(25, 25, 3), standing_at(75, 25, 4),
                                standing_at(75, 75, 9)}) == std::vector<std::uint64_t>{3, 9});
  CHECK(zone.now() == 2);
  CHECK(zone.update({}).empty());
  CHECK(zone.now() == 0);
  CHECK(zone.max_so_far() == 2);
}

TEST_CASE("a restored zone remembers the most so far") {
  ZoneOccupancy first(corner);
  first.update(std::vector{standing_at(25, 25, 3)});
  ZoneOccupancy second(corner);
  second.restore(first.state());
  second.update({});
  CHECK(second.max_so_far() == 1);
}

}  // namespace
}  // namespace omma
