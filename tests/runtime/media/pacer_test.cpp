#include "runtime/media/pacer.hpp"

#include <catch2/catch.hpp>

namespace omma {
namespace {

using namespace std::chrono_literals;

TEST_CASE("frames are due by their times, and lateness counts whole frames") {
  const Instant start = instant_of(5'000'000'000);
  const Pacer pacer(Pacer::Mode::by_timestamps, start);
  struct Row {
    Duration media_time, now, until_due;
    std::uint64_t late;
  };
  // `now` from the start; 40 ms a frame.
  const Row rows[] = {
      {0ms, 0ms, 0ms, 0},    {40ms, 0ms, 40ms, 0},   {40ms, 39ms, 1ms, 0},
      {40ms, 40ms, 0ms, 0},  {40ms, 79ms, 0ms, 0},   {40ms, 80ms, 0ms, 1},
      {40ms, 199ms, 0ms, 3}, {40ms, -10ms, 50ms, 0}, {1h, 0ms, 1h, 0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.media_time.count(), row.now.count());
    CHECK(pacer.due(row.media_time) == start + row.media_time);
    CHECK(pacer.until_due(row.media_time, start + row.now) == row.until_due);
    CHECK(pacer.frames_late(row.media_time, 40ms, start + row.now) == row.late);
  }
}

TEST_CASE("a start in the middle of a video makes that frame due at once") {
  const Instant start = instant_of(1'000);
  Pacer pacer(Pacer::Mode::by_timestamps, start, 10s);
  CHECK(pacer.until_due(10s, start) == 0ns);
  CHECK(pacer.until_due(10s + 40ms, start) == 40ms);
  // After a seek back.
  pacer.restart(start + 1s, 2s);
  CHECK(pacer.due(2s + 40ms) == start + 1s + 40ms);
}

TEST_CASE("as fast as possible is always due and never late") {
  const Instant start = instant_of(1'000);
  const Pacer pacer(Pacer::Mode::as_fast_as_possible, start);
  CHECK(pacer.until_due(1h, start) == 0ns);
  CHECK(pacer.frames_late(0ms, 40ms, start + 1h) == 0);
}

}  // namespace
}  // namespace omma
