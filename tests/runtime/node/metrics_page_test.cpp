#include "runtime/node/metrics_page.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "tests/support/exposition.hpp"

using namespace std::chrono_literals;

namespace omma::test {
namespace {

const ActorId camera = ActorId::of("camera", std::string_view("lobby"));
const ActorId shard{1, 2};

std::string text_of(const std::string& path) {
  std::ifstream file(std::string(OMMA_SOURCE_DIR) + "/" + path);
  REQUIRE(file);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::set<std::string> names_in(const std::string& text, const std::string& pattern) {
  std::set<std::string> names;
  const std::regex expression(pattern);
  for (std::sregex_iterator it(text.begin(), text.end(), expression), end; it != end; ++it) {
    names.insert((*it)[1]);
  }
  return names;
}

Exposition read_clean(const std::string& text) {
  Exposition page = read_exposition(text);
  for (const std::string& problem : page.problems) FAIL_CHECK(problem);
  return page;
}

// A camera that sent a shard 10 frames, of which 2 went for newer ones and 1 is on its way.
NodeNumbers some_numbers() {
  NodeNumbers numbers;
  numbers.report.node.name = "cloud \"1\"\n";
  numbers.cameras[camera.low] = "lobby";
  CellReport source;
  source.id = camera;
  source.type = "camera";
  source.captured["lobby"] = 10;
  source.health.turns = 21;
  auto& out = source.out.emplace_back();
  out.stream = {camera, shard, Channel::fresh};
  out.counters.offered = 10;
  out.counters.dropped_full = 2;
  out.in_flight = 1;
  out.in_flight_bytes = 1000;
  out.sent_by_origin[camera.low] = 10;
  out.dropped_by_origin[camera.low] = 2;
  out.in_flight_by_origin[camera.low] = 1;
  CellReport sink;
  sink.id = shard;
  sink.type = "model_shard";
  sink.ends_frames = true;
  sink.inputs_waiting = 4;
  sink.stage[camera.low].received = 7;
  sink.stage[camera.low].emitted = 5;
  sink.stage[camera.low].filtered["newer frame"] = 2;
  auto& in = sink.in.emplace_back();
  in.stream = out.stream;
  in.finished = 7;
  in.finished_by_origin[camera.low] = 7;
  in.counters.duplicates = 3;
  numbers.report.cells = {source, sink};
  numbers.closed_health["camera"].turns = 100;
  DurationTally tally;
  tally.add(2ms);
  numbers.turn_times["camera"] = tally.counts();
  numbers.move_pauses = tally.counts();
  numbers.peers = {{.peer = "edge", .packets_sent = 5, .bytes_sent = 600, .bytes_waiting = 70}};
  numbers.executors["io"] = {12, 1, 3};
  numbers.batches["m"] = {{0, 4}, tally.counts()};
  numbers.directory = DirectoryService::Counters{.transactions = 9};
  numbers.fail_over = FailOver::Counters{.declared_dead = 1};
  numbers.lease = LeaseKeeper::Counters{.granted = 8};
  numbers.lease_left = 1500ms;
  numbers.head_clock = ClockOffset::Estimate{-2ms, 100us, 3};
  numbers.hops = HopRing::Counters{1000, 10, 1};
  numbers.resident_bytes = 123'456'789;
  return numbers;
}

}  // namespace

TEST_CASE("a node's page is in the format to the letter and says what the counters say") {
  const Exposition page = read_clean(metrics_page(some_numbers()));
  CHECK(page.families.at("omma_node_info").samples.at(0).labels.at("node") == "cloud \"1\"\n");
  CHECK(page.value("omma_actors", {{"type", "camera"}}) == 1);
  CHECK(page.value("omma_frames_captured_total", {{"camera", "lobby"}}) == 10);
  const Exposition::Labels at_shard{{"camera", "lobby"}, {"type", "model_shard"}};
  CHECK(page.value("omma_frames_received_total", at_shard) == 7);
  CHECK(page.value("omma_frames_delivered_total", at_shard) == 5);
  CHECK(page.value("omma_frames_dropped_total", {{"camera", "lobby"},
                                                 {"type", "model_shard"},
                                                 {"outcome", "filtered"},
                                                 {"reason", "newer frame"}}) == 2);
  CHECK(page.value("omma_frames_dropped_total", {{"camera", "lobby"},
                                                 {"type", "camera"},
                                                 {"outcome", "on the way"},
                                                 {"reason", "newer came"}}) == 2);
  CHECK(page.value("omma_stream_messages_sent_total", {{"type", "camera"}, {"channel", "fresh"}}) ==
        10);
  CHECK(page.value("omma_stream_messages_ignored_total",
                   {{"type", "model_shard"}, {"channel", "fresh"}, {"reason", "duplicate"}}) == 3);
  CHECK(page.value("omma_stream_in_flight_bytes", {{"type", "camera"}, {"channel", "fresh"}}) ==
        1000);
  CHECK(page.value("omma_turns_total", {{"type", "camera"}}) == 121);
  CHECK(page.value("omma_inputs_waiting", {{"type", "model_shard"}}) == 4);
  CHECK(page.value("omma_turn_seconds_count", {{"type", "camera"}}) == 1);
  CHECK(page.value("omma_executor_jobs_refused_total", {{"executor", "io"}}) == 1);
  CHECK(page.value("omma_batch_frames_sum", {{"model", "m"}}) == 8);
  CHECK(page.value("omma_link_sent_bytes_total", {{"peer", "edge"}}) == 600);
  CHECK(page.value("omma_link_queue_bytes", {{"peer", "edge"}}) == 70);
  CHECK(page.value("omma_directory_commits_total") == 9);
  CHECK(page.value("omma_lease_remaining_seconds") == 1.5);
  CHECK(page.value("omma_clock_head_ahead_seconds") == -0.002);
  CHECK(page.value("omma_trace_hops_dropped_total", {{"reason", "newer came"}}) == 10);
  CHECK(page.value("omma_resident_memory_bytes") == 123'456'789);
}

TEST_CASE("every documented name is on every page, whatever the node is, and no other") {
  std::vector<std::string> documented;
  for (const MetricInfo& info : documented_metrics()) documented.emplace_back(info.name);
  CHECK(read_clean(metrics_page({})).order == documented);
  CHECK(read_clean(metrics_page(some_numbers())).order == documented);
}

TEST_CASE("the handbook lists every metric with its kind, and nothing else") {
  std::set<std::string> metrics;
  const std::string handbook = text_of("docs/METRICS.md");
  for (const MetricInfo& info : documented_metrics()) {
    metrics.emplace(info.name);
    const char* const kinds[] = {"counter", "gauge", "histogram"};
    INFO(info.name);
    CHECK(handbook.find("| `" + std::string(info.name) + "` | " +
                        kinds[static_cast<std::size_t>(info.kind)] + " |") != std::string::npos);
  }
  CHECK(names_in(handbook, "`(omma_[a-z_]+)`") == metrics);
}

TEST_CASE("a name ends in its unit, and a counter in _total behind it") {
  for (const MetricInfo& info : documented_metrics()) {
    INFO(info.name);
    CHECK(std::regex_match(std::string(info.name), std::regex("omma_[a-z]+(_[a-z]+)*")));
    CHECK(info.name.ends_with("_total") == (info.kind == MetricKind::counter));
  }
}

TEST_CASE("the dashboard asks for metrics that exist") {
  const std::string text = text_of("tools/grafana/ommatidia.json");
  const auto json = nlohmann::json::parse(text);
  CHECK(json.at("panels").size() >= 10);
  std::set<std::string> allowed;
  for (const MetricInfo& info : documented_metrics()) {
    allowed.emplace(info.name);
    if (info.kind != MetricKind::histogram) continue;
    for (const char* suffix : {"_bucket", "_sum", "_count"}) {
      allowed.insert(std::string(info.name) + suffix);
    }
  }
  std::size_t queries = 0;
  for (const auto& panel : json.at("panels")) {
    for (const auto& target : panel.value("targets", nlohmann::json::array())) {
      ++queries;
      const std::string expression = target.at("expr");
      const auto names = names_in(expression, "\\b(omma_[a-z_]+)\\b");
      INFO(expression);
      CHECK_FALSE(names.empty());
      for (const std::string& name : names) CHECK(allowed.contains(name));
    }
  }
  CHECK(queries >= 10);
}

}  // namespace omma::test
