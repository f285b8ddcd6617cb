// MetricsText: numbers in the text format that Prometheus reads, version 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/).
//
//   MetricsText text;
//   text.begin("omma_turns_total", MetricKind::counter, "Turns that ended well.");
//   text.add({{"type", "tracker"}}, 41);
//
// A plain class, one page each.
#pragma once

#include "runtime/base/duration_tally.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace omma {

enum class MetricKind : std::uint8_t { counter, gauge, histogram };

class MetricsText {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string>>;

  // A family; what is added from here on belongs to it. Once a name and page.
  void begin(std::string_view name, MetricKind kind, std::string_view help);
  void add(const Labels& labels, std::uint64_t value);
  void add(const Labels& labels, double value);
  // A histogram of durations, in seconds.
  void add(const Labels& labels, const DurationTally::Counts& counts);
  // A histogram of sizes: how many there were of 1, 2, 3, ...
  void add_sizes(const Labels& labels, std::span<const std::uint64_t> counts);

  std::string take() { return std::move(text_); }

 private:
  void sample(std::string_view suffix, const Labels& labels, const std::string& value);
  void end_histogram(const Labels& labels, std::uint64_t count, const std::string& sum);

  std::string text_;
  std::string name_;
};

}  // namespace omma
