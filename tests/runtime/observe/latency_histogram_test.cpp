#include "runtime/observe/latency_histogram.hpp"

#include "runtime/base/random.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace omma {
namespace {

using namespace std::chrono_literals;

// Spread evenly over the orders of magnitude from 1 us to 100 s.
Duration draw_log_uniform(Random& random) {
  const double unit = static_cast<double>(random.next() >> 11) * 0x1p-53;
  return Duration(static_cast<std::int64_t>(std::pow(10.0, 3 + 8 * unit)));
}

// By nearest rank.
Duration exact_percentile(const std::vector<Duration>& sorted, double percent) {
  const auto rank =
      static_cast<std::size_t>(std::ceil(percent / 100 * static_cast<double>(sorted.size())));
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

double relative_error(Duration got, Duration exact) {
  return std::abs(static_cast<double>((got - exact).count())) / static_cast<double>(exact.count());
}

TEST_CASE("percentiles are within two percent of the exact ones") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    SeededRandom random(seed);
    LatencyHistogram histogram;
    std::vector<Duration> all;
    const std::size_t count = 1 + random.below(5000);
    for (std::size_t i = 0; i < count; ++i) {
      all.push_back(draw_log_uniform(random));
      histogram.add(all.back());
    }
    std::sort(all.begin(), all.end());
    REQUIRE(histogram.count() == count);
    CHECK(histogram.shortest() == all.front());
    CHECK(histogram.longest() == all.back());
    for (const double percent : {0.0, 1.0, 10.0, 25.0, 50.0, 90.0, 95.0, 99.0, 99.9, 100.0}) {
      INFO("percentile " << percent);
      CHECK(relative_error(histogram.percentile(percent), exact_percentile(all, percent)) <= 0.02);
    }
  }
}

TEST_CASE("each single duration from 1 us to 100 s is told within two percent") {
  for (double ns = 1e3; ns <= 1e11; ns *= 1.003) {
    const Duration duration(static_cast<std::int64_t>(ns));
    LatencyHistogram histogram;
    // Two others, so that the middle one is not told by the exact ends.
    histogram.add(1us);
    histogram.add(duration);
    histogram.add(100s);
    INFO(duration.count() << " ns");
    CHECK(relative_error(histogram.percentile(50), duration) <= 0.02);
  }
}

TEST_CASE("an empty histogram answers zero") {
  const LatencyHistogram histogram;
  CHECK(histogram.count() == 0);
  CHECK(histogram.percentile(99) == Duration{});
  CHECK(histogram.shortest() == Duration{});
  CHECK(histogram.longest() == Duration{});
}

TEST_CASE("durations outside the range are counted and the ends stay exact") {
  LatencyHistogram histogram;
  histogram.add(-5ms);
  histogram.add(3ns);
  histogram.add(1h);
  CHECK(histogram.count() == 3);
  CHECK(histogram.shortest() == Duration{});
  CHECK(histogram.longest() == 1h);
  CHECK(histogram.percentile(100) == 1h);
  CHECK(histogram.percentile(50) < 1us);
}

TEST_CASE("adding many at once is adding each") {
  LatencyHistogram one_by_one;
  for (int i = 0; i < 7; ++i) one_by_one.add(2ms);
  one_by_one.add(9ms);
  LatencyHistogram at_once;
  at_once.add(2ms, 7);
  at_once.add(9ms, 1);
  at_once.add(1s, 0);
  CHECK(at_once.encode().buckets == one_by_one.encode().buckets);
  CHECK(at_once.longest() == 9ms);
}

TEST_CASE("merging equals adding everything to one") {
  SeededRandom random(7);
  LatencyHistogram all;
  LatencyHistogram first;
  LatencyHistogram second;
  for (int i = 0; i < 1000; ++i) {
    const Duration duration = draw_log_uniform(random);
    all.add(duration);
    (i % 3 == 0 ? first : second).add(duration);
  }
  first.merge(second);
  first.merge(LatencyHistogram());
  CHECK(first.count() == all.count());
  CHECK(first.shortest() == all.shortest());
  CHECK(first.longest() == all.longest());
  CHECK(first.encode().buckets == all.encode().buckets);
}

TEST_CASE("a decoded histogram equals the encoded one") {
  SeededRandom random(11);
  LatencyHistogram histogram;
  for (int i = 0; i < 500; ++i) histogram.add(draw_log_uniform(random));
  const auto encoded = histogram.encode();
  auto decoded = LatencyHistogram::decode(encoded.buckets, encoded.shortest, encoded.longest);
  REQUIRE(decoded.ok());
  CHECK(decoded->count() == histogram.count());
  CHECK(decoded->percentile(50) == histogram.percentile(50));
  CHECK(decoded->encode().buckets == encoded.buckets);
  CHECK(decoded->longest() == histogram.longest());
  CHECK(decoded->shortest() == histogram.shortest());

  auto empty = LatencyHistogram::decode({}, {}, {});
  REQUIRE(empty.ok());
  CHECK(empty->count() == 0);
}

TEST_CASE("what is no encoding is refused as corrupt") {
  LatencyHistogram histogram;
  histogram.add(1ms);
  histogram.add(2ms);
  histogram.add(4ms);
  const auto good = histogram.encode();
  REQUIRE(good.buckets.size() == 3);
  const auto code_of = [](const LatencyHistogram::Encoded& encoded) {
    auto decoded = LatencyHistogram::decode(encoded.buckets, encoded.shortest, encoded.longest);
    REQUIRE_FALSE(decoded.ok());
    return decoded.error().code;
  };
  auto unknown_bucket = good;
  unknown_bucket.buckets[2].first = 100'000;
  CHECK(code_of(unknown_bucket) == Code::corrupt);
  auto out_of_order = good;
  std::swap(out_of_order.buckets[0], out_of_order.buckets[1]);
  CHECK(code_of(out_of_order) == Code::corrupt);
  auto repeated = good;
  repeated.buckets[1].first = repeated.buckets[0].first;
  CHECK(code_of(repeated) == Code::corrupt);
  auto nothing_in_it = good;
  nothing_in_it.buckets[0].second = 0;
  CHECK(code_of(nothing_in_it) == Code::corrupt);
  auto too_many = good;
  too_many.buckets[0].second = ~std::uint64_t{0};
  CHECK(code_of(too_many) == Code::corrupt);
  auto wrong_end = good;
  wrong_end.longest = 5ms;
  CHECK(code_of(wrong_end) == Code::corrupt);
  auto negative = good;
  negative.shortest = -1ms;
  CHECK(code_of(negative) == Code::corrupt);
}

}  // namespace
}  // namespace omma
