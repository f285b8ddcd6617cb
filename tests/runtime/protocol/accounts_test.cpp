#include "runtime/protocol/accounts.hpp"

#include <catch2/catch.hpp>

namespace omma {
namespace {

const ActorId camera_id{1, 100};
const ActorId router_id{2, 200};
const ActorId shard_id{3, 300};
const ActorId tracker_id{4, 400};
const ActorId app_id{5, 500};
const ActorId session_id{6, 600};
constexpr std::uint64_t origin = 100;

EdgeAccount edge(const ActorId& from, const ActorId& to, std::uint64_t sent,
                 const Reasons& dropped = {}, Channel channel = Channel::fresh) {
  const std::uint64_t received = sent - total_of(dropped);
  EdgeAccount account{.stream = {.sender = from, .target = to, .channel = channel},
                      .sent = sent,
                      .dropped = dropped,
                      .received = received,
                      .by_origin = {}};
  account.by_origin[origin] = {
      .sent = sent, .dropped = total_of(dropped), .received = received, .in_flight = 0};
  return account;
}

StageAccount stage(const ActorId& id, const std::string& type, StageFlow flow) {
  StageAccount account{.id = id, .type = type, .name = "lobby", .by_origin = {}};
  account.by_origin[origin] = std::move(flow);
  return account;
}

// 100 frames captured; 1 fails in the camera, 9 are dropped on the way to the router, 40 are not
// asked for by the shard, 2 fail there; the app counts 48, and sends more results than frames.
Accounts sound_accounts() {
  Accounts accounts;
  accounts.cameras = {{.origin = origin, .name = "lobby", .captured = 100}};
  accounts.edges = {edge(camera_id, router_id, 99, {{"full", 7}, {"expired", 2}}),
                    edge(router_id, shard_id, 50),
                    edge(shard_id, tracker_id, 48),
                    edge(tracker_id, app_id, 48),
                    edge(app_id, session_id, 130, {}, Channel::stream),
                    edge(router_id, app_id, 33, {}, Channel::control)};
  accounts.stages = {
      stage(camera_id, "camera", {.received = 100, .emitted = 99, .failed = {{"decode", 1}}}),
      stage(router_id, "stream_router", {.received = 90, .emitted = 90}),
      stage(shard_id, "model_shard", {.received = 50, .emitted = 48, .failed = {{"model", 2}}}),
      stage(tracker_id, "tracker", {.received = 48, .emitted = 48}),
      stage(app_id, "people_count", {.received = 48, .emitted = 40, .filtered = {{"still", 8}}})};
  accounts.stages.back().ends_frames = true;
  return accounts;
}

std::vector<std::string> laws_broken(const Accounts& accounts, bool quiet = true) {
  std::vector<std::string> laws;
  for (const Violation& violation : ledger_check(accounts, quiet)) {
    laws.push_back(violation.law.substr(0, violation.law.find(':')));
  }
  return laws;
}

using Laws = std::vector<std::string>;

TEST_CASE("sound accounts break no law") {
  CHECK(ledger_check(sound_accounts(), true).empty());
  CHECK(ledger_check(sound_accounts(), false).empty());
  CHECK(ledger_check({}, true).empty());
}

TEST_CASE("a path tells where each frame of a camera ended") {
  const Accounts accounts = sound_accounts();
  const auto paths = paths_of(accounts, accounts.cameras.front());
  REQUIRE(paths.size() == 1);
  std::vector<std::string> lines;
  for (const Ending& ending : paths.front().endings) {
    lines.push_back(ending.where + ", " + ending.why + ": " + std::to_string(ending.frames));
  }
  CHECK(lines ==
        std::vector<std::string>{
            "camera 'lobby', failed: decode: 1",
            "on the way from camera 'lobby' to stream_router 'lobby', dropped: 9",
            "on the way from stream_router 'lobby' to model_shard 'lobby', not asked for: 40",
            "model_shard 'lobby', failed: model: 2", "people_count 'lobby', filtered: still: 8",
            "people_count 'lobby', done: 40"});
}

TEST_CASE("an edge that lost a message breaks its law, with the numbers") {
  Accounts accounts;
  accounts.edges = {edge(camera_id, router_id, 10, {{"full", 2}})};
  accounts.edges[0].by_origin.clear();
  accounts.edges[0].received = 7;
  const auto violations = ledger_check(accounts, true);
  REQUIRE(violations.size() == 1);
  CHECK(violations[0].law == "edge: sent = received + dropped + in flight");
  CHECK(violations[0].what == "stream 00000000 to 00000000 (fresh)");
  CHECK(violations[0].numbers == "sent 10, received 7, dropped 2 (full 2), in flight 0");
  CHECK(ledger_check(accounts, false).empty());  // It may be under way.
}

TEST_CASE("a message that was received and dropped breaks the edge's law at any time") {
  Accounts accounts;
  accounts.edges = {edge(camera_id, router_id, 10, {{"full", 2}})};
  accounts.edges[0].by_origin.clear();
  accounts.edges[0].received = 9;
  CHECK(laws_broken(accounts, true) == Laws{"edge"});
  CHECK(laws_broken(accounts, false) == Laws{"edge"});
}

TEST_CASE("an edge's law holds for each camera, not only in sum") {
  Accounts accounts;
  accounts.edges = {edge(camera_id, router_id, 10)};
  accounts.edges[0].sent = accounts.edges[0].received = 20;
  accounts.edges[0].by_origin[origin] = {.sent = 10, .received = 11};
  accounts.edges[0].by_origin[7] = {.sent = 10, .received = 9};
  CHECK(laws_broken(accounts, true) == Laws{"edge", "edge"});
  CHECK(laws_broken(accounts, false) == Laws{"edge"});
}

TEST_CASE("a stage that mislaid a frame breaks its law at any time") {
  Accounts accounts = sound_accounts();
  accounts.cameras.clear();
  accounts.stages[2].by_origin[origin].failed["model"] = 1;
  CHECK(laws_broken(accounts, true) == Laws{"stage"});
  CHECK(laws_broken(accounts, false) == Laws{"stage"});
  accounts.stages[2].by_origin[origin].held = 1;
  CHECK(laws_broken(accounts, false).empty());
}

TEST_CASE("a camera whose frames ended nowhere breaks its law") {
  Accounts accounts = sound_accounts();
  accounts.cameras[0].captured = 101;
  const auto violations = ledger_check(accounts, true);
  REQUIRE(violations.size() == 1);
  CHECK(violations[0].law == "camera: captured = sum over where its frames ended");
  CHECK(violations[0].what == "camera 'lobby'");
  CHECK(violations[0].numbers.find("captured 101") == 0);
  CHECK(laws_broken(accounts, false).empty());
  accounts.cameras[0].captured = 99;
  CHECK(laws_broken(accounts, false) == Laws{"camera"});
}

TEST_CASE("a camera of which no stage tells anything breaks its law") {
  Accounts accounts;
  accounts.cameras = {{.origin = origin, .name = "lobby", .captured = 3}};
  CHECK(laws_broken(accounts) == Laws{"camera"});
  accounts.cameras[0].captured = 0;
  CHECK(laws_broken(accounts).empty());
}

TEST_CASE("a frame lost between an edge and its stage breaks the camera's law alone") {
  Accounts accounts = sound_accounts();
  StageFlow& tracker = accounts.stages[3].by_origin[origin];
  tracker.received = tracker.emitted = 47;
  accounts.edges[3] = edge(tracker_id, app_id, 47);
  StageFlow& app = accounts.stages[4].by_origin[origin];
  app.received = 47;
  app.emitted = 39;
  CHECK(laws_broken(accounts) == Laws{"camera"});
}

TEST_CASE("where a stream forks each way must account for all frames") {
  Accounts accounts = sound_accounts();
  const ActorId second_shard{7, 700};
  accounts.edges.push_back(edge(router_id, second_shard, 90));
  accounts.stages.push_back(stage(second_shard, "model_shard", {.received = 90, .emitted = 90}));
  CHECK(paths_of(accounts, accounts.cameras[0]).size() == 2);
  CHECK(laws_broken(accounts).empty());
  accounts.edges.back() = edge(router_id, second_shard, 91);  // More than the router emitted.
  accounts.stages.back() = stage(second_shard, "model_shard", {.received = 91, .emitted = 91});
  CHECK(laws_broken(accounts) == Laws{"camera"});
}

TEST_CASE("where ways meet each ends, since frames would count twice beyond") {
  Accounts accounts = sound_accounts();
  accounts.edges.push_back(edge(router_id, app_id, 90));
  StageFlow& app = accounts.stages[4].by_origin[origin];
  app = {.received = 138, .emitted = 138};
  const auto paths = paths_of(accounts, accounts.cameras[0]);
  REQUIRE(paths.size() == 2);
  for (const CameraPath& path : paths) CHECK(path.endings.back().why == "arrived");
  CHECK(laws_broken(accounts).empty());
}

TEST_CASE("a ring of stages does not keep the walk from ending") {
  Accounts accounts = sound_accounts();
  accounts.edges.push_back(edge(tracker_id, router_id, 48));
  accounts.edges.push_back(edge(tracker_id, camera_id, 48));
  CHECK(paths_of(accounts, accounts.cameras[0]).size() == 1);
}

TEST_CASE("frames under way break no law unless all should be quiet") {
  Accounts accounts = sound_accounts();
  // Two of the frames wait at the sender; one is unacknowledged though it was received.
  accounts.edges[3] = edge(tracker_id, app_id, 48);
  accounts.edges[3].received = 46;
  accounts.edges[3].in_flight = 3;
  accounts.edges[3].by_origin[origin] = {.sent = 48, .received = 46, .in_flight = 3};
  accounts.stages[4].by_origin[origin] = {.received = 46, .emitted = 46};
  CHECK(laws_broken(accounts, false).empty());
  CHECK(laws_broken(accounts, true) == Laws{"edge", "edge", "camera"});
}

TEST_CASE("accounts of many nodes add up by stream, actor and camera") {
  Accounts first = sound_accounts();
  Accounts second;
  // The receiving half of the first edge lies on another node; the tracker was there before.
  second.edges = {{.stream = first.edges[0].stream, .received = 90, .by_origin = {}}};
  second.edges[0].by_origin[origin].received = 90;
  first.edges[0].received = 0;
  first.edges[0].by_origin[origin].received = 0;
  second.stages = {stage(tracker_id, "tracker", {.received = 20, .emitted = 20})};
  first.stages[3] = stage(tracker_id, "tracker", {.received = 28, .emitted = 28});
  second.cameras = {{.origin = origin, .name = "lobby", .captured = 60}};
  first.cameras[0].captured = 40;
  const std::vector<Accounts> nodes{first, second};
  const Accounts sum = merge(nodes);
  CHECK(sum.edges.size() == 6);
  CHECK(sum.stages.size() == 5);
  REQUIRE(sum.cameras.size() == 1);
  CHECK(sum.cameras[0].captured == 100);
  CHECK(ledger_check(sum, true).empty());
  const std::vector<Accounts> reversed{second, first};
  CHECK(ledger_check(merge(reversed), true).empty());
  CHECK_FALSE(ledger_check(first, true).empty());
}

TEST_CASE("reasons add up when accounts are merged") {
  Accounts first;
  first.edges = {edge(camera_id, router_id, 10, {{"full", 2}})};
  Accounts second;
  second.edges = {edge(camera_id, router_id, 10, {{"full", 1}, {"expired", 3}})};
  const std::vector<Accounts> nodes{first, second};
  const Accounts sum = merge(nodes);
  REQUIRE(sum.edges.size() == 1);
  CHECK(sum.edges[0].dropped == Reasons{{"expired", 3}, {"full", 3}});
  CHECK(total_of(sum.edges[0].dropped) == 6);
}

}  // namespace
}  // namespace omma
