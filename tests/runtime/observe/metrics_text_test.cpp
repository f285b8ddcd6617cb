#include "runtime/observe/metrics_text.hpp"

#include <catch2/catch.hpp>

#include "tests/support/exposition.hpp"

using namespace std::chrono_literals;

namespace omma::test {

TEST_CASE("a page of every kind is read back by a strict reader of the format") {
  MetricsText text;
  text.begin("omma_things_total", MetricKind::counter, "Things, \\ and\nmore.");
  text.add({{"kind", "a \"quoted\"\\\n one"}}, std::uint64_t{7});
  text.add({}, std::uint64_t{0});
  text.begin("omma_level_seconds", MetricKind::gauge, "A level.");
  text.add({}, -0.0000125);
  text.begin("omma_none", MetricKind::gauge, "Nothing yet.");
  DurationTally tally;
  for (const Duration took : {Duration(500ns), Duration(3ms), Duration(10s)}) tally.add(took);
  text.begin("omma_times_seconds", MetricKind::histogram, "Times.");
  text.add({{"type", "tracker"}}, tally.counts());
  const std::vector<std::uint64_t> sizes{3, 0, 2};
  text.begin("omma_sizes", MetricKind::histogram, "Sizes.");
  text.add_sizes({}, sizes);

  const Exposition page = read_exposition(text.take());
  for (const std::string& problem : page.problems) FAIL_CHECK(problem);
  CHECK(page.order == std::vector<std::string>{"omma_things_total", "omma_level_seconds",
                                               "omma_none", "omma_times_seconds", "omma_sizes"});
  CHECK(page.value("omma_things_total", {{"kind", "a \"quoted\"\\\n one"}}) == 7);
  CHECK(page.value("omma_level_seconds") == -0.0000125);
  CHECK(page.families.at("omma_none").samples.empty());
  CHECK(page.value("omma_times_seconds_bucket", {{"type", "tracker"}, {"le", "1e-06"}}) == 1);
  CHECK(page.value("omma_times_seconds_bucket", {{"type", "tracker"}, {"le", "0.005"}}) == 2);
  CHECK(page.value("omma_times_seconds_bucket", {{"type", "tracker"}, {"le", "2.5"}}) == 2);
  CHECK(page.value("omma_times_seconds_bucket", {{"type", "tracker"}, {"le", "+Inf"}}) == 3);
  CHECK(*page.value("omma_times_seconds_sum", {{"type", "tracker"}}) == Approx(10.0030005));
  CHECK(page.value("omma_sizes_bucket", {{"le", "2"}}) == 3);
  CHECK(page.value("omma_sizes_sum") == 3 + 2 * 3);
  CHECK(page.value("omma_sizes_count") == 5);
}

TEST_CASE("the strict reader finds what the format does not allow") {
  const auto problems = [](const std::string& text) { return read_exposition(text).problems; };
  const std::string head = "# HELP a_total A.\n# TYPE a_total counter\n";
  CHECK(problems(head + "a_total 1\n").empty());
  CHECK_FALSE(problems(head + "a_total 1").empty());
  CHECK_FALSE(problems(head + "a_total -1\n").empty());
  CHECK_FALSE(problems(head + "a_total 1\na_total 2\n").empty());
  CHECK_FALSE(problems(head + "a_total{b=\"c} 1\n").empty());
  CHECK_FALSE(problems(head + "a_total{b=\"c\\d\"} 1\n").empty());
  CHECK_FALSE(problems(head + "b_total 1\n").empty());
  CHECK_FALSE(problems("a_total 1\n").empty());
  CHECK_FALSE(problems("# HELP a A.\n# TYPE a counter\na 1\n").empty());
  CHECK_FALSE(problems(head + "a_total  1\n").empty());
  CHECK_FALSE(problems(head + "\n").empty());
  const std::string times = "# HELP t T.\n# TYPE t histogram\n";
  const std::string end = "t_bucket{le=\"+Inf\"} 2\nt_sum 3\nt_count 2\n";
  CHECK(problems(times + "t_bucket{le=\"1\"} 1\n" + end).empty());
  CHECK_FALSE(problems(times + "t_bucket{le=\"1\"} 3\n" + end).empty());
  CHECK_FALSE(problems(times + "t_bucket{le=\"1\"} 1\nt_sum 3\nt_count 1\n").empty());
}

}  // namespace omma::test
