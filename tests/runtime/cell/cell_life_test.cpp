// Stages begin when they are needed and end when nobody needs them.
#include <catch2/catch.hpp>

#include <chrono>

#include "tests/runtime/cell/puppet_world.hpp"

using namespace std::chrono_literals;

namespace omma::test {
namespace {

const auto camera = puppet("camera");
const auto user = puppet("user");
const auto shared = puppet<StagePuppet>("stage");

// The stage takes numbers from the camera and hands them on.
struct StageWorld : PuppetWorld {
  StageWorld() {
    const auto publish = [](PuppetBody& body, std::uint64_t value, Turn& turn) {
      body.out.publish(turn, number(value));
    };
    scripts["camera"].on_number = publish;
    scripts["stage"].on_number = publish;
    scripts["stage"].on_start = [](PuppetBody&, Turn& turn) {
      turn.subscribe<Number>(camera, reliably());
    };
  }
  void use() { subscribe(user, shared, reliably()); }
  void leave() {
    run(user, [](Turn& turn) { turn.unsubscribe<Number>(shared); });
  }
  bool lives() { return find(shared.id) != nullptr; }
};

TEST_CASE("the first subscription begins a stage and what it needs") {
  StageWorld world;
  world.use();
  CHECK(world.lives());
  CHECK(world.report(camera).subscribers == 1);
  world.send_number(camera, 1);
  CHECK(world.scripts["user"].numbers() == numbers_up_to(1));
  world.advance(limits::stage_linger * 3);
  CHECK(world.lives());
}

TEST_CASE("a stage that nobody uses is retired after a while, and begins again on use") {
  StageWorld world;
  world.use();
  world.leave();
  world.advance(limits::stage_linger - 1ms);
  CHECK(world.lives());
  world.advance(2ms);
  CHECK_FALSE(world.lives());
  CHECK(world.retired() == std::vector<ActorId>{shared.id});
  CHECK(world.report(camera).subscribers == 0);

  world.use();
  CHECK(world.report(shared).life == 2);
  world.send_number(camera, 1);
  CHECK(world.scripts["user"].numbers() == numbers_up_to(1));
}

TEST_CASE("a stage that was begun but never subscribed to is retired too") {
  StageWorld world;
  world.run(user, [](Turn& turn) { turn.send<Number>(shared, number(1)); });
  CHECK(world.lives());
  world.advance(limits::stage_linger + 1ms);
  CHECK_FALSE(world.lives());
}

TEST_CASE("a new subscription within the linger time keeps the stage") {
  StageWorld world;
  world.use();
  world.leave();
  world.advance(limits::stage_linger - 1ms);
  world.use();
  world.advance(limits::stage_linger * 2);
  CHECK(world.lives());
  CHECK(world.report(shared).life == 1);
}

TEST_CASE("a new subscription while the stage winds down takes its inputs up again") {
  StageWorld world;
  world.use();
  world.leave();
  // Its farewell to the camera is not acknowledged, so that it cannot end yet.
  world.lose = [](const Packet& packet) {
    const auto* ack = std::get_if<Ack>(&packet);
    return ack != nullptr && ack->stream.target == camera.id;
  };
  world.advance(limits::stage_linger + 1s);
  REQUIRE(world.lives());
  CHECK(world.report(shared).phase == "retiring");
  CHECK(world.report(camera).subscribers == 0);
  world.use();
  world.lose = [](const Packet&) { return false; };
  world.advance(limits::stage_linger * 3);
  REQUIRE(world.lives());
  CHECK(world.report(shared).phase == "active");
  CHECK(world.report(camera).subscribers == 1);
  world.send_number(camera, 1);
  CHECK(world.scripts["user"].numbers() == numbers_up_to(1));
}

TEST_CASE("a stage whose last words nobody acknowledges ends all the same") {
  StageWorld world;
  world.use();
  world.leave();
  world.lose = [](const Packet& packet) { return destination_of(packet) == shared.id; };
  world.advance(limits::stage_linger + 4s);
  CHECK(world.lives());
  world.advance(2s);
  CHECK_FALSE(world.lives());
}

TEST_CASE("a stage that ends while its input is behind is not begun again by what is left") {
  StageWorld world;
  world.scripts["stage"].on_start = [](PuppetBody&, Turn& turn) {
    turn.subscribe<Number>(camera, reliably(2 * small_message_bytes));
  };
  std::vector<HeldMessage> held;
  world.scripts["user"].on_number = [&](PuppetBody& body, std::uint64_t value, Turn& turn) {
    body.numbers.push_back(value);
    held.push_back(turn.hold());
  };
  world.subscribe(user, shared, reliably(2 * small_message_bytes));
  for (std::uint64_t i = 1; i <= 50; ++i) world.send_number(camera, i);
  CHECK(world.report(camera).blocked);
  world.leave();
  world.run(user, [&](Turn& turn) {
    for (const HeldMessage& message : held) turn.release(message);
  });
  for (std::uint64_t i = 51; i <= 55; ++i) world.send_number(camera, i);
  world.advance(limits::stage_linger * 4);
  CHECK(world.retired() == std::vector<ActorId>{shared.id});
  CHECK_FALSE(world.lives());
  CHECK(world.stream(camera, shared, Channel::stream).in_flight == 0);
}

TEST_CASE("a stage that still holds messages winds down until they are released") {
  StageWorld world;
  std::vector<HeldMessage> held;
  world.scripts["stage"].on_number = [&](PuppetBody&, std::uint64_t, Turn& turn) {
    held.push_back(turn.hold());
    turn.set_timer(1, limits::stage_linger + 2s);
  };
  world.scripts["stage"].on_timer = [&](PuppetBody&, std::uint64_t, Turn& turn) {
    turn.release(held.at(0));
  };
  world.use();
  world.send_number(camera, 1);
  world.leave();
  world.advance(limits::stage_linger + 1s);
  REQUIRE(world.lives());
  CHECK(world.stream(camera, shared, Channel::stream).in_flight == 1);
  world.advance(2s);
  CHECK_FALSE(world.lives());
  CHECK(world.stream(camera, shared, Channel::stream).in_flight == 0);
  CHECK(world.stream(camera, shared, Channel::stream).counters.acknowledged == 1);
}

}  // namespace
}  // namespace omma::test
