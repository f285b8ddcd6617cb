#include "runtime/placement/move_rule.hpp"

#include <catch2/catch.hpp>

#include <functional>
#include <string>
#include <vector>

namespace omma {
namespace {

NodeLoad node(const std::string& name, std::size_t actors = 0) {
  NodeRecord record{.id = {name, {1, std::hash<std::string>()(name)}, 1},
                    .address = "unix:/" + name,
                    .roles = {"cloud"}};
  return {std::move(record), actors, {}, 10};
}

ActorRecord actor(const std::string& type, const std::string& name, const NodeLoad& home) {
  ActorRecord record;
  record.id = ActorId::of(type, std::string_view(name));
  record.type = type;
  record.name = name;
  record.epoch = 3;
  record.state = ActorRecord::State::active;
  record.node = home.node.id;
  return record;
}

std::vector<NodeLoad> some_nodes() {
  std::vector<NodeLoad> nodes = {node("east"), node("west"), node("dead"), node("cordoned"),
                                 node("full", 10)};
  nodes[2].node.alive = false;
  nodes[3].node.cordoned = true;
  return nodes;
}

std::string verdict(const MoveWish& wish, const std::vector<NodeLoad>& nodes) {
  const auto allowed = check_move(wish, nodes);
  return allowed.ok() ? "ok" : allowed.error().describe();
}

TEST_CASE("a move that cannot be is refused with what, the limit and what to do") {
  const auto nodes = some_nodes();
  const ActorRecord tracker = actor("tracker", "east", nodes[0]);
  ActorRecord ended = tracker;
  ended.state = ActorRecord::State::retired;
  const ActorRecord orphan = actor("tracker", "lost", nodes[2]);
  ActorRecord reborn = tracker;
  reborn.node.incarnation = {9, 9};
  struct Row {
    const char* what;
    MoveWish wish;
    const char* verdict;
  };
  const Row rows[] = {
      {"a plain one", {tracker, false, nullptr, "west"}, "ok"},
      {"an unknown node",
       {tracker, false, nullptr, "wets"},
       "not_found: no node 'wets'; did you mean 'west'"},
      {"a dead node",
       {tracker, false, nullptr, "dead"},
       "unavailable: node 'dead' is dead; start it, or name one of east (cloud), west (cloud), "
       "dead (cloud; not alive), cordoned (cloud; cordoned), full (cloud; full, 10 actors)"},
      {"a cordoned node",
       {tracker, false, nullptr, "cordoned"},
       "unavailable: node 'cordoned' is cordoned; end that with omma cordon cordoned --off"},
      {"a full node",
       {tracker, false, nullptr, "full"},
       "over_limit: node 'full' is full: 10 actors, limit 10; move some away, or raise its "
       "actors_max"},
      {"the same node",
       {tracker, false, nullptr, "east"},
       "conflict: tracker/east lives on node 'east' already; name another node"},
      {"a pinned actor",
       {tracker, true, nullptr, "west"},
       "conflict: tracker/east is pinned to node 'east'; end that with omma pin tracker/east "
       "--off"},
      {"a type that stays",
       {tracker, false, "it writes a file there", "west"},
       "unsupported: tracker/east stays on node 'east': it writes a file there"},
      {"an actor that has ended",
       {ended, false, nullptr, "west"},
       "not_found: tracker/east has ended at epoch 3; omma ps shows what lives"},
      {"an actor of a dead node",
       {orphan, false, nullptr, "west"},
       "conflict: tracker/lost was on node 'dead', which is dead; it is given another node by "
       "itself"},
      {"an actor of an earlier process of the node",
       {reborn, false, nullptr, "west"},
       "conflict: tracker/east was on node 'east', which is dead; it is given another node by "
       "itself"},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    CHECK(verdict(row.wish, nodes) == row.verdict);
  }
}

TEST_CASE("a node named in so many words need not have the role") {
  auto nodes = some_nodes();
  nodes[1].node.roles = {"camera"};
  CHECK(verdict({actor("tracker", "east", nodes[0]), false, nullptr, "west"}, nodes) == "ok");
}

TEST_CASE("an actor is found by type and name, by name, or by its id's first digits") {
  const auto nodes = some_nodes();
  const std::vector<ActorRecord> actors = {
      actor("camera", "east", nodes[0]), actor("tracker", "east", nodes[0]),
      actor("tracker", "west", nodes[1]), actor("people_counter", "door", nodes[1])};
  CHECK(find_actor("camera/east", actors)->id == actors[0].id);
  CHECK(find_actor("west", actors)->id == actors[2].id);
  CHECK(find_actor(actors[3].id.short_text(), actors)->id == actors[3].id);
  CHECK(find_actor(actors[3].id.text(), actors)->id == actors[3].id);
}

TEST_CASE("what could be several is listed, what is nobody has the nearest suggested") {
  const auto nodes = some_nodes();
  std::vector<ActorRecord> actors = {actor("camera", "east", nodes[0]),
                                     actor("tracker", "east", nodes[1])};
  const auto several = find_actor("east", actors);
  REQUIRE_FALSE(several.ok());
  CHECK(several.error().code == Code::invalid_argument);
  CHECK(several.error().message ==
        "'east' could be 2 actors; write the first digits of its id: " + actors[0].id.short_text() +
            " (camera/east on east), " + actors[1].id.short_text() + " (tracker/east on west)");
  const auto nobody = find_actor("tracker/eats", actors);
  REQUIRE_FALSE(nobody.ok());
  CHECK(nobody.error().code == Code::not_found);
  CHECK(nobody.error().message == "no actor 'tracker/eats'; did you mean 'tracker/east'?");
  CHECK(find_actor(actors[0].id.text().substr(0, 3), actors).error().code == Code::not_found);
  actors[0].state = ActorRecord::State::retired;
  CHECK(find_actor("east", actors)->id == actors[1].id);
  CHECK(find_actor("x", {}).error().message == "no actor 'x'; omma ps lists them");
}

}  // namespace
}  // namespace omma
