#include "runtime/base/time.hpp"

#include <catch2/catch.hpp>

#include "runtime/base/random.hpp"

namespace omma {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a manual clock moves only when it is moved") {
  ManualClock clock;
  const Instant start = clock.now();
  CHECK(clock.now() == start);
  clock.advance(3s);
  CHECK(clock.now() - start == 3s);
  CHECK(nanoseconds_of(clock.wall_now()) == nanoseconds_of(clock.now()));
}

TEST_CASE("the machine's steady time does not go back and its wall time is of our age") {
  const SystemClock clock;
  const Instant first = clock.now();
  CHECK(clock.now() >= first);
  CHECK(clock.wall_now() > wall_time_of(1'577'836'800'000'000'000));  // The year 2020.
}

TEST_CASE("times come back from their nanoseconds") {
  CHECK(nanoseconds_of(instant_of(123)) == 123);
  CHECK(nanoseconds_of(wall_time_of(456)) == 456);
}

TEST_CASE("a seeded random source repeats from its seed") {
  // SplitMix64's reference output for seed 1234567.
  SeededRandom random(1234567);
  CHECK(random.next() == 6457827717110365317u);
  CHECK(random.next() == 3203168211198807973u);
  CHECK(random.next() == 9817491932198370423u);
  SeededRandom other(1234568);
  CHECK(other.next() != 6457827717110365317u);
}

TEST_CASE("chance is never at 0, always at 1, and about half the time at a half") {
  SeededRandom random(5);
  int hits = 0;
  for (int i = 0; i < 1000; ++i) {
    CHECK_FALSE(random.chance(0));
    CHECK(random.chance(1));
    CHECK(random.below(7) < 7);
    hits += random.chance(0.5) ? 1 : 0;
  }
  CHECK(hits > 430);
  CHECK(hits < 570);
}

TEST_CASE("the system's randomness differs from call to call") {
  SystemRandom random;
  CHECK(random.next() != random.next());
}

}  // namespace
}  // namespace omma
