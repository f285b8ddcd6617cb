// Checkpoints: who may save them, and how long they last. Each test runs once on each engine.
#include "runtime/base/limits.hpp"
#include "tests/runtime/directory/engine.hpp"
#include "tests/runtime/directory/records.hpp"

#include <algorithm>

namespace omma {
namespace {

Checkpoint checkpoint_of(const ActorRecord& record, std::uint64_t number,
                         const std::string& state = "state") {
  const auto bytes = std::as_bytes(std::span(state));
  return {.id = record.id,
          .epoch = record.epoch,
          .number = number,
          .keeps_life = number % 2 == 0,
          .state = Blob::copy_of(bytes)};
}

// Nodes a and b, the actors lobby and yard on a, door on b.
struct World : Engine {
  World()
      : a(known(*directory, node_of("a", 1))),
        b(known(*directory, node_of("b", 2))),
        lobby(activate_now(*directory, "lobby", a)),
        yard(activate_now(*directory, "yard", a)),
        door(activate_now(*directory, "door", b)) {}

  // The code of each answer; the batch itself is taken.
  std::vector<Code> save(const NodeId& by, const std::vector<Checkpoint>& checkpoints) {
    const auto saved = directory->save_checkpoints(by, checkpoints);
    if (!saved.ok()) FAIL(saved.error().describe());
    std::vector<Code> codes;
    for (const auto& one : *saved) codes.push_back(one.ok() ? Code::ok : one.error().code);
    return codes;
  }
  // "3:state", the latest; empty for none.
  std::string latest(const ActorId& id) {
    const auto found = directory->checkpoint(id);
    REQUIRE(found.ok());
    if (!*found) return "";
    CHECK((*found)->id == id);
    const auto bytes = (*found)->state.bytes();
    return std::to_string((*found)->number) + ":" +
           std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }

