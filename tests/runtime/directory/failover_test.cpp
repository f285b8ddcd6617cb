// Moves, lost nodes and what becomes of their actors. Each test runs once on each engine.
#include "runtime/base/limits.hpp"
#include "tests/runtime/directory/engine.hpp"
#include "tests/runtime/directory/records.hpp"

namespace omma {
namespace {

// Nodes a and b, and the actor "lobby" on a.
struct TwoNodes : Engine {
  TwoNodes()
      : a(known(*directory, node_of("a", 1))),
        b(known(*directory, node_of("b", 2))),
        lobby(activate_now(*directory, "lobby", a)) {}

  // conflict, and nothing was changed.
  void refused(const Result<RecordChange>& change) {
    REQUIRE(change.ok());
    const ActorRecord before = stored(*directory, change->next.id);
    const auto outcome = directory->compare_and_set(*change);
    REQUIRE_FALSE(outcome.ok());
    CHECK(outcome.error().code == Code::conflict);
    CHECK(stored(*directory, change->next.id) == before);
  }
  std::vector<ActorRecord> orphans() { return orphans_of(*directory); }

  NodeId a;
  NodeId b;
  ActorRecord lobby;
};

TEST_CASE("a move hands the actor over with its life; the source is fenced by the epoch") {
  TwoNodes world;
  INFO(world.name);
  const ActorRecord moved = move_now(*world.directory, world.lobby, world.b);
  CHECK(moved.epoch == 2);
  CHECK(moved.life == 1);
  CHECK(stored(*world.directory, world.lobby.id) == moved);
  // The source's abort comes too late.
  auto abort = move_actor(world.lobby, world.lobby.id, 1, world.a, world.a);
  REQUIRE(abort.ok());
  auto outcome = world.directory->compare_and_set(*abort);
  REQUIRE(outcome.ok());
  CHECK_FALSE(outcome->applied);
  CHECK(outcome->current == moved);
}

TEST_CASE("an abort changes the epoch alone, and fences the target") {
  TwoNodes world;
  INFO(world.name);
  const ActorRecord back = move_now(*world.directory, world.lobby, world.a);
  CHECK(back.epoch == 2);
  CHECK(back.node == world.a);
  auto late = move_actor(world.lobby, world.lobby.id, 1, world.a, world.b);
  REQUIRE(late.ok());
  CHECK_FALSE(world.directory->compare_and_set(*late)->applied);
  CHECK(stored(*world.directory, world.lobby.id) == back);
}

TEST_CASE("a node that was declared dead wins no change, in whatever role it asks") {
  TwoNodes world;
  INFO(world.name);
  const ActorRecord yard = activate_now(*world.directory, "yard", world.b);
  const ActorRecord gone =
      retire_now(*world.directory, activate_now(*world.directory, "x", world.b));
  REQUIRE(world.directory->mark_dead(world.a).ok());

  world.refused(move_actor(world.lobby, world.lobby.id, 1, world.a, world.a));  // Its abort.
  world.refused(move_actor(yard, yard.id, 1, world.b, world.a));                // As a target.
  world.refused(retire(world.lobby, world.lobby.id, 1, world.a));
  world.refused(take_over(world.lobby, world.lobby.id, 1, world.a, true));
  world.refused(activate(gone, gone.id, "camera", "x", config_of(16), world.a));
  // It may not have registered at all.
  world.refused(move_actor(yard, yard.id, 1, world.b, node_of("stranger")));
}

TEST_CASE("a node that was replaced by a new incarnation wins no change either") {
  TwoNodes world;
  INFO(world.name);
  const ActorRecord yard = activate_now(*world.directory, "yard", world.b);
  REQUIRE(world.directory->register_node("a", {9, 9}, "unix:/a", {}).ok());
  world.refused(move_actor(world.lobby, world.lobby.id, 1, world.a, world.a));
  world.refused(move_actor(yard, yard.id, 1, world.b, world.a));
  world.refused(retire(world.lobby, world.lobby.id, 1, world.a));
  world.refused(take_over(world.lobby, world.lobby.id, 1, world.a, false));
}

TEST_CASE("the target of a move that is whole wins also when the source has died") {
  TwoNodes world;
  INFO(world.name);
  REQUIRE(world.directory->mark_dead(world.a).ok());
  const ActorRecord moved = move_now(*world.directory, world.lobby, world.b);
  CHECK(moved.life == 1);
  CHECK(world.orphans().empty());
}

TEST_CASE("a live node's actor is not taken over") {
  TwoNodes world;
  INFO(world.name);
  for (const bool keeps_life : {true, false}) {
    world.refused(take_over(world.lobby, world.lobby.id, 1, world.b, keeps_life));
  }
}

TEST_CASE("a dead node's actors are orphans until each is taken over, with its life or a new one") {
  TwoNodes world;
  INFO(world.name);
  const ActorRecord door = activate_now(*world.directory, "door", world.a);
  activate_now(*world.directory, "yard", world.b);
  retire_now(*world.directory, activate_now(*world.directory, "old", world.a));
  CHECK(world.orphans().empty());
  const auto dead = world.directory->mark_dead(world.a);
  REQUIRE(dead.ok());
  CHECK_FALSE(dead->alive);
  CHECK(world.orphans() == std::vector<ActorRecord>{door, world.lobby});

  const ActorRecord same_life =
      applied(*world.directory, take_over(world.lobby, world.lobby.id, 1, world.b, true));
  CHECK(same_life.life == 1);
  CHECK(same_life.epoch == 2);
  CHECK(same_life.node == world.b);
  CHECK(world.orphans() == std::vector<ActorRecord>{door});
  // Somebody else is late.
  auto late = take_over(world.lobby, world.lobby.id, 1, world.b, true);
  CHECK_FALSE(world.directory->compare_and_set(*late)->applied);

  const ActorRecord new_life =
      applied(*world.directory, take_over(door, door.id, 1, world.b, false));
  CHECK(new_life.life == 2);
  CHECK(stored(*world.directory, door.id) == new_life);
  CHECK(world.orphans().empty());
}

TEST_CASE("a node is declared dead once; again changes nothing, and it does not return") {
  TwoNodes world;
  INFO(world.name);
  const auto first = world.directory->mark_dead(world.a);
  const auto second = world.directory->mark_dead(world.a);
  REQUIRE(second.ok());
  CHECK(*second == *first);
  const auto returns = world.directory->register_node("a", world.a.incarnation, "unix:/a", {});
  REQUIRE_FALSE(returns.ok());
  CHECK(returns.error().code == Code::conflict);

  CHECK(world.directory->mark_dead(node_of("nobody")).error().code == Code::not_found);
  REQUIRE(world.directory->register_node("a", {9, 9}, "unix:/a", {}).ok());
  CHECK(world.directory->mark_dead(world.a).error().code == Code::conflict);
  CHECK(world.directory->nodes()->front().alive);
}

TEST_CASE("a dead node that takes leave retires nothing: its orphans are the fail-over's") {
  TwoNodes world;
  INFO(world.name);
  REQUIRE(world.directory->mark_dead(world.a).ok());
  CHECK(world.directory->deregister_node(world.a).ok());
  CHECK(stored(*world.directory, world.lobby.id) == world.lobby);
  CHECK(world.orphans().size() == 1);
}

TEST_CASE("a cordon is on the name: it outlasts restarts until it is lifted") {
  TwoNodes world;
  INFO(world.name);
  CHECK_FALSE(world.directory->nodes()->front().cordoned);
  const auto cordoned = world.directory->set_cordoned("a", true);
  REQUIRE(cordoned.ok());
  CHECK(cordoned->cordoned);
  CHECK(cordoned->id == world.a);
  const auto restarted = world.directory->register_node("a", {9, 9}, "unix:/a", {});
  REQUIRE(restarted.ok());
  CHECK(restarted->cordoned);
  CHECK(world.directory->nodes()->front().cordoned);
  CHECK_FALSE(world.directory->nodes()->back().cordoned);
  REQUIRE(world.directory->set_cordoned("a", false).ok());
  CHECK_FALSE(world.directory->nodes()->front().cordoned);
  CHECK(world.directory->set_cordoned("nobody", true).error().code == Code::not_found);
}

TEST_CASE("a pin changes no epoch, is listed once and outlasts the life") {
  TwoNodes world;
  INFO(world.name);
  const ActorRecord yard = activate_now(*world.directory, "yard", world.b);
  for (int i = 0; i < 2; ++i) {
    REQUIRE(world.directory->set_pinned(world.lobby.id, true).ok());
    REQUIRE(world.directory->set_pinned(yard.id, true).ok());
  }
  std::vector<ActorId> both{world.lobby.id, yard.id};
  std::sort(both.begin(), both.end());
  CHECK(*world.directory->pinned() == both);
  CHECK(stored(*world.directory, world.lobby.id) == world.lobby);
  retire_now(*world.directory, world.lobby);
  CHECK(*world.directory->pinned() == both);
  for (int i = 0; i < 2; ++i) REQUIRE(world.directory->set_pinned(yard.id, false).ok());
  CHECK(*world.directory->pinned() == std::vector<ActorId>{world.lobby.id});
  CHECK(world.directory->set_pinned(ActorId{1, 2}, true).error().code == Code::not_found);
}

TEST_CASE("pins are held to their limit") {
  auto directory = make_memory_directory();
  const NodeId a = known(*directory, node_of("a"));
  for (std::size_t i = 0; i <= limits::pinned_actors_max; ++i) {
    auto change = activate(std::nullopt, ActorId{1, i + 1}, "stage", "s", {}, a);
    REQUIRE(directory->compare_and_set(*change)->applied);
    const auto pinned = directory->set_pinned(ActorId{1, i + 1}, true);
    if (i < limits::pinned_actors_max) {
      REQUIRE(pinned.ok());
    } else {
      CHECK(pinned.error().code == Code::over_limit);
    }
  }
}

MoveRecord some_move(std::uint64_t number) {
  MoveRecord move;
  move.when = wall_time_of(1'790'000'000'000'000'000 + static_cast<std::int64_t>(number));
  move.id = {1, number};
  move.type = "tracker";
  move.name = "lobby";
  move.from = "a";
  move.to = "b";
  move.outcome = static_cast<MoveRecord::Outcome>(number % 4);
  move.reason = "node a is 'busy'\n";
  move.pause = Duration(1'500'000);
  move.bytes = 0xffff'ffff'0000'0001;
  return move;
}

TEST_CASE("moves are read back as they were logged, the latest first") {
  Engine engine;
  INFO(engine.name);
  CHECK(engine.directory->moves(10)->empty());
  for (std::uint64_t i = 1; i <= 5; ++i) {
    REQUIRE(engine.directory->append_move(some_move(i)).ok());
  }
  CHECK(*engine.directory->moves(2) == std::vector<MoveRecord>{some_move(5), some_move(4)});
  CHECK(engine.directory->moves(100)->size() == 5);
  CHECK(engine.directory->moves(0)->empty());
}

TEST_CASE("a move is logged within its limits: a long reason is cut off, a long name refused") {
  Engine engine;
  INFO(engine.name);
  MoveRecord move = some_move(1);
  move.reason = std::string(limits::move_reason_bytes_max + 9, 'x');
  REQUIRE(engine.directory->append_move(move).ok());
  CHECK(engine.directory->moves(1)->front().reason.size() == limits::move_reason_bytes_max);
  move.to = std::string(limits::name_bytes_max + 1, 'x');
  CHECK(engine.directory->append_move(move).error().code == Code::over_limit);
}

TEST_CASE("the log of moves keeps the latest and drops the oldest") {
  Engine engine;
  INFO(engine.name);
  constexpr std::uint64_t logged = limits::moves_kept_max + 3;
  REQUIRE(engine.directory
              ->together([&] {
                for (std::uint64_t i = 1; i <= logged; ++i) {
                  if (!engine.directory->append_move(some_move(i)).ok()) FAIL(i);
                }
              })
              .ok());
  const auto moves = engine.directory->moves(logged);
  REQUIRE(moves->size() == limits::moves_kept_max);
  CHECK(moves->front() == some_move(logged));
  CHECK(moves->back() == some_move(4));
}

}  // namespace
}  // namespace omma
