#include "runtime/node/fail_over.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "runtime/node/gateway.hpp"
#include "runtime/node/wire_records.hpp"
#include "schemas/control.capnp.h"
#include "tests/support/caf_world.hpp"

using namespace std::chrono_literals;

namespace omma::test {
namespace {

const LeaseTimes times{2s, 300ms};

ActorTypes some_types() {
  ActorTypes types;
  for (const char* name : {"tracker", gateway_type_name}) {
    ActorType type;
    type.name = name;
    if (type.name == gateway_type_name) type.stays = "clients are connected there";
    types.add(std::move(type));
  }
  return types;
}

// A head over a directory in memory; the other nodes are only records, and revive as they are told.
struct Headquarters {
  Headquarters() {
    auto made = make_log({.text_to_terminal = false}, caf.clock());
    REQUIRE(made.ok());
    log = *made;
    head = sign_on("head", 1);
    leases.emplace(times, head, client, caf.clock());
  }
  NodeId sign_on(const std::string& name, std::uint64_t life) {
    const Incarnation incarnation{life, std::hash<std::string>()(name)};
    auto record = directory->register_node(name, incarnation, "memory:" + name, {"cloud"});
    REQUIRE(record.ok());
    return record->id;
  }
  ActorId begin(const std::string& type, const std::string& name, const NodeId& home) {
    const ActorId id = ActorId::of(type, std::string_view(name));
    const auto change = activate(std::nullopt, id, type, name, {}, home);
    REQUIRE(change.ok());
    REQUIRE(directory->compare_and_set(*change)->applied);
    return id;
  }
  void watch() {
    fail_over.emplace(FailOverServices{
        caf.scheduler, caf.clock(), *log, types, client, *leases, head.name,
        [this](const std::string& node, const ActorId& id,
               const std::function<void(Result<Revival>)>& done) { revive(node, id, done); },
        [this](const NodeId& dead, const std::vector<NodeRecord>&) {
          announced.push_back(dead.name);
        },
        [](const std::string&) { return limits::actors_per_node_max; }});
    fail_over->begin();
    caf.settle();
  }
  void revive(const std::string& node, const ActorId& id,
              const std::function<void(Result<Revival>)>& done) {
    revivals.push_back(node);
    if (refusing) return done(Error{Code::unavailable, "not now"});
    const auto record = directory->actor(id);
    NodeId target;
    const auto nodes = directory->nodes();
    for (const NodeRecord& one : *nodes) {
      if (one.id.name == node) target = one.id;
    }
    const auto change = take_over(*record, id, (*record)->epoch, target, false);
    REQUIRE(change.ok());
    const auto outcome = directory->compare_and_set(*change);
    if (!outcome) return done(outcome.error());
    if (types.find((*record)->type)->stays != nullptr) {
      const auto end = retire(*outcome->current, id, outcome->current->epoch, target);
      REQUIRE(end.ok());
      REQUIRE(directory->compare_and_set(*end)->applied);
    }
    done(Revival{*outcome->current, 4711});
  }
  // Renews for so long, four times a lease.
  void renew(const NodeId& node, Duration by) {
    for (Duration t = 0s; t < by; t += 500ms) {
      CHECK(ask(node).ok());
      caf.advance(500ms);
    }
  }
  Result<Message> ask(const NodeId& node) {
    std::optional<Result<Message>> answer;
    const Message request = Message::build<wire::RenewLease>(
        [&](wire::RenewLease::Builder out) { write(out.initNode(), node); });
    REQUIRE(leases->handle(request, [&](Result<Message> reply) { answer = std::move(reply); }));
    caf.settle();
    REQUIRE(answer.has_value());
    return *std::move(answer);
  }
  bool is_alive(const NodeId& node) {
    const auto nodes = directory->nodes();
    for (const NodeRecord& one : *nodes) {
      if (one.id.incarnation == node.incarnation) return one.alive;
    }
    return false;
  }