  NodeId a;
  NodeId b;
  ActorRecord lobby;
  ActorRecord yard;
  ActorRecord door;
};

const std::vector<Code> saved_one{Code::ok};
const std::vector<Code> conflict_one{Code::conflict};

TEST_CASE("a checkpoint is read back as it was saved, and the next takes its place") {
  World world;
  INFO(world.name);
  CHECK(world.latest(world.lobby.id).empty());
  const std::string state("zero\0one", 8);
  CHECK(world.save(world.a,
                   {checkpoint_of(world.lobby, 3, state), checkpoint_of(world.yard, 8, "")}) ==
        std::vector<Code>{Code::ok, Code::ok});
  const auto read = world.directory->checkpoint(world.lobby.id);
  CHECK((*read)->epoch == world.lobby.epoch);
  CHECK_FALSE((*read)->keeps_life);
  CHECK((*world.directory->checkpoint(world.yard.id))->keeps_life);
  CHECK(world.latest(world.lobby.id) == "3:" + state);
  CHECK(world.latest(world.yard.id) == "8:");
  CHECK(world.save(world.a, {checkpoint_of(world.lobby, 4, "next")}) == saved_one);
  CHECK(world.latest(world.lobby.id) == "4:next");
}

TEST_CASE("a checkpoint that comes again is saved already; one that comes late is refused") {
  World world;
  INFO(world.name);
  REQUIRE(world.save(world.a, {checkpoint_of(world.lobby, 5)}) == saved_one);
  CHECK(world.save(world.a, {checkpoint_of(world.lobby, 5, "other")}) == saved_one);
  CHECK(world.latest(world.lobby.id) == "5:state");
  CHECK(world.save(world.a, {checkpoint_of(world.lobby, 4)}) == conflict_one);
  CHECK(world.latest(world.lobby.id) == "5:state");
}

TEST_CASE("of a batch each checkpoint is refused alone when its actor is not the writer's") {
  World world;
  INFO(world.name);
  Checkpoint early = checkpoint_of(world.yard, 1);
  early.epoch += 1;
  Checkpoint nobody = checkpoint_of(world.yard, 1);
  nobody.id = {7, 7};
  Checkpoint null = nobody;
  null.id = {};
  CHECK(world.save(world.a, {checkpoint_of(world.door, 1), checkpoint_of(world.lobby, 1), early,
                             nobody, null}) == std::vector<Code>{Code::conflict, Code::ok,
                                                                 Code::conflict, Code::conflict,
                                                                 Code::invalid_argument});
  CHECK(world.latest(world.door.id).empty());
  CHECK(world.latest(world.yard.id).empty());
  CHECK(world.latest(world.lobby.id) == "1:state");
}

TEST_CASE("a writer that is not live saves nothing at all") {
  World world;
  INFO(world.name);
  REQUIRE(world.save(world.a, {checkpoint_of(world.lobby, 1)}) == saved_one);
  const std::vector<Checkpoint> late{checkpoint_of(world.lobby, 2), checkpoint_of(world.yard, 2)};
  SECTION("it was declared dead") {
    REQUIRE(world.directory->mark_dead(world.a).ok());
  }
  SECTION("it was replaced by a new incarnation") {
    REQUIRE(world.directory->register_node("a", {9, 9}, "unix:/a", {}).ok());
  }
  SECTION("another has its name in mind") {
    world.a.incarnation = {5, 5};
  }
  const auto saved = world.directory->save_checkpoints(world.a, late);
  REQUIRE_FALSE(saved.ok());
  CHECK(saved.error().code == Code::conflict);
  CHECK(world.latest(world.lobby.id) == "1:state");
  CHECK(world.latest(world.yard.id).empty());
}

TEST_CASE("a new incarnation does not write for the one before it") {
  World world;
  INFO(world.name);
  const auto late = world.directory->register_node("a", {9, 9}, "unix:/a", {});
  REQUIRE(late.ok());
  CHECK(world.save(late->id, {checkpoint_of(world.lobby, 1)}) == conflict_one);
}

TEST_CASE("a checkpoint stays through a move and an abort, until the new owner saves the next") {
  World world;
  INFO(world.name);
  REQUIRE(world.save(world.a, {checkpoint_of(world.lobby, 9)}) == saved_one);
  const ActorRecord aborted = move_now(*world.directory, world.lobby, world.a);
  const ActorRecord moved = move_now(*world.directory, aborted, world.b);
  CHECK(world.latest(world.lobby.id) == "9:state");
  CHECK(world.save(world.a, {checkpoint_of(world.lobby, 10)}) == conflict_one);
  CHECK(world.save(world.a, {checkpoint_of(moved, 10)}) == conflict_one);
  CHECK(world.save(world.b, {checkpoint_of(world.lobby, 10)}) == conflict_one);
  CHECK(world.latest(world.lobby.id) == "9:state");
  CHECK(world.save(world.b, {checkpoint_of(moved, 1, "anew")}) == saved_one);
  CHECK(world.latest(world.lobby.id) == "1:anew");
}

TEST_CASE("a checkpoint stays through a take-over") {
  World world;
  INFO(world.name);
  REQUIRE(world.save(world.a, {checkpoint_of(world.lobby, 9)}) == saved_one);
  REQUIRE(world.directory->mark_dead(world.a).ok());
  const ActorRecord taken =
      applied(*world.directory, take_over(world.lobby, world.lobby.id, 1, world.b, false));
  CHECK(world.latest(world.lobby.id) == "9:state");
  CHECK(world.save(world.b, {checkpoint_of(taken, 1, "anew")}) == saved_one);
  CHECK(world.latest(world.lobby.id) == "1:anew");
}

TEST_CASE("a life that ends drops its checkpoint") {
  World world;
  INFO(world.name);
  REQUIRE(world.save(world.a, {checkpoint_of(world.lobby, 1), checkpoint_of(world.yard, 1)}) ==
          std::vector<Code>{Code::ok, Code::ok});
  const ActorRecord ended = retire_now(*world.directory, world.lobby);
  CHECK(world.latest(world.lobby.id).empty());
  CHECK(world.latest(world.yard.id) == "1:state");
  CHECK(world.save(world.a, {checkpoint_of(ended, 2)}) == conflict_one);
  REQUIRE(world.directory->deregister_node(world.a).ok());
  CHECK(world.latest(world.yard.id).empty());
}

TEST_CASE("checkpoints are held to their limits") {
  World world;
  INFO(world.name);
  const std::vector<Checkpoint> many(limits::checkpoints_per_batch_max + 1,
                                     checkpoint_of(world.lobby, 1));
  CHECK(world.directory->save_checkpoints(world.a, many).error().code == Code::over_limit);

  const std::vector<std::byte> bytes(limits::snapshot_bytes_max + 1);
  Checkpoint large = checkpoint_of(world.yard, 1);
  large.state = Blob::wrap(nullptr, bytes);
  CHECK(world.save(world.a, {checkpoint_of(world.lobby, 1), large}) ==
        std::vector<Code>{Code::ok, Code::over_limit});
  const std::vector<Checkpoint> too_much(2, large);
  const auto refused = world.directory->save_checkpoints(world.a, too_much);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Code::over_limit);
  CHECK(refused.error().message.find("134217730 bytes at once, limit 134217728") !=
        std::string::npos);
}

}  // namespace
}  // namespace omma
