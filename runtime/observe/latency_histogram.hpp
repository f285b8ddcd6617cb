// LatencyHistogram: how long things took, in fixed memory, however many there were.
//
// Buckets are log-linear (as in HdrHistogram, G. Tene): each doubling of the duration is split into
// 32 equal buckets, so that a bucket is at most 1/32 as wide as its durations and its middle is off
// by at most 1.6 %. Durations from 1 us to 100 s keep that promise; shorter ones share the lowest
// buckets, longer ones the highest. 7 KiB each. Not thread-safe: one owner adds, others get copies.
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/base/time.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace omma {

class LatencyHistogram {
 public:
  // (bucket, count) of those that are not empty, by bucket: what a list on the wire holds.
  using BucketCount = std::pair<std::uint32_t, std::uint64_t>;
  struct Encoded {
    std::vector<BucketCount> buckets;
    Duration shortest{};
    Duration longest{};
  };

  // A negative duration (two clocks that disagree) counts as 0.
  void add(Duration duration) { add(duration, 1); }
  void add(Duration duration, std::uint64_t count);
  void merge(const LatencyHistogram& other);

  std::uint64_t count() const { return count_; }
  // Exact, as far as they were added here; 0 when empty.
  Duration shortest() const { return count_ == 0 ? Duration{} : shortest_; }
  Duration longest() const { return count_ == 0 ? Duration{} : longest_; }
  // The smallest duration that `percent` percent of all do not exceed (nearest rank), within 2 %;
  // percent in [0, 100]. 0 when empty.
  Duration percentile(double percent) const;

  Encoded encode() const;
  // corrupt when buckets are unknown, empty or out of order, or the ends do not fit them.
  static Result<LatencyHistogram> decode(std::span<const BucketCount> buckets, Duration shortest,
                                         Duration longest);

 private:
  // A bucket is (doubling, part): the doublings from 2^9 ns (0.5 us) to 2^37 ns (137 s).
  static constexpr unsigned parts_log2 = 5;
  static constexpr unsigned lowest_log2 = 9;
  static constexpr unsigned highest_log2 = 37;
  static constexpr std::size_t bucket_count = std::size_t{highest_log2 - lowest_log2} << parts_log2;

  static std::size_t bucket_of(Duration duration);
  static Duration middle_of(std::size_t bucket);

  std::array<std::uint64_t, bucket_count> counts_{};
  std::uint64_t count_ = 0;
  Duration shortest_ = Duration::max();
  Duration longest_{};
};

}  // namespace omma
