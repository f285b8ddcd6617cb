// DurationTally: how often something took how long, in a few buckets that suit a chart. Cheap
// enough for every turn: an addition costs two relaxed atomic ones.
//
// Thread-safe. Never reset: whoever reads it twice sees growing numbers.
#pragma once

#include "runtime/base/time.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace omma {

class DurationTally {
 public:
  // Upper ends of the buckets; a last one takes what is longer.
  static constexpr std::array<Duration, 16> bounds = {
      std::chrono::microseconds(1),    std::chrono::microseconds(5),
      std::chrono::microseconds(25),   std::chrono::microseconds(100),
      std::chrono::microseconds(250),  std::chrono::milliseconds(1),
      std::chrono::microseconds(2500), std::chrono::milliseconds(5),
      std::chrono::milliseconds(10),   std::chrono::milliseconds(25),
      std::chrono::milliseconds(50),   std::chrono::milliseconds(100),
      std::chrono::milliseconds(250),  std::chrono::milliseconds(500),
      std::chrono::seconds(1),         std::chrono::milliseconds(2500)};

  struct Counts {
    std::array<std::uint64_t, bounds.size() + 1> in_bucket{};
    Duration sum{};
  };

  void add(Duration duration) {
    std::size_t bucket = 0;
    while (bucket < bounds.size() && duration > bounds[bucket]) ++bucket;
    in_bucket_[bucket].fetch_add(1, std::memory_order_relaxed);
    sum_ns_.fetch_add(duration.count(), std::memory_order_relaxed);
  }
  Counts counts() const {
    Counts counts;
    for (std::size_t i = 0; i < in_bucket_.size(); ++i) {
      counts.in_bucket[i] = in_bucket_[i].load(std::memory_order_relaxed);
    }
    counts.sum = Duration(sum_ns_.load(std::memory_order_relaxed));
    return counts;
  }

 private:
  std::array<std::atomic<std::uint64_t>, bounds.size() + 1> in_bucket_{};
  std::atomic<std::int64_t> sum_ns_{0};
};

}  // namespace omma
