#include "runtime/observe/metrics_text.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "runtime/base/check.hpp"

namespace omma {
namespace {

constexpr std::array<std::string_view, 3> kind_names = {"counter", "gauge", "histogram"};

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), end};
}

double seconds(Duration duration) {
  return static_cast<double>(duration.count()) / 1e9;
}

void append_escaped(std::string& out, std::string_view value, bool quotes) {
  for (const char c : value) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

MetricsText::Labels with_bound(MetricsText::Labels labels, std::string bound) {
  labels.emplace_back("le", std::move(bound));
  return labels;
}

}  // namespace

void MetricsText::begin(std::string_view name, MetricKind kind, std::string_view help) {
  name_ = name;
  text_ += "# HELP " + name_ + " ";
  append_escaped(text_, help, false);
  text_ += "\n# TYPE " + name_ + " ";
  text_ += kind_names.at(static_cast<std::size_t>(kind));
  text_ += "\n";
}

void MetricsText::sample(std::string_view suffix, const Labels& labels, const std::string& value) {
  OMMA_CHECK(!name_.empty(), value);
  text_ += name_;
  text_ += suffix;
  if (!labels.empty()) {
    char before = '{';
    for (const auto& [label, text] : labels) {
      text_ += before;
      text_ += label;
      text_ += "=\"";
      append_escaped(text_, text, true);
      text_ += '"';
      before = ',';
    }
    text_ += '}';
  }
  text_ += " " + value + "\n";
}

void MetricsText::add(const Labels& labels, std::uint64_t value) {
  sample("", labels, std::to_string(value));
}

void MetricsText::add(const Labels& labels, double value) {
  sample("", labels, number(value));
}

void MetricsText::add(const Labels& labels, const DurationTally::Counts& counts) {
  std::uint64_t so_far = 0;
  for (std::size_t i = 0; i < DurationTally::bounds.size(); ++i) {
    so_far += counts.in_bucket[i];
    sample("_bucket", with_bound(labels, number(seconds(DurationTally::bounds[i]))),
           std::to_string(so_far));
  }
  end_histogram(labels, so_far + counts.in_bucket.back(), number(seconds(counts.sum)));
}

void MetricsText::add_sizes(const Labels& labels, std::span<const std::uint64_t> counts) {
  std::uint64_t so_far = 0;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    so_far += counts[i];
    sum += counts[i] * (i + 1);
    sample("_bucket", with_bound(labels, std::to_string(i + 1)), std::to_string(so_far));
  }
  end_histogram(labels, so_far, std::to_string(sum));
}

void MetricsText::end_histogram(const Labels& labels, std::uint64_t count, const std::string& sum) {
  sample("_bucket", with_bound(labels, "+Inf"), std::to_string(count));
  sample("_sum", labels, sum);
  sample("_count", labels, std::to_string(count));
}

}  // namespace omma
