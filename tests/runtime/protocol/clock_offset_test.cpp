#include "runtime/protocol/clock_offset.hpp"

#include <catch2/catch.hpp>

#include "runtime/base/limits.hpp"
#include "runtime/base/random.hpp"

using namespace std::chrono_literals;

namespace omma::test {
namespace {

constexpr Duration ahead = 12345678901ns;

Instant at(Duration since) {
  return instant_of(1'000'000'000) + since;
}

// A peer whose clock is ahead by so much, reached by these ways.
ClockOffset::RoundTrip trip(Duration when, Duration there, Duration back, Duration inside,
                            Duration peer_ahead = ahead) {
  return {at(when), at(when + there) + peer_ahead, at(when + there + inside) + peer_ahead,
          at(when + there + inside + back)};
}

}  // namespace

TEST_CASE("without a round trip there is no estimate") {
  CHECK_FALSE(ClockOffset().estimate(at(0s)));
}

TEST_CASE(
    "ways of equal length give the clocks' difference exactly, and the peer's own time "
    "costs no precision") {
  ClockOffset clock;
  REQUIRE(clock.add(trip(0s, 1ms, 1ms, 300ms)));
  const auto estimate = clock.estimate(at(302ms));
  REQUIRE(estimate);
  CHECK(estimate->ahead == ahead);
  CHECK(estimate->error >= 1ms);
  CHECK(estimate->error <= 1ms + 1ns);
}

TEST_CASE("ways of unequal length shift the estimate by no more than its bound") {
  ClockOffset clock;
  REQUIRE(clock.add(trip(0s, 9ms, 1ms, 2ms)));
  const auto estimate = clock.estimate(at(12ms));
  REQUIRE(estimate);
  CHECK(estimate->ahead == ahead + 4ms);
  CHECK(estimate->error >= 4ms);
  CHECK(estimate->error <= 5ms + 1ns);
}

TEST_CASE("of several round trips the shortest is believed") {
  ClockOffset clock;
  REQUIRE(clock.add(trip(0s, 40ms, 2ms, 0ms)));
  REQUIRE(clock.add(trip(1s, 100us, 100us, 5ms)));
  REQUIRE(clock.add(trip(2s, 3ms, 90ms, 0ms)));
  const auto estimate = clock.estimate(at(3s));
  REQUIRE(estimate);
  CHECK(estimate->ahead == ahead);
  CHECK(estimate->samples == 3);
}

TEST_CASE("a bound grows with age, so that a newer and longer round trip wins in the end") {
  ClockOffset clock;
  REQUIRE(clock.add(trip(0s, 100us, 100us, 0ms)));
  const Duration fresh = clock.estimate(at(200us))->error;
  const Duration later = clock.estimate(at(100s + 200us))->error;
  CHECK(later - fresh == Duration(100s) * limits::clock_drift_per_million / 1'000'000);
  REQUIRE(clock.add(trip(100s, 1ms, 1ms, 0ms, ahead + 4ms)));
  CHECK(clock.estimate(at(101s))->ahead == ahead + 4ms);
}

TEST_CASE("only the latest round trips count") {
  ClockOffset clock;
  REQUIRE(clock.add(trip(0s, 1us, 1us, 0ms, ahead + 1s)));
  for (std::size_t i = 0; i < limits::clock_samples_max; ++i) {
    REQUIRE(clock.add(trip(1ms * i, 1ms, 1ms, 0ms)));
  }
  CHECK(clock.estimate(at(1s))->ahead == ahead);
  CHECK(clock.estimate(at(1s))->samples == limits::clock_samples_max);
}

TEST_CASE("times that contradict each other change nothing") {
  ClockOffset clock;
  CHECK_FALSE(clock.add({at(5ms), at(6ms), at(7ms), at(4ms)}));
  CHECK_FALSE(clock.add({at(0ms), at(6ms), at(5ms), at(9ms)}));
  CHECK_FALSE(clock.add({at(0ms), at(0ms), at(10ms), at(9ms)}));
  CHECK_FALSE(clock.estimate(at(1s)));
}

TEST_CASE("whatever the ways and the drift within its limit, the truth lies within the bound") {
  const std::uint64_t seed = 20261124;
  INFO("seed " << seed);
  SeededRandom random(seed);
  ClockOffset clock;
  for (int i = 0; i < 2000; ++i) {
    const Duration when = 20ms * i;
    // The peer's clock is fast by 40 millionths.
    const Duration truth = ahead + when * 40 / 1'000'000;
    const Duration there(static_cast<std::int64_t>(random.below(5'000'000)));
    const Duration back(static_cast<std::int64_t>(random.below(5'000'000)));
    const Duration inside(static_cast<std::int64_t>(random.below(3'000'000)));
    REQUIRE(clock.add(trip(when, there, back, inside, truth)));
    const auto estimate = clock.estimate(at(when + there + inside + back));
    REQUIRE(estimate);
    const Duration off = estimate->ahead - truth;
    REQUIRE(off <= estimate->error + 1us);
    REQUIRE(-off <= estimate->error + 1us);
  }
}

}  // namespace omma::test
