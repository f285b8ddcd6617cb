#include "actors/capture_pace.hpp"

#include <catch2/catch.hpp>

namespace omma {
namespace {

using Action = CapturePace::Action;
using namespace std::chrono_literals;

constexpr Duration interval = 40ms;
constexpr Instant start = instant_of(1'000'000'000);

TEST_CASE("without timestamps every frame is captured when it is read") {
  CapturePace pace(false, true);
  CHECK(pace.decide(0ms, interval, start).action == Action::capture);
  CHECK(pace.decide(40ms, interval, start).action == Action::capture);
}

TEST_CASE("by timestamps a frame waits until its time has come") {
  CapturePace pace(true, true);
  CHECK(pace.decide(0ms, interval, start).action == Action::capture);
  const auto early = pace.decide(40ms, interval, start + 10ms);
  CHECK(early.action == Action::wait);
  CHECK(early.wait == 30ms);
  CHECK(pace.decide(40ms, interval, start + 40ms).action == Action::capture);
}

TEST_CASE("a live frame that comes an interval late is given up, three in a row at most") {
  CapturePace pace(true, true);
  CHECK(pace.decide(0ms, interval, start).action == Action::capture);
  CHECK(pace.decide(40ms, interval, start + 300ms).action == Action::drop);
  CHECK(pace.decide(80ms, interval, start + 300ms).action == Action::drop);
  CHECK(pace.decide(120ms, interval, start + 300ms).action == Action::drop);
  CHECK(pace.decide(160ms, interval, start + 300ms).action == Action::capture);
  CHECK(pace.decide(200ms, interval, start + 300ms).action == Action::drop);
}

TEST_CASE("a frame less than an interval late is captured") {
  CapturePace pace(true, true);
  CHECK(pace.decide(0ms, interval, start).action == Action::capture);
  CHECK(pace.decide(40ms, interval, start + 79ms).action == Action::capture);
}

TEST_CASE("after a stall time goes on from where the source is") {
  CapturePace pace(true, true);
  CHECK(pace.decide(0ms, interval, start).action == Action::capture);
  CHECK(pace.decide(40ms, interval, start + 5s).action == Action::capture);
  CHECK(pace.decide(80ms, interval, start + 5s).action == Action::wait);
}

TEST_CASE("in every-frame mode a late frame is captured, and the lost time made up") {
  CapturePace pace(true, false);
  CHECK(pace.decide(0ms, interval, start).action == Action::capture);
  CHECK(pace.decide(40ms, interval, start + 5s).action == Action::capture);
  CHECK(pace.decide(80ms, interval, start + 5s).action == Action::capture);
}

}  // namespace
}  // namespace omma
