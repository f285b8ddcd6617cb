#include "runtime/node/host.hpp"

#include <catch2/catch.hpp>

#include "tests/runtime/node/host_world.hpp"

using namespace std::chrono_literals;

namespace omma::test {
namespace {

const auto asker = puppet("asker", "east");
const auto other = puppet("other", "west");
const auto worker = puppet("worker", "west");
const auto stage = puppet<StagePuppet>("stage", "west");

// East and west, with the asker on east.
struct TwoNodes : HostWorld {
  TwoNodes() : HostWorld({"east", "west"}) {
    const auto record = activate("east", *asker.spec);
    REQUIRE(record.ok());
  }
  void ask(std::uint64_t value) {
    run("east", asker, [value](Turn& turn) { turn.request<Number>(worker, number(value)); });
  }
};

TEST_CASE("the first message begins an actor where it wants to live") {
  TwoNodes world;
  CHECK(world.home_of(asker.id) == "east");
  world.scripts["worker"].on_number = [](PuppetBody& body, std::uint64_t value, Turn& turn) {
    body.numbers.push_back(value);
    turn.reply<Number>(number(value * 10));
  };
  world.ask(1);
  world.advance(1s);
  CHECK(world.home_of(worker.id) == "west");
  CHECK(world.record(worker.id).epoch == 1);
  CHECK(world.record(worker.id).type == "puppet");
  CHECK(world.scripts["worker"].numbers() == numbers_up_to(1));
  CHECK(world.scripts["asker"].numbers() == std::vector<std::uint64_t>{10});
  CHECK(world.host("west").counters().activated == 1);
  CHECK(world.host("east").cell(asker.id).has_value());
  CHECK_FALSE(world.host("east").cell(worker.id).has_value());
}

TEST_CASE("all who name an actor alike share it, on whatever nodes they live") {
  TwoNodes world;
  REQUIRE(world.activate("west", *other.spec).ok());
  world.ask(1);
  world.run("west", other, [](Turn& turn) { turn.send<Number>(worker, number(2)); });
  world.advance(2s);
  CHECK(world.scripts["worker"].numbers() == numbers_up_to(2));
  CHECK(world.scripts["worker"].made == 1);
  CHECK(world.record(worker.id).epoch == 1);
}

TEST_CASE("of two nodes that begin an actor at the same time exactly one does") {
  HostWorld world({"east", "west"});
  std::vector<Result<ActorRecord>> answers;
  for (const char* node : {"east", "west", "east"}) {
    world.host(node).activate(
        *worker.spec, [&](Result<ActorRecord> record) { answers.push_back(std::move(record)); });
  }
  world.settle();
  REQUIRE(answers.size() == 3);
  for (const auto& answer : answers) {
    REQUIRE(answer.ok());
    CHECK(*answer == world.record(worker.id));
  }
  CHECK(world.scripts["worker"].made == 1);
  const std::string home = world.home_of(worker.id);
  for (const std::string node : {"east", "west"}) {
    INFO(node);
    CHECK(world.host(node).cell(worker.id).has_value() == (node == home));
    CHECK(world.host(node).counters().activated == (node == home ? 1 : 0));
  }
}

TEST_CASE("a stage that nobody uses ends, is accounted for, and begins again with a later life") {
  TwoNodes world;
  world.scripts["stage"].on_number = [](PuppetBody& body, std::uint64_t value, Turn& turn) {
    body.out.publish(turn, number(value));
  };
  const auto use = [](Turn& turn) {
    turn.subscribe<Number>(stage, {.delivery = DeliveryClass::reliable,
                                   .window_bytes = 0,
                                   .waiting_messages_max = 0,
                                   .form = {}});
    turn.send<Number>(stage, number(1));
  };
  world.run("east", asker, use);
  world.advance(1s);
  CHECK(world.scripts["asker"].numbers() == numbers_up_to(1));
  CHECK(world.home_of(stage.id) == "west");
  world.run("east", asker, [](Turn& turn) { turn.unsubscribe<Number>(stage); });
  world.advance(limits::stage_linger + 1s);
  CHECK(world.home_of(stage.id).empty());
  CHECK(world.record(stage.id).epoch == 2);
  CHECK_FALSE(world.host("west").cell(stage.id).has_value());
  CHECK(world.scripts["stage"].live == nullptr);
  CHECK(world.host("west").counters().retired == 1);
  bool accounted = false;
  for (const EdgeAccount& edge : world.host("west").closed_accounts().edges) {
    accounted = accounted || (edge.stream.sender == stage.id && edge.stream.target == asker.id &&
                              edge.stream.channel == Channel::stream && edge.sent == 1);
  }
  CHECK(accounted);

  world.run("east", asker, use);
  world.advance(2s);
  CHECK(world.record(stage.id).epoch == 3);
  CHECK(world.record(stage.id).life == 3);
  CHECK(world.scripts["asker"].numbers() == std::vector<std::uint64_t>{1, 1});
}

TEST_CASE("who sends to an actor's old home is told, and finds the new one") {
  HostWorld world({"east", "north", "west"});
  REQUIRE(world.activate("east", *asker.spec).ok());
  REQUIRE(world.activate("west", *worker.spec).ok());
  const auto send = [&](std::uint64_t value) {
    world.run("east", asker, [value](Turn& turn) {
      turn.send_message(worker.id, nullptr, number_message(value));
    });
    world.advance(3s);
  };
  send(1);
  CHECK(world.scripts["worker"].numbers() == numbers_up_to(1));
  world.run("west", worker, [](Turn& turn) { turn.retire(); });
  CHECK(world.home_of(worker.id).empty());
  REQUIRE(world.activate("north", *worker.spec).ok());
  CHECK(world.home_of(worker.id) == "north");
  send(2);
  CHECK(world.scripts["worker"].numbers() == std::vector<std::uint64_t>{2});
  CHECK(world.member("west").switchboard().counters().strays >= 1);
  const auto way = world.member("east").switchboard().route(worker.id);
  REQUIRE(way.has_value());
  CHECK(std::get<RemoteRoute>(way->way).node == "north");
  CHECK(way->epoch == 3);
}

TEST_CASE("a request to an actor that nobody knows fails soon") {
  TwoNodes world;
  std::vector<Code> failures;
  world.scripts["asker"].on_request_failed = [&](PuppetBody&, std::uint64_t, const Error& error,
                                                 Turn&) { failures.push_back(error.code); };
  world.run("east", asker, [](Turn& turn) {
    turn.request_message(ActorId{9, 9}, nullptr, number_message(1));
  });
  world.advance(500ms);
  CHECK(failures == std::vector<Code>{Code::not_found});
  CHECK(world.host("east").counters().lookups_failed == 1);
}

TEST_CASE("a directory that does not answer is asked again") {
  TwoNodes world;
  world.directory_error = Error{Code::unavailable, "the head is away"};
  world.ask(1);
  world.advance(5s);
  CHECK(world.home_of(worker.id).empty());
  CHECK(world.host("east").counters().lookups_failed >= 1);
  world.directory_error.reset();
  world.advance(10s);
  CHECK(world.home_of(worker.id) == "west");
  CHECK(world.scripts["worker"].numbers() == numbers_up_to(1));
}

TEST_CASE("a retirement waits for the directory") {
  TwoNodes world;
  world.directory_error = Error{Code::unavailable, "the head is away"};
  world.run("east", asker, [](Turn& turn) { turn.retire(); });
  world.advance(1s);
  CHECK(world.host("east").cell(asker.id).has_value());
  world.directory_error.reset();
  world.advance(limits::resend_after_max + 1s);
  CHECK_FALSE(world.host("east").cell(asker.id).has_value());
  CHECK(world.record(asker.id).state == ActorRecord::State::retired);
  CHECK(world.host("east").counters().retired == 1);
}

TEST_CASE("a type that this build does not know is not begun") {
  TwoNodes world;
  StageSpec spec = *worker.spec;
  spec.type = "dreamer";
  const auto answer = world.activate("west", spec);
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().code == Code::unsupported);
  CHECK(answer.error().message.find("dreamer") != std::string::npos);
}

TEST_CASE("a broken link delays messages and loses none") {
  TwoNodes world;
  world.ask(1);
  world.advance(1s);
  for (std::uint64_t i = 2; i <= 30; ++i) {
    if (i % 7 == 0) world.network.break_connection("east", "west");
    world.ask(i);
  }
  world.advance(20s);
  CHECK(world.scripts["worker"].numbers() == numbers_up_to(30));
}

TEST_CASE("a host that has stopped begins nothing") {
  TwoNodes world;
  world.host("east").cell(asker.id)->stop();
  world.settle();
  world.host("east").stop_all();
  bool answered = false;
  world.host("east").activate(*worker.spec, [&](const Result<ActorRecord>&) { answered = true; });
  world.settle();
  CHECK_FALSE(answered);
  CHECK(world.home_of(worker.id).empty());
  CHECK(world.scripts["worker"].made == 0);
}

}  // namespace
}  // namespace omma::test
