#include "runtime/observe/frame_trace.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <map>
#include <set>

using namespace std::chrono_literals;

namespace omma::test {
namespace {

constexpr TraceId trace{77, 5};
const ActorId camera{1, 77};
const ActorId shard{2, 2};
const ActorId tracker{3, 3};

Instant at(Duration since) {
  return instant_of(10'000'000'000) + since;
}

TraceHop turn(const ActorId& actor, Duration queued, Duration begun, Duration ended,
              const ActorId& from = {}, std::uint64_t sequence = 0, std::uint64_t bytes = 0) {
  return {.trace = trace,
          .actor = actor,
          .peer = from,
          .sequence = sequence,
          .channel = Channel::stream,
          .queued = at(queued),
          .begun = at(begun),
          .ended = at(ended),
          .bytes = bytes};
}

TraceHop job(const ActorId& actor, Duration queued, Duration begun, Duration ended) {
  TraceHop hop = turn(actor, queued, begun, ended);
  hop.kind = TraceHop::Kind::job;
  return hop;
}

TraceHop departure(const ActorId& actor, const ActorId& to, std::uint64_t sequence, Duration when) {
  TraceHop hop = turn(actor, when, when, when, to, sequence);
  hop.kind = TraceHop::Kind::departure;
  return hop;
}

// Moves a node's hops into its own time.
NodeHops node(const std::string& name, Duration head_ahead, Duration error,
              std::vector<TraceHop> hops) {
  for (TraceHop& hop : hops) {
    for (Instant* when : {&hop.queued, &hop.begun, &hop.ended}) *when -= head_ahead;
  }
  return {name, head_ahead, error, std::move(hops)};
}

// A frame is decoded for 8 ms, waits 1 ms for credit, travels 2 ms, waits 3 ms for its batch, is in
// a job for 20 ms, and its boxes travel back for 1 ms.
std::vector<NodeHops> two_nodes() {
  return {node("cam", 5s, 100us,
               {job(camera, 0ms, 0ms, 8ms), turn(camera, 8ms, 8ms, 9ms),
                departure(camera, shard, 4, 10ms), turn(tracker, 38ms, 39ms, 40ms, shard, 9, 500)}),
          node("cloud", 0s, 0s,
               {turn(shard, 12ms, 12ms, 13ms, camera, 4, 6000), job(shard, 15ms, 16ms, 36ms),
                turn(shard, 36ms, 36ms, 37ms), departure(shard, tracker, 9, 37ms)})};
}

}  // namespace

TEST_CASE("a frame's way over two nodes with different clocks adds up hop by hop") {
  const FrameTrace frame = assemble(trace, two_nodes());
  REQUIRE(frame.visits.size() == 3);
  CHECK(frame.total == 40ms);

  const auto& source = frame.visits[0];
  CHECK(source.actor == camera);
  CHECK(source.node == "cam");
  CHECK(source.from.is_null());
  CHECK_FALSE(source.wire);
  CHECK(source.compute == 9ms);
  CHECK(source.queue == 0ms);
  CHECK(source.bytes == 0);

  const auto& detection = frame.visits[1];
  CHECK(detection.actor == shard);
  CHECK(detection.node == "cloud");
  CHECK(detection.from == camera);
  CHECK(detection.credit == 1ms);
  CHECK(detection.wire == Duration(2ms));
  CHECK(detection.wire_error == 100us);
  CHECK(detection.compute == 22ms);
  CHECK(detection.queue == 3ms);
  CHECK(detection.bytes == 6000);
  CHECK(detection.messages == 1);

  const auto& tracking = frame.visits[2];
  CHECK(tracking.node == "cam");
  CHECK(tracking.wire == Duration(1ms));
  CHECK(tracking.queue == 1ms);
  CHECK(tracking.compute == 1ms);
  Duration sum{};
  for (const auto& visit : frame.visits) {
    sum += visit.credit + visit.wire.value_or(Duration{}) + visit.queue + visit.compute;
  }
  CHECK(sum == frame.total);
}

TEST_CASE("work that overlaps counts each moment once") {
  const FrameTrace frame = assemble(
      trace,
      {node("cloud", 0s, 0s,
            {job(shard, 0ms, 1ms, 11ms), job(shard, 0ms, 6ms, 16ms), turn(shard, 7ms, 8ms, 9ms)})});
  REQUIRE(frame.visits.size() == 1);
  CHECK(frame.visits[0].compute == 15ms);
  CHECK(frame.visits[0].queue == 1ms);
}

TEST_CASE("an actor that moved while it had the frame is there once on each node") {
  // The shard held the frame, moved, and was sent it again.
  const FrameTrace frame =
      assemble(trace, {node("cam", 0s, 0s,
                            {turn(camera, 0ms, 0ms, 1ms), departure(camera, shard, 4, 1ms),
                             departure(camera, shard, 4, 50ms)}),
                       node("cloud-1", 1h, 0s, {turn(shard, 3ms, 3ms, 4ms, camera, 4, 10)}),
                       node("cloud-2", -2h, 0s, {turn(shard, 53ms, 54ms, 55ms, camera, 4, 10)})});
  REQUIRE(frame.visits.size() == 3);
  CHECK(frame.visits[1].node == "cloud-1");
  CHECK(frame.visits[1].wire == Duration(2ms));
  CHECK(frame.visits[2].node == "cloud-2");
  CHECK(frame.visits[2].wire == Duration(3ms));
  CHECK(frame.visits[2].actor == shard);
}

TEST_CASE("a wire time is not negative, and unknown where nobody remembers the departure") {
  const FrameTrace frame = assemble(
      trace,
      {node("cam", 0s, 2ms, {departure(camera, shard, 4, 6ms)}),
       node("cloud", 0s, 0s,
            {turn(shard, 5ms, 5ms, 6ms, camera, 4), turn(tracker, 9ms, 9ms, 9ms, shard, 1)})});
  REQUIRE(frame.visits.size() == 3);
  CHECK(frame.visits[0].wire == Duration(0));
  CHECK(frame.visits[0].wire_error == 2ms);
  CHECK_FALSE(frame.visits[2].wire);
}

TEST_CASE("a frame that nobody remembers has no visits") {
  const FrameTrace frame = assemble(trace, {node("cam", 0s, 0s, {})});
  CHECK(frame.visits.empty());
  CHECK(frame.total == 0s);
}

namespace {

using Json = nlohmann::json;

// What the Trace Event Format asks of each kind of event, as far as this project writes it.
void check_event(const Json& event) {
  INFO(event.dump());
  const std::map<std::string, std::set<std::string>> fields = {
      {"M", {"ph", "name", "pid", "tid", "args"}},
      {"X", {"ph", "name", "cat", "pid", "tid", "ts", "dur", "args"}},
      {"b", {"ph", "name", "cat", "id", "pid", "tid", "ts", "args"}},
      {"e", {"ph", "name", "cat", "id", "pid", "tid", "ts", "args"}},
      {"s", {"ph", "name", "cat", "id", "pid", "tid", "ts", "args"}},
      {"f", {"ph", "name", "cat", "id", "pid", "tid", "ts", "bp", "args"}}};
  REQUIRE(event.is_object());
  const auto wanted = fields.find(event.at("ph").get<std::string>());
  REQUIRE(wanted != fields.end());
  std::set<std::string> has;
  for (const auto& [key, value] : event.items()) has.insert(key);
  CHECK(has == wanted->second);
  CHECK(event.at("name").is_string());
  CHECK(event.at("pid").is_number_integer());
  CHECK(event.at("tid").is_number_integer());
  CHECK(event.at("args").is_object());
  if (event.contains("ts")) CHECK(event.at("ts").get<double>() >= 0);
  if (event.contains("dur")) CHECK(event.at("dur").get<double>() >= 0);
  if (event.contains("id")) CHECK(event.at("id").is_string());
}

}  // namespace

TEST_CASE("the export has the shape that Perfetto opens") {
  const std::vector<FrameTrace> frames{assemble(trace, two_nodes())};
  const std::map<ActorId, std::string> actors{
      {camera, "camera/east"}, {shard, "model_shard/m"}, {tracker, "tracker/\"east\"\xff"}};
  const std::string text = chrome_trace_json(
      frames, {[&](const ActorId& id) { return actors.at(id); },
               [](TraceId which) { return "east/" + std::to_string(which.sequence); }});
  const Json json = Json::parse(text);
  REQUIRE(json.is_object());
  CHECK(json.at("displayTimeUnit") == "ms");
  const Json& events = json.at("traceEvents");
  REQUIRE(events.is_array());

  std::map<std::string, int> count;
  std::map<std::string, std::vector<double>> spans;
  std::map<std::string, std::string> threads;
  for (const Json& event : events) {
    check_event(event);
    const std::string phase = event.at("ph");
    ++count[phase];
    if (phase == "b" || phase == "e" || phase == "s" || phase == "f") {
      spans[event.at("cat").get<std::string>() + event.at("id").get<std::string>()].push_back(
          event.at("ts"));
    }
    if (event.at("name") == "thread_name") {
      threads[event.at("args").at("name")] = event.at("tid").dump();
    }
  }
  CHECK(count["X"] == 6);  // Four turns, two departures.
  CHECK(count["b"] == count["e"]);
  CHECK(count["s"] == 2);
  CHECK(count["f"] == 2);
  for (const auto& [id, ends] : spans) {
    INFO(id);
    REQUIRE(ends.size() == 2);
    CHECK(ends[0] <= ends[1]);
  }
  CHECK(threads.size() == 3);
  CHECK(threads.contains("camera/east"));
  // The arrow from the camera ends 12 ms after the first hop.
  CHECK(text.find("12000") != std::string::npos);
}

TEST_CASE("an export of nothing is a valid file too") {
  const TraceNames names{[](const ActorId&) { return std::string(); },
                         [](TraceId) { return std::string(); }};
  CHECK(Json::parse(chrome_trace_json({}, names)).at("traceEvents").empty());
}

}  // namespace omma::test
