#include "actors/rate_limiter.hpp"

#include <catch2/catch.hpp>

#include <vector>

namespace omma {
namespace {

constexpr std::int64_t ms = 1'000'000;

std::vector<std::int64_t> passed(double rate_max, std::int64_t interval_ms, int frames) {
  RateLimiter limiter;
  std::vector<std::int64_t> times;
  for (int i = 0; i < frames; ++i) {
    if (limiter.passes(i * interval_ms * ms, rate_max)) times.push_back(i * interval_ms);
  }
  return times;
}

TEST_CASE("a rate of 0 lets every frame pass") {
  CHECK(passed(0, 40, 10).size() == 10);
}

TEST_CASE("a rate above the stream's lets every frame pass") {
  CHECK(passed(30, 40, 10).size() == 10);
  CHECK(passed(25, 40, 100).size() == 100);
}

TEST_CASE("a lower rate is met on average, though the frames do not fall on its beat") {
  // 25 frames a second for 10 s, at most 10 a second.
  CHECK(passed(10, 40, 250).size() == 100);
  CHECK(passed(10, 40, 8) == std::vector<std::int64_t>{0, 120, 200});
}

TEST_CASE("a frame that comes a little early counts as in time") {
  RateLimiter limiter;
  CHECK(limiter.passes(0, 25));
  CHECK(limiter.passes(39 * ms, 25));
  CHECK(limiter.passes(79 * ms, 25));
  CHECK_FALSE(limiter.passes(100 * ms, 25));
}

TEST_CASE("after a gap lost frames are not made up for") {
  RateLimiter limiter;
  CHECK(limiter.passes(0, 10));
  CHECK(limiter.passes(5000 * ms, 10));
  CHECK_FALSE(limiter.passes(5040 * ms, 10));
}

TEST_CASE("media time that begins anew is followed, a few repeated frames are not") {
  RateLimiter limiter;
  CHECK(limiter.passes(100'000 * ms, 10));
  CHECK_FALSE(limiter.passes(99'000 * ms, 10));
  CHECK(limiter.passes(0, 10));
  CHECK(limiter.passes(100 * ms, 10));
}

TEST_CASE("a restored limiter goes on with the beat") {
  RateLimiter limiter;
  CHECK(limiter.passes(0, 10));
  RateLimiter other;
  other.restore(limiter.next_ns());
  CHECK_FALSE(other.passes(40 * ms, 10));
  CHECK(other.passes(100 * ms, 10));
}

}  // namespace
}  // namespace omma
