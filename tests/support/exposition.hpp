// A strict reader of Prometheus' text format, version 0.0.4: what it does not expect, it reports
// with the line. Stricter than Prometheus itself: every family has HELP, then TYPE, then its
// samples together; counters end in _total; no sample comes twice; a histogram's buckets grow and
// end with +Inf, which is its count; the page ends with a line feed.
//
//   const Exposition page = read_exposition(text);
//   CHECK(page.problems.empty());
#pragma once

#include <cmath>
#include <cstdlib>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace omma::test {

struct Exposition {
  using Labels = std::map<std::string, std::string>;
  struct Sample {
    std::string name;  // With _bucket, _sum or _count.
    Labels labels;
    double value = 0;
  };
  struct Family {
    std::string type;
    std::string help;
    std::vector<Sample> samples;
  };
  std::map<std::string, Family> families;
  std::vector<std::string> order;
  std::vector<std::string> problems;

  // The value of the one sample with these labels.
  std::optional<double> value(const std::string& name, const Labels& labels = {}) const {
    for (const auto& [family, content] : families) {
      for (const Sample& sample : content.samples) {
        if (sample.name == name && sample.labels == labels) return sample.value;
      }
    }
    return std::nullopt;
  }
};

class ExpositionReader {
 public:
  Exposition read(const std::string& text) {
    if (text.empty() || text.back() != '\n') problem("the page does not end with a line feed");
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      ++number_;
      read_line(line);
    }
    for (const auto& [name, family] : page_.families) {
      if (family.type == "histogram") check_histogram(name, family);
    }
    return page_;
  }

 private:
  void problem(const std::string& what) {
    page_.problems.push_back("line " + std::to_string(number_) + ": " + what);
  }

  void read_line(const std::string& line) {
    static const std::regex help("# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)");
    static const std::regex type("# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)");
    std::smatch match;
    if (std::regex_match(line, match, help)) {
      if (page_.families.contains(match[1])) problem("a second HELP of " + match[1].str());
      if (!family_.empty() && page_.families[family_].type.empty()) problem(family_ + ": no TYPE");
      family_ = match[1];
      page_.families[family_].help = match[2];
      page_.order.push_back(family_);
    } else if (std::regex_match(line, match, type)) {
      Exposition::Family& family = page_.families[family_];
      if (match[1] != family_ || !family.type.empty()) problem("TYPE is not behind its HELP");
      family.type = match[2];
      const bool ends = family_.ends_with("_total");
      if (ends != (family.type == "counter")) problem(family_ + ": _total is for counters");
    } else {
      read_sample(line);
    }
  }

  void read_sample(const std::string& line) {
    static const std::regex shape(
        R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(.*)\})? ([+-]?(?:[0-9.]+(?:e[+-]?[0-9]+)?|Inf)|NaN))re");
    std::smatch match;
    if (!std::regex_match(line, match, shape)) return problem("no sample: " + line);
    Exposition::Sample sample{match[1], read_labels(match[3]), number_of(match[4])};
    if (family_.empty()) return problem("a sample before any family");
    Exposition::Family& family = page_.families[family_];
    const std::string end =
        sample.name.size() >= family_.size() && sample.name.compare(0, family_.size(), family_) == 0
            ? sample.name.substr(family_.size())
            : "?";
    const bool fits = family.type == "histogram"
                          ? end == "_bucket" || end == "_sum" || end == "_count"
                          : end.empty();
    if (!fits) problem(sample.name + " does not belong to " + family_);
    if (family.type == "counter" && !(sample.value >= 0)) problem("a counter below 0");
    if (!seen_.insert({sample.name, sample.labels}).second) problem("twice: " + line);
    family.samples.push_back(std::move(sample));
  }

  double number_of(const std::string& text) {
    if (text == "NaN") return std::nan("");
    if (text == "+Inf" || text == "Inf") return HUGE_VAL;
    if (text == "-Inf") return -HUGE_VAL;
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (*end != '\0') problem("no number: " + text);
    return value;
  }

  Exposition::Labels read_labels(const std::string& text) {
    static const std::regex label(
        R"re(([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$))re");
    Exposition::Labels labels;
    auto at = text.begin();
    std::smatch match;
    while (at != text.end()) {
      if (!std::regex_search(at, text.end(), match, label,
                             std::regex_constants::match_continuous)) {
        problem("no labels: " + text);
        return labels;
      }
      if (!labels.emplace(match[1], unescaped(match[2])).second) problem("label twice: " + text);
      at = match[0].second;
    }
    return labels;
  }

  static std::string unescaped(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\\') {
        out += text[i];
      } else {
        out += text[++i] == 'n' ? '\n' : text[i];
      }
    }
    return out;
  }

  void check_histogram(const std::string& name, const Exposition::Family& family) {
    struct Series {
      std::vector<std::pair<double, double>> buckets;
      std::optional<double> sum, count;
    };
    std::map<Exposition::Labels, Series> all;
    for (const Exposition::Sample& sample : family.samples) {
      Exposition::Labels labels = sample.labels;
      const auto bound = labels.extract("le");
      Series& series = all[labels];
      if (sample.name == name + "_bucket") {
        if (bound.empty()) problem(name + ": a bucket without le");
        if (!bound.empty()) series.buckets.emplace_back(number_of(bound.mapped()), sample.value);
      } else {
        (sample.name == name + "_sum" ? series.sum : series.count) = sample.value;
      }
    }
    for (const auto& [labels, series] : all) {
      if (!series.sum || !series.count || series.buckets.empty()) {
        problem(name + ": not whole");
        continue;
      }
      for (std::size_t i = 1; i < series.buckets.size(); ++i) {
        const auto& [bound, count] = series.buckets[i];
        if (bound <= series.buckets[i - 1].first) problem(name + ": bounds do not grow");
        if (count < series.buckets[i - 1].second) problem(name + ": counts fall");
      }
      if (series.buckets.back() != std::pair(HUGE_VAL, *series.count)) {
        problem(name + ": the last bucket is not +Inf with the count");
      }
    }
  }

  Exposition page_;
  std::string family_;
  std::size_t number_ = 0;
  std::set<std::pair<std::string, Exposition::Labels>> seen_;
};

inline Exposition read_exposition(const std::string& text) {
  return ExpositionReader().read(text);
}

}  // namespace omma::test
