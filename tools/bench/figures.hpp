// What a bench measured, and how it says so: one line of JSON on standard output.
//
// Plain values.
#pragma once

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <vector>

namespace omma::bench {

using Figures = nlohmann::ordered_json;

// The value that a share of all does not exceed; `values` must not be empty.
inline double percentile(std::vector<double> values, double share) {
  const auto at = std::min(values.size() - 1,
                           static_cast<std::size_t>(share * static_cast<double>(values.size())));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
  return values[at];
}

inline Figures latencies(const std::vector<double>& microseconds) {
  return {{"count", microseconds.size()},
          {"p50_us", percentile(microseconds, 0.5)},
          {"p99_us", percentile(microseconds, 0.99)},
          {"max_us", percentile(microseconds, 1.0)}};
}

inline void print(const Figures& figures) {
  std::printf("%s\n", figures.dump().c_str());
  std::fflush(stdout);
}

}  // namespace omma::bench
