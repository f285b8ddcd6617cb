// Subscriptions, outlets and back-pressure between cells, and what new lives do to them.
#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>

#include "tests/runtime/cell/puppet_world.hpp"

using namespace std::chrono_literals;

namespace omma::test {
namespace {

const auto publisher = puppet("publisher");
const auto middle = puppet("middle");
const auto subscriber = puppet("subscriber");

void publish_on(PuppetBody& body, std::uint64_t value, Turn& turn) {
  body.out.publish(turn, number(value));
}

// Holds what it gets until the test lets go.
struct Stalled {
  Stalled(PuppetWorld& in, Ref<Puppet> who) : world(in), self(std::move(who)) {
    world.scripts[self.spec->name].on_number = [this](PuppetBody& body, std::uint64_t value,
                                                      Turn& turn) {
      body.numbers.push_back(value);
      if (holds) held.push_back(turn.hold());
    };
  }
  void let_go() {
    holds = false;
    world.run(self, [&](Turn& turn) {
      for (const HeldMessage& message : held) turn.release(message);
    });
    world.settle();
  }
  PuppetWorld& world;
  Ref<Puppet> self;
  bool holds = true;
  std::vector<HeldMessage> held;
};

TEST_CASE("a subscription lasts until it is ended, and can begin again") {
  PuppetWorld world;
  unsigned changes = 0;
  std::size_t subscribers = 0;
  Script& script = world.scripts["publisher"];
  script.on_number = publish_on;
  script.on_subscribers_changed = [&](PuppetBody& body, Turn&) {
    ++changes;
    subscribers = body.out.subscribers().size();
  };
  world.send_number(publisher, 100);
  world.subscribe(subscriber, publisher, reliably());
  CHECK(subscribers == 1);
  world.send_number(publisher, 1);
  world.subscribe(subscriber, publisher, freshly());  // Replaces the first.
  CHECK(subscribers == 1);
  world.send_number(publisher, 2);
  const auto unsubscribe = [](Turn& turn) { turn.unsubscribe<Number>(publisher); };
  world.run(subscriber, unsubscribe);
  CHECK(subscribers == 0);
  world.send_number(publisher, 200);
  world.run(subscriber, unsubscribe);  // Of nothing: no change.
  CHECK(changes == 3);
  world.subscribe(subscriber, publisher, reliably());
  world.send_number(publisher, 3);
  CHECK(world.scripts["subscriber"].numbers() == numbers_up_to(3));
  CHECK(world.stream(publisher, subscriber, Channel::stream).counters.acknowledged == 2);
  CHECK(world.stream(publisher, subscriber, Channel::fresh).counters.acknowledged == 1);
}

TEST_CASE("subscribing to what has no such outlet is refused with a line in the log") {
  PuppetWorld world;
  world.activate(*publisher.spec);
  world.run(subscriber, [](Turn& turn) {
    turn.change_subscription(publisher.id, publisher.spec, 1234, true, {});
  });
  REQUIRE(world.logged.size() == 1);
  CHECK(world.logged[0].find("1234") != std::string::npos);
  CHECK(world.report(publisher).subscribers == 0);
}

TEST_CASE("all subscribers of an outlet share one message") {
  PuppetWorld world;
  const Blob pixels = Blob::copy_of(std::vector<std::byte>(100, std::byte{1}));
  world.scripts["publisher"].on_number = [&](PuppetBody& body, std::uint64_t value, Turn& turn) {
    body.out.publish(turn, number(value), {pixels});
  };
  std::vector<const void*> structs;
  std::vector<const void*> payloads;
  for (const std::string name : {"x", "y", "z"}) {
    world.scripts[name].on_number = [&](PuppetBody&, std::uint64_t, Turn& turn) {
      structs.push_back(turn.message().root().getAs<capnp::AnyStruct>().getDataSection().begin());
      payloads.push_back(turn.payloads()[0].data());
    };
    world.subscribe(puppet(name), publisher, name == "y" ? freshly() : reliably());
  }
  world.send_number(publisher, 1);
  CHECK(structs == std::vector<const void*>(3, structs.at(0)));
  CHECK(payloads == std::vector<const void*>(3, pixels.data()));
}

TEST_CASE("a stalled reliable subscriber holds back streams and their jobs, not requests") {
  PuppetWorld world;
  world.run_jobs_at_once = false;
  world.scripts["publisher"].on_number = publish_on;
  std::vector<std::uint64_t> handled;
  world.scripts["middle"].on_number = [&](PuppetBody& body, std::uint64_t value, Turn& turn) {
    handled.push_back(value);
    if (turn.sender() == publisher.id) body.out.publish(turn, number(value));
  };
  Stalled stalled(world, subscriber);
  world.subscribe(subscriber, middle, reliably(4 * small_message_bytes));
  world.subscribe(middle, publisher, reliably(16 * small_message_bytes));
  for (std::uint64_t i = 1; i <= 40; ++i) world.send_number(publisher, i);

  // Four fill the window; with four more that wait the stream is behind.
  const std::uint64_t through = 4 + limits::backpressure_waiting_messages;
  CHECK(handled == numbers_up_to(through));
  CHECK(world.report(middle).blocked);
  CHECK(world.report(middle).inputs_waiting == 16);
  CHECK(world.stream(publisher, middle, Channel::stream).in_flight == 40 - through);
  CHECK(world.report(publisher).blocked);

  world.run(middle, [](Turn& turn) {
    const Job job = [] { return Result<Message>(number_message(1000)); };
    turn.run(job, {.executor = ExecutorKind::io, .when_unblocked = true});
  });
  CHECK(world.jobs.empty());
  world.send_number(middle, 500);
  CHECK(handled.back() == 500);

  stalled.let_go();
  CHECK(world.scripts["subscriber"].numbers() == numbers_up_to(40));
  CHECK(world.jobs.size() == 1);
  CHECK_FALSE(world.report(middle).blocked);
  CHECK(world.stream(publisher, middle, Channel::stream).in_flight == 0);
}

TEST_CASE("a subscriber may give more credit than the default") {
  PuppetWorld world;
  const std::size_t size = limits::stream_window_bytes / 2;
  const Blob pixels = Blob::copy_of(std::vector<std::byte>(size, std::byte{1}));
  world.scripts["publisher"].on_number = [&](PuppetBody& body, std::uint64_t value, Turn& turn) {
    body.out.publish(turn, number(value), {pixels});
  };
  Stalled stalled(world, subscriber);
  world.subscribe(subscriber, publisher, reliably(limits::stream_window_bytes * 4));
  for (std::uint64_t i = 1; i <= 10; ++i) world.send_number(publisher, i);
  CHECK(world.scripts["subscriber"].numbers() == numbers_up_to(7));
  for (const auto& in : world.report(subscriber).in) CHECK(in.counters.over_credit == 0);
}

TEST_CASE("a subscriber that is gone for good lets the others go on") {
  PuppetWorld world;
  world.run_jobs_at_once = false;
  world.scripts["publisher"].on_number = publish_on;
  Stalled stalled(world, subscriber);
  world.subscribe(subscriber, publisher, reliably(4 * small_message_bytes));
  for (std::uint64_t i = 1; i <= 10; ++i) world.send_number(publisher, i);
  world.run(publisher, [](Turn& turn) {
    turn.run([] { return Result<Message>(number_message(11)); },
             {.executor = ExecutorKind::io, .when_unblocked = true});
  });
  REQUIRE(world.report(publisher).blocked);
  REQUIRE(world.jobs.empty());

  world.kill(subscriber.id);
  world.advance(30s);
  CHECK_FALSE(world.report(publisher).blocked);
  CHECK(world.report(publisher).subscribers == 0);
  CHECK(world.jobs.size() == 1);
  const auto account = world.stream(publisher, subscriber, Channel::stream);
  CHECK(account.counters.offered == 10);
  CHECK(account.dropped_target_gone == 10);
  CHECK(account.in_flight == 0);
}

TEST_CASE("what waits for a subscriber that leaves is dropped, counted, and blocks nobody") {
  PuppetWorld world;
  world.scripts["publisher"].on_number = [](PuppetBody& body, std::uint64_t value, Turn& turn) {
    turn.set_trace({7, value});
    body.out.publish(turn, number(value));
  };
  Stalled stalled(world, subscriber);
  world.subscribe(subscriber, publisher, reliably(4 * small_message_bytes));
  for (std::uint64_t i = 1; i <= 10; ++i) world.send_number(publisher, i);
  REQUIRE(world.report(publisher).blocked);
  world.run(subscriber, [](Turn& turn) { turn.unsubscribe<Number>(publisher); });
  CHECK_FALSE(world.report(publisher).blocked);
  auto account = world.stream(publisher, subscriber, Channel::stream);
  CHECK(account.counters.dropped_unwanted == 6);
  CHECK(account.dropped_by_origin == std::map<std::uint64_t, std::uint64_t>{{7, 6}});
  CHECK(account.in_flight == 4);
  stalled.let_go();
  account = world.stream(publisher, subscriber, Channel::stream);
  CHECK(account.counters.acknowledged == 4);
  CHECK(account.in_flight == 0);
  CHECK(world.scripts["subscriber"].numbers() == numbers_up_to(4));
}

TEST_CASE("a fresh stream drops its oldest waiting message and counts it by its camera") {
  PuppetWorld world;
  world.scripts["publisher"].on_number = [](PuppetBody& body, std::uint64_t value, Turn& turn) {
    turn.set_trace({value % 2 == 0 ? 20u : 10u, value});
    body.out.publish(turn, number(value));
  };
  Stalled stalled(world, subscriber);
  world.subscribe(subscriber, publisher, freshly(2 * small_message_bytes, 4));
  for (std::uint64_t i = 1; i <= 20; ++i) world.send_number(publisher, i);
  CHECK_FALSE(world.report(publisher).blocked);
  const auto account = world.stream(publisher, subscriber, Channel::fresh);
  CHECK(account.counters.dropped_full == 14);
  CHECK(account.dropped_by_origin == std::map<std::uint64_t, std::uint64_t>{{10, 7}, {20, 7}});
  CHECK(account.in_flight_by_origin == std::map<std::uint64_t, std::uint64_t>{{10, 3}, {20, 3}});
  CHECK(account.sent_by_origin == std::map<std::uint64_t, std::uint64_t>{{10, 10}, {20, 10}});

  stalled.let_go();
  CHECK(world.scripts["subscriber"].numbers() == std::vector<std::uint64_t>{1, 2, 17, 18, 19, 20});
}

TEST_CASE("a subscriber finds a publisher's new life and subscribes again") {
  PuppetWorld world;
  world.scripts["publisher"].on_number = publish_on;
  std::vector<ActorId> lost;
  world.scripts["subscriber"].on_peer_lost = [&](PuppetBody&, const ActorId& peer, Turn&) {
    lost.push_back(peer);
  };
  world.subscribe(subscriber, publisher, reliably());
  world.send_number(publisher, 1);
  world.kill(publisher.id);
  world.send_number(publisher, 100);  // Begins the new life, which has no subscriber yet.
  world.run(subscriber, [](Turn& turn) { turn.send<Number>(publisher, number(200)); });
  CHECK(lost == std::vector<ActorId>{publisher.id});
  CHECK(world.report(publisher).subscribers == 1);
  world.send_number(publisher, 2);
  world.send_number(publisher, 3);
  CHECK(world.scripts["subscriber"].numbers() == numbers_up_to(3));
}

TEST_CASE("a reliable stream goes on with a subscriber's new life") {
  PuppetWorld world;
  world.scripts["publisher"].on_number = publish_on;
  world.scripts["subscriber"].on_start = [](PuppetBody&, Turn& turn) {
    turn.subscribe<Number>(publisher, reliably());
  };
  world.activate(*subscriber.spec);
  world.settle();
  world.send_number(publisher, 1);
  world.send_number(publisher, 2);
  CHECK(world.scripts["subscriber"].numbers() == numbers_up_to(2));
  world.kill(subscriber.id);
  world.send_number(publisher, 3);  // Nobody is there.
  CHECK(world.stream(publisher, subscriber, Channel::stream).in_flight == 1);
  world.activate(*subscriber.spec);
  world.settle();
  world.send_number(publisher, 4);
  world.advance(5s);
  CHECK(world.scripts["subscriber"].numbers() == std::vector<std::uint64_t>{3, 4});
  CHECK(world.stream(publisher, subscriber, Channel::stream).in_flight == 0);
}

TEST_CASE("a pipeline over a lossy way delivers each message exactly once and in order") {
  const std::uint64_t seed = GENERATE(range(1u, 11u));
  INFO("seed " << seed);
  SeededRandom random(seed);
  PuppetWorld world;
  world.scripts["publisher"].on_number = publish_on;
  world.scripts["middle"].on_number = publish_on;
  world.subscribe(middle, publisher, reliably(8 * small_message_bytes));
  world.subscribe(subscriber, middle, reliably(3 * small_message_bytes));
  world.lose = [&](const Packet& packet) {
    const auto* envelope = std::get_if<Envelope>(&packet);
    const bool from_test = envelope != nullptr && envelope->stream.sender == ActorId{0, 1};
    return !from_test && random.chance(0.2);
  };
  for (std::uint64_t i = 1; i <= 200; ++i) {
    world.send_number(publisher, i);
    if (random.chance(0.3)) world.advance(std::chrono::milliseconds(random.below(400)));
  }
  world.advance(10min);
  CHECK(world.scripts["subscriber"].numbers() == numbers_up_to(200));
  CHECK(world.stream(middle, subscriber, Channel::stream).counters.resent > 0);
}

}  // namespace
}  // namespace omma::test