  CafWorld caf;
  std::shared_ptr<Log> log;
  std::unique_ptr<Directory> directory = make_memory_directory();
  std::unique_ptr<Executor> executor = make_inline_executor();
  DirectoryService service{*directory, *executor};
  DirectoryClient client{
      [this](const Message& request, const Answer& answer) { service.handle(request, answer); }};
  ActorTypes types = some_types();
  NodeId head;
  std::optional<LeaseService> leases;
  bool refusing = false;
  std::vector<std::string> announced;
  std::vector<std::string> revivals;
  std::optional<FailOver> fail_over;
};

TEST_CASE("a silent node is declared dead, its actors go on elsewhere, and the log says why") {
  Headquarters hq;
  const NodeId east = hq.sign_on("east", 1);
  const NodeId west = hq.sign_on("west", 1);
  const ActorId tracker = hq.begin("tracker", "t", east);
  const ActorId gateway = hq.begin(gateway_type_name, "east", east);
  hq.watch();
  hq.renew(west, 2s);
  CHECK(hq.is_alive(east));
  hq.renew(west, 1s);  // 2.3 s are over, and one look more.
  CHECK_FALSE(hq.is_alive(east));
  CHECK(hq.is_alive(west));
  CHECK(hq.is_alive(hq.head));
  CHECK(hq.announced == std::vector<std::string>{"east"});
  REQUIRE(hq.revivals.size() == 2);
  const auto record = hq.directory->actor(tracker);
  // The gateway is ended by the head.
  std::multiset<std::string> expected{"head", (*record)->node.name};
  CHECK(std::multiset<std::string>(hq.revivals.begin(), hq.revivals.end()) == expected);
  CHECK((*record)->epoch == 2);
  CHECK((*hq.directory->actor(gateway))->state == ActorRecord::State::retired);
  const auto moves = hq.directory->moves(10);
  REQUIRE(moves->size() == 1);
  CHECK(moves->front().outcome == MoveRecord::Outcome::taken_over);
  CHECK(moves->front().from == "east");
  CHECK(moves->front().to == (*record)->node.name);
  CHECK(moves->front().reason == "node 'east' is dead");
  // Nobody heard of it since the head began; 2.3 s are a lease, and it is looked every quarter.
  CHECK(moves->front().pause >= 2300ms);
  CHECK(moves->front().pause <= 2600ms);
  CHECK(moves->front().bytes == 4711);
  CHECK(hq.fail_over->counters().declared_dead == 1);
  CHECK(hq.fail_over->counters().revived == 1);
  CHECK(hq.fail_over->counters().ended == 1);
  hq.renew(west, 10s);
  CHECK(hq.revivals.size() == 2);
}

TEST_CASE("a node that was declared dead and asks again is told so") {
  Headquarters hq;
  const NodeId east = hq.sign_on("east", 1);
  hq.watch();
  CHECK(hq.ask(east).ok());
  hq.caf.advance(3s);
  const auto answer = hq.ask(east);
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().code == Code::conflict);
  CHECK(answer.error().message.find("node east") == 0);
  CHECK(hq.ask(hq.sign_on("east", 2)).ok());
}

TEST_CASE("a head that has just begun gives everybody a full lease, and looks up who asks first") {
  Headquarters hq;
  const NodeId east = hq.sign_on("east", 1);
  const NodeId stranger{"stranger", {7, 7}, 1};
  CHECK(hq.ask(east).ok());  // Before the first look.
  CHECK(hq.ask(stranger).error().code == Code::conflict);
  hq.caf.advance(10s);
  hq.watch();
  hq.caf.advance(2200ms);
  CHECK(hq.is_alive(east));
}

TEST_CASE("a revival that fails is tried again until it does not") {
  Headquarters hq;
  const NodeId east = hq.sign_on("east", 1);
  const ActorId tracker = hq.begin("tracker", "t", east);
  hq.refusing = true;
  hq.watch();
  hq.caf.advance(5s);
  CHECK(hq.revivals.size() >= 2);
  CHECK(hq.fail_over->counters().failed == hq.revivals.size());
  hq.refusing = false;
  hq.caf.advance(10s);
  CHECK((*hq.directory->actor(tracker))->node.name == "head");
  CHECK(hq.fail_over->counters().revived == 1);
}

TEST_CASE("the actors of a process that was replaced go on at once") {
  Headquarters hq;
  const NodeId east = hq.sign_on("east", 1);
  const ActorId tracker = hq.begin("tracker", "t", east);
  hq.watch();
  hq.renew(east, 1s);
  CHECK(hq.revivals.empty());
  hq.sign_on("east", 2);  // It was killed and began anew, at the same address.
  hq.caf.advance(300ms);
  REQUIRE(hq.revivals.size() == 1);
  const Duration away = hq.directory->moves(1)->front().pause;  // Since it was last heard of.
  CHECK(away >= 500ms);
  CHECK(away <= 800ms);
  CHECK((*hq.directory->actor(tracker))->epoch == 2);
}

}  // namespace
}  // namespace omma::test
