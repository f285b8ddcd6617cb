// A directory of very many actors: what asks it reads what it needs, and every reply fits.
#include <catch2/catch.hpp>

#include <set>
#include <string>
#include <vector>

#include "runtime/base/limits.hpp"
#include "runtime/node/drain_account.hpp"
#include "runtime/node/drain_plan.hpp"
#include "schemas/control.capnp.h"
#include "tests/runtime/node/host_world.hpp"

namespace omma::test {
namespace {

constexpr std::size_t actors_count = 20'000;
constexpr std::size_t nodes_count = 20;

NodeId node(std::size_t i) {
  return {"node-" + std::to_string(i), {1, i + 1}, 1};
}

// "stage" actors, a thousand on each node, which follow one camera a node.
struct LargeDirectory {
  LargeDirectory() {
    ActorType type;
    type.name = "stage";
    type.wish = [](std::span<const std::byte> config) {
      return PlacementWish{{}, std::string(config.size(), 'c'), "worker"};
    };
    types.add(std::move(type));
    for (std::size_t i = 0; i < nodes_count; ++i) {
      REQUIRE(
          directory->register_node(node(i).name, node(i).incarnation, "memory:", {"worker"}).ok());
      add(ActorId::of("camera", std::string(i + 1, 'c')), "camera", 0, node(i));
    }
    for (std::size_t i = nodes_count; i < actors_count; ++i) {
      const std::size_t home = i % nodes_count;
      add({i, i}, "stage", home + 1, node(home));
    }
  }
  void add(const ActorId& id, const std::string& type, std::size_t camera, const NodeId& home) {
    const std::vector<std::byte> config(camera);
    const auto change =
        activate(std::nullopt, id, type, "n" + std::to_string(id.low), config, home);
    REQUIRE(directory->compare_and_set(*change)->applied);
  }
  template <class T, class Ask>
  T ask(Ask with) {
    std::optional<Result<T>> answer;
    with([&](Result<T> result) { answer.emplace(std::move(result)); });
    REQUIRE(answer.has_value());
    REQUIRE(answer->ok());
    return **std::move(answer);
  }
  std::vector<ActorRecord> actors(const ActorQuery& query) {
    return ask<std::vector<ActorRecord>>([&](auto done) { client.all_actors(query, done); });
  }

