#include "runtime/observe/latency_histogram.hpp"

#include "runtime/base/check.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

namespace omma {

std::size_t LatencyHistogram::bucket_of(Duration duration) {
  const auto floor = std::int64_t{1} << lowest_log2;
  const auto ceiling = (std::int64_t{1} << highest_log2) - 1;
  const auto ns = static_cast<std::uint64_t>(std::clamp(duration.count(), floor, ceiling));
  const auto doubling = static_cast<unsigned>(std::bit_width(ns)) - 1;
  const std::uint64_t part = (ns >> (doubling - parts_log2)) - (std::uint64_t{1} << parts_log2);
  return (std::size_t{doubling - lowest_log2} << parts_log2) + part;
}

Duration LatencyHistogram::middle_of(std::size_t bucket) {
  const auto doubling = static_cast<unsigned>(bucket >> parts_log2) + lowest_log2;
  const std::uint64_t part = bucket & ((std::size_t{1} << parts_log2) - 1);
  const std::uint64_t width = std::uint64_t{1} << (doubling - parts_log2);
  const std::uint64_t begin = (std::uint64_t{1} << doubling) + part * width;
  return Duration(static_cast<std::int64_t>(begin + width / 2));
}

void LatencyHistogram::add(Duration duration, std::uint64_t count) {
  if (count == 0) return;
  const Duration counted = std::max(duration, Duration::zero());
  counts_[bucket_of(counted)] += count;
  count_ += count;
  shortest_ = std::min(shortest_, counted);
  longest_ = std::max(longest_, counted);
}

void LatencyHistogram::merge(const LatencyHistogram& other) {
  for (std::size_t i = 0; i < bucket_count; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  shortest_ = std::min(shortest_, other.shortest_);
  longest_ = std::max(longest_, other.longest_);
}

Duration LatencyHistogram::percentile(double percent) const {
  OMMA_CHECK(percent >= 0 && percent <= 100, percent);
  if (count_ == 0) return {};
  const double exact_rank = std::ceil(percent / 100 * static_cast<double>(count_));
  const auto rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(exact_rank), 1, count_);
  // The ends are known exactly.
  if (rank == 1) return shortest_;
  if (rank == count_) return longest_;
  std::uint64_t passed = 0;
  std::size_t bucket = 0;
  while ((passed += counts_[bucket]) < rank) ++bucket;
  return std::clamp(middle_of(bucket), shortest_, longest_);
}

LatencyHistogram::Encoded LatencyHistogram::encode() const {
  Encoded encoded{{}, shortest(), longest()};
  for (std::size_t i = 0; i < bucket_count; ++i) {
    if (counts_[i] > 0) encoded.buckets.emplace_back(static_cast<std::uint32_t>(i), counts_[i]);
  }
  return encoded;
}

Result<LatencyHistogram> LatencyHistogram::decode(std::span<const BucketCount> buckets,
                                                  Duration shortest, Duration longest) {
  LatencyHistogram decoded;
  if (buckets.empty()) return decoded;
  const auto corrupt = [](const std::string& what) {
    return Error{Code::corrupt, "latency histogram: " + what + "; drop it"};
  };
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    const auto [bucket, count] = buckets[i];
    if (bucket >= bucket_count) {
      return corrupt("bucket " + std::to_string(bucket) + ", limit " +
                     std::to_string(bucket_count - 1));
    }
    if (i > 0 && bucket <= buckets[i - 1].first) {
      return corrupt("bucket " + std::to_string(bucket) + " comes after " +
                     std::to_string(buckets[i - 1].first));
    }
    if (count == 0 || count > std::numeric_limits<std::uint64_t>::max() - decoded.count_) {
      return corrupt("count " + std::to_string(count) + " in bucket " + std::to_string(bucket));
    }
    decoded.counts_[bucket] = count;
    decoded.count_ += count;
  }
  const bool ends_fit = shortest >= Duration::zero() && shortest <= longest &&
                        bucket_of(shortest) == buckets.front().first &&
                        bucket_of(longest) == buckets.back().first;
  if (!ends_fit) {
    return corrupt("durations from " + std::to_string(shortest.count()) + " to " +
                   std::to_string(longest.count()) + " ns do not fit its buckets");
  }
  decoded.shortest_ = shortest;
  decoded.longest_ = longest;
  return decoded;
}

}  // namespace omma
