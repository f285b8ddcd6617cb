// Moves between hosts, and what may come in between.
#include <catch2/catch.hpp>

#include <chrono>
#include <set>

#include "tests/runtime/node/host_world.hpp"

using namespace std::chrono_literals;

namespace omma::test {
namespace {

struct MoveWorld : HostWorld {
  MoveWorld() : HostWorld({"east", "north", "west"}) {
    scripts["relay"].on_number = [this](PuppetBody& body, std::uint64_t value, Turn& turn) {
      body.numbers.push_back(value);
      turn.send<Number>(sink, number(value));
    };
    REQUIRE(activate("east", *source.spec).ok());
    REQUIRE(activate("west", *relay.spec).ok());
    REQUIRE(activate("east", *sink.spec).ok());
  }
  // The source sends the next `count` numbers; nothing is waited for.
  void send(std::uint64_t count) {
    host(home_of(source.id))
        .cell(source.id)
        ->put(CellInput{CellInput::Command{[this, count](Turn& turn) {
          for (std::uint64_t i = 0; i < count; ++i) turn.send<Number>(relay, number(++sent));
        }}});
  }
  std::string must_move(const ActorId& id, const std::string& to) {
    const auto end = move(id, home_of(id), to);
    INFO((end ? end->reason : end.error().describe()));
    REQUIRE(end.ok());
    REQUIRE(end->outcome == MoveRecord::Outcome::moved);
    return home_of(id);
  }
  void check_all_came() {
    advance(20s);
    CHECK(scripts["relay"].numbers() == numbers_up_to(sent));
    CHECK(scripts["sink"].numbers() == numbers_up_to(sent));
  }

  const Ref<Puppet> source = puppet("source");
  const Ref<Puppet> relay = puppet("relay");
  const Ref<Puppet> sink = puppet("sink");
  std::uint64_t sent = 0;
};

}  // namespace

TEST_CASE("an actor moves between nodes under load: nothing lost, doubled or out of order") {
  MoveWorld world;
  const char* const nodes[] = {"north", "east", "west", "north", "west", "east"};
  for (const char* node : nodes) {
    world.send(10);
    CHECK(world.must_move(world.relay.id, node) == node);
    CHECK(world.record(world.relay.id).life == 1);
    world.send(10);
  }
  world.check_all_came();
  CHECK(world.record(world.relay.id).epoch == 7);
}

TEST_CASE("both ends of a stream move at once, again and again") {
  MoveWorld world;
  unsigned ended = 0;
  const char* const nodes[] = {"north", "east", "west"};
  for (unsigned round = 0; round < 12; ++round) {
    world.send(7);
    for (const ActorId& id : {world.source.id, world.relay.id, world.sink.id}) {
      const std::string home = world.home_of(id);
      const std::string to = nodes[(round + (id == world.relay.id ? 1u : 0u)) % 3];
      if (home == to) {
        ++ended;
        continue;
      }
      world.host(home).move(id, to, "", [&](const Result<MoveRecord>& end) {
        CHECK((end.ok() && end->outcome == MoveRecord::Outcome::moved));
        ++ended;
      });
    }
    world.advance(300ms);
  }
  CHECK(ended == 36);
  world.check_all_came();
}

TEST_CASE("the pause and the size of a move are told, and the log has it") {
  MoveWorld world;
  const auto end = world.move(world.relay.id, "west", "north");
  REQUIRE(end.ok());
  CHECK(end->outcome == MoveRecord::Outcome::moved);
  CHECK(end->from == "west");
  CHECK(end->to == "north");
  CHECK(end->bytes > 100);
  CHECK(end->pause > 0ns);
  CHECK(end->pause < 10ms);
  world.settle();
  const auto log = world.directory->moves(10);
  REQUIRE(log.ok());
  REQUIRE(log->size() == 1);
  CHECK(log->front().reason == "a test wants it");
}

TEST_CASE("a move that cannot be is refused in words, and the actor runs on") {
  MoveWorld world;
  const auto why = [&](const std::string& to) {
    const auto end = world.move(world.relay.id, "west", to);
    return end ? end->reason : end.error().message;
  };
  CHECK(why("west").find("lives on node west already") != std::string::npos);
  CHECK(why("south").find("south") != std::string::npos);
  const auto gone = world.move(puppet("nobody").id, "west", "east");
  REQUIRE(!gone.ok());
  CHECK(gone.error().message.find("does not live on node west") != std::string::npos);
  world.send(5);
  world.check_all_came();
}

TEST_CASE("a move whose target cannot be reached is called off, and the actor runs on") {
  MoveWorld world;
  // From the first piece of the snapshot on, nothing gets through.
  world.network.partition("north", "west");
  world.send(5);
  const auto end = world.move(world.relay.id, "west", "north");
  REQUIRE(end.ok());
  CHECK(end->outcome == MoveRecord::Outcome::refused);
  world.network.heal("north", "west");
  world.send(5);
  world.check_all_came();
  CHECK(world.home_of(world.relay.id) == "west");
}

TEST_CASE("without a directory a move stands still, and ends well when it is back") {
  MoveWorld world;
  world.send(5);
  std::optional<Result<MoveRecord>> answer;
  world.directory_error = Error{Code::unavailable, "the head is away"};
  world.host("west").move(world.relay.id, "north", "",
                          [&](Result<MoveRecord> end) { answer.emplace(end); });
  world.advance(5s);
  CHECK(!answer);
  world.send(5);
  world.advance(5s);
  world.directory_error.reset();
  world.advance(5s);
  REQUIRE(answer);
  world.check_all_came();
  const std::string home = world.home_of(world.relay.id);
  const bool moved = (*answer)->outcome == MoveRecord::Outcome::moved;
  CHECK(home == (moved ? "north" : "west"));
  CHECK(world.host(home).cell(world.relay.id).has_value());
}

}  // namespace omma::test