  std::unique_ptr<Directory> directory = make_memory_directory();
  std::unique_ptr<Executor> executor = make_inline_executor();
  DirectoryService service{*directory, *executor};
  std::size_t calls = 0;
  std::size_t reply_bytes_max = 0;
  DirectoryClient client{[this](const Message& request, const Answer& answer) {
    ++calls;
    service.handle(request, [this, answer](Result<Message> reply) {
      if (reply) reply_bytes_max = std::max(reply_bytes_max, reply->struct_bytes());
      answer(std::move(reply));
    });
  }};
  ActorTypes types;
};

TEST_CASE("a directory of 20,000 actors is listed in pages, and one node of it in its own") {
  LargeDirectory large;
  std::set<ActorId> seen;
  for (const ActorRecord& actor : large.actors({})) seen.insert(actor.id);
  CHECK(seen.size() == actors_count);
  CHECK(large.calls <= actors_count / limits::actors_per_page_max + 1);
  large.calls = 0;
  CHECK(large.actors({.which = ActorQuery::Which::active, .node = "node-7"}).size() ==
        actors_count / nodes_count);
  CHECK(large.calls == 1);
  CHECK(large.reply_bytes_max < limits::message_struct_bytes_max);
}

TEST_CASE("a node of 20,000 actors is drained: all have a target, evenly, and the report fits") {
  LargeDirectory large;
  for (const ActorRecord& actor : large.actors({.which = ActorQuery::Which::active})) {
    if (actor.node == node(3)) continue;
    const auto change = move_actor(actor, actor.id, actor.epoch, actor.node, node(3));
    REQUIRE(large.directory->compare_and_set(*change)->applied);
  }
  REQUIRE(large.directory->set_cordoned("node-3", true).ok());
  large.calls = 0;
  DrainView view;
  view.nodes =
      large.ask<std::vector<CountedNode>>([&](auto done) { large.client.counted_nodes(done); });
  view.actors = large.actors({.which = ActorQuery::Which::active, .node = "node-3"});
  view.cameras = large.ask<Homes>(
      [&](auto done) { large.client.homes(cameras_of(view.actors, large.types), done); });
  CHECK(view.cameras.size() == nodes_count);
  CHECK(large.calls <= 3 + actors_count / limits::actors_per_page_max);
  const auto steps =
      plan_drain(view, large.types, [](const std::string&) { return limits::actors_per_node_max; });
  REQUIRE(steps.size() == actors_count);
  std::map<std::string, std::size_t> onto;
  DrainAccount account;
  for (const DrainStep& step : steps) {
    ++onto[step.to];
    if (step.to.empty()) {
      account.keep(step.actor, step.why, false);
    } else {
      MoveRecord move;
      move.id = step.actor.id;
      move.type = step.actor.type;
      move.name = step.actor.name;
      move.from = "node-3";
      move.to = step.to;
      move.reason = std::string(limits::move_reason_bytes_max, 'r');
      account.add(move);
    }
  }
  CHECK(onto[""] == nodes_count);  // The cameras, whose type is not known here.
  CHECK(onto.size() == nodes_count);
  const std::size_t each = (actors_count - nodes_count) / (nodes_count - 1);
  for (const auto& [name, count] : onto) {
    if (!name.empty()) CHECK((count == each || count == each + 1));
  }
  const Message report = account.report();
  CHECK(report.struct_bytes() < limits::message_struct_bytes_max);
  const auto drained = report.as<wire::DrainReport>();
  CHECK(drained.getMovedCount() == actors_count - nodes_count);
  CHECK(drained.getKeptCount() == nodes_count);
  CHECK(drained.getKept().size() == nodes_count);
  CHECK(drained.getMoved().size() > 100);
  CHECK(drained.getMoved().size() < actors_count);
}

TEST_CASE("what was tried and kept is counted although it is not told one by one") {
  DrainAccount account;
  ActorRecord actor;
  actor.type = "stage";
  actor.name = "x";
  for (std::size_t i = 0; i < actors_count; ++i) {
    account.keep(actor, "no node will do", i + 1 == actors_count);
  }
  const Message report = account.report();
  CHECK(report.struct_bytes() < limits::message_struct_bytes_max);
  const auto drained = report.as<wire::DrainReport>();
  CHECK(drained.getKeptCount() == actors_count);
  CHECK(drained.getTriedCount() == 1);
  CHECK(drained.getKept().size() < actors_count);
}

TEST_CASE("to begin an actor costs a few look-ups and one listing of nodes, of actors none") {
  HostWorld world({"east", "west"});
  for (std::uint64_t i = 1; i <= actors_count; ++i) {
    const auto change =
        activate(std::nullopt, ActorId{1, i}, "puppet", "x", {}, world.member("west").self());
    REQUIRE(world.directory->compare_and_set(*change)->applied);
  }
  const auto asker = puppet("asker", "east");
  const auto worker = puppet("worker", "");
  REQUIRE(world.activate("east", *asker.spec));
  world.asked.clear();
  world.run("east", asker, [&](Turn& turn) { turn.send<Number>(worker, number(1)); });
  CHECK(world.home_of(worker.id) == "east");
  CHECK(world.asked[type_id_of<wire::ListActors>()] == 0);
  CHECK(world.asked[type_id_of<wire::FindActors>()] == 0);
  CHECK(world.asked[type_id_of<wire::ListNodes>()] == 1);
  // By the sender's node, and by the one that begins it.
  CHECK(world.asked[type_id_of<wire::LookUpActor>()] == 2);
  CHECK(world.asked[type_id_of<wire::ChangeActor>()] == 1);
}

}  // namespace
}  // namespace omma::test
