// Moves and crashes of single actors: what goes along, what comes again, and what waits for a
// checkpoint.
#include <catch2/catch.hpp>

#include <chrono>

#include "tests/runtime/cell/puppet_world.hpp"

using namespace std::chrono_literals;

namespace omma::test {
namespace {

struct MovingWorld : PuppetWorld {
  MovingWorld() { types.add(puppet_type<DurablePuppet>(scripts)); }
  struct DurablePuppet final : PuppetActor {
    static constexpr const char* type_name = "durable_puppet";
    static bool durable(PuppetConfig::Reader) { return true; }
    using PuppetActor::PuppetActor;
  };
  Ref<DurablePuppet> durable(const std::string& name) { return puppet<DurablePuppet>(name); }
  void must(const Result<void>& done) {
    INFO((done ? std::string() : done.error().describe()));
    REQUIRE(done.ok());
    settle();
  }
};

void relay_to(Script& script, const Ref<Puppet>& next) {
  script.on_number = [next](PuppetBody& body, std::uint64_t value, Turn& turn) {
    body.numbers.push_back(value);
    turn.send<Number>(next, number(value));
  };
}

}  // namespace

TEST_CASE("a moved actor has its state, its subscribers, its subscriptions and its timers") {
  MovingWorld world;
  const auto source = puppet("source");
  const auto middle = puppet("middle");
  const auto sink = puppet("sink");
  world.scripts["middle"].on_number = [](PuppetBody& body, std::uint64_t value, Turn& turn) {
    body.numbers.push_back(value);
    body.out.publish(turn, number(value * 10));
  };
  std::vector<std::uint64_t> timers;
  world.scripts["middle"].on_timer = [&](PuppetBody&, std::uint64_t timer, Turn&) {
    timers.push_back(timer);
  };
  const auto publish = [&](std::uint64_t value) {
    world.run(source, [&](Turn& turn) {
      const_cast<PuppetBody*>(world.scripts["source"].live)->out.publish(turn, number(value));
    });
  };
  world.subscribe(middle, source, reliably());
  world.subscribe(sink, middle, reliably());
  world.run(middle, [](Turn& turn) { turn.set_timer(7, 300ms); });
  publish(1);
  publish(2);
  world.advance(100ms);

  for (std::uint64_t next = 3; next < 8; ++next) {
    world.must(world.move(middle.id));
    publish(next);
  }
  CHECK(world.scripts["middle"].made == 6);
  CHECK(world.scripts["middle"].numbers() == numbers_up_to(7));
  CHECK(world.scripts["sink"].numbers() == std::vector<std::uint64_t>{10, 20, 30, 40, 50, 60, 70});
  CHECK(timers.empty());
  world.advance(250ms);
  CHECK(timers == std::vector<std::uint64_t>{7});
  CHECK(world.report(middle).epoch == 6);
  CHECK(world.report(middle).life == 1);
}

TEST_CASE("what was on its way, waiting or held at a move comes again, once and in order") {
  // Which of the three actors moves while twenty messages are on their way; 3 and 4: two of them.
  const int who = GENERATE(0, 1, 2, 3, 4);
  MovingWorld world;
  const auto a = puppet("a");
  const auto b = puppet("b");
  const auto c = puppet("c");
  relay_to(world.scripts["b"], c);
  world.activate(*a.spec);
  world.activate(*b.spec);
  world.activate(*c.spec);
  world.settle();
  for (std::uint64_t round = 0; round < 4; ++round) {
    // Not settled: all five lie on the wire when the move comes, and are lost with it.
    world.command(a, [&](Turn& turn) {
      for (std::uint64_t i = 1; i <= 5; ++i) turn.send<Number>(b, number(round * 5 + i));
    });
    if (who == 0 || who >= 3) world.must(world.move(a.id));
    if (who == 1 || who == 3) world.must(world.move(b.id));
    if (who == 2 || who == 4) world.must(world.move(c.id));
    world.advance(2s);
  }
  CHECK(world.scripts["b"].numbers() == numbers_up_to(20));
  CHECK(world.scripts["c"].numbers() == numbers_up_to(20));
  CHECK(world.stream(a, b, Channel::control).in_flight == 0);
}

TEST_CASE("messages that were finished out of order before a move are not handled twice") {
  MovingWorld world;
  const auto a = puppet("a");
  const auto b = puppet("b");
  std::vector<HeldMessage> held;
  world.scripts["b"].on_number = [&](PuppetBody& body, std::uint64_t value, Turn& turn) {
    if (value == 2 || value == 4) {
      held.push_back(turn.hold());
      return;
    }
    body.numbers.push_back(value);
  };
  world.run(a, [&](Turn& turn) {
    for (std::uint64_t i = 1; i <= 5; ++i) turn.send<Number>(b, number(i));
  });
  CHECK(world.scripts["b"].numbers() == std::vector<std::uint64_t>{1, 3, 5});
  world.scripts["b"].on_number = [](PuppetBody& body, std::uint64_t value, Turn&) {
    body.numbers.push_back(value);
  };
  world.must(world.move(b.id));
  world.advance(2s);
  CHECK(world.scripts["b"].numbers() == std::vector<std::uint64_t>{1, 3, 5, 2, 4});
  CHECK(world.stream(a, b, Channel::control).in_flight == 0);
}

TEST_CASE("a request is answered once though both ends move") {
  MovingWorld world;
  const auto asker = puppet("asker");
  const auto helper = puppet("helper");
  unsigned failed = 0;
  world.scripts["asker"].on_request_failed = [&](PuppetBody&, std::uint64_t, const Error&, Turn&) {
    ++failed;
  };
  Turn::ReplyTo waiting;
  world.scripts["helper"].on_number = [&](PuppetBody&, std::uint64_t, Turn& turn) {
    waiting = turn.defer_reply();
  };
  world.run(asker, [&](Turn& turn) { turn.request<Number>(helper, number(1)); });
  world.must(world.move(asker.id));
  world.must(world.move(helper.id));
  world.run(helper, [&](Turn& turn) { turn.reply_later(waiting, number_message(42)); });
  world.must(world.move(asker.id));
  world.advance(20s);
  CHECK(world.scripts["asker"].numbers() == std::vector<std::uint64_t>{42});
  CHECK(failed == 0);
}

TEST_CASE("a job that ran at a move is forgotten, and the actor is told to resume") {
  MovingWorld world;
  world.run_jobs_at_once = false;
  const auto a = puppet("a");
  unsigned resumed = 0;
  world.scripts["a"].on_resume = [&](PuppetBody&, Turn&) { ++resumed; };
  world.run(a, [](Turn& turn) { turn.run([]() -> Result<Message> { return number_message(1); }); });
  world.must(world.move(a.id));
  CHECK(resumed == 1);
  CHECK(world.jobs.empty());
  CHECK(world.scripts["a"].numbers().empty());
}

TEST_CASE("a durable actor acknowledges and sends only what a checkpoint has") {
  MovingWorld world;
  world.keep_at_once = false;
  const auto source = puppet("source");
  const auto relay = world.durable("relay");
  const auto sink = puppet("sink");
  world.scripts["relay"].on_number = [&](PuppetBody& body, std::uint64_t value, Turn& turn) {
    body.numbers.push_back(value);
    turn.send<Number>(sink, number(value));
  };
  world.activate(*sink.spec);
  world.run(source, [&](Turn& turn) { turn.send<Number>(relay, number(1)); });
  world.advance(100ms);
  CHECK(world.scripts["relay"].numbers() == numbers_up_to(1));
  CHECK(world.scripts["sink"].numbers().empty());
  CHECK(world.stream(source, relay, Channel::control).in_flight == 1);

  world.keep_all();
  world.settle();
  world.advance(100ms);
  world.keep_all();
  world.settle();
  CHECK(world.scripts["sink"].numbers() == numbers_up_to(1));
  CHECK(world.stream(source, relay, Channel::control).in_flight == 0);
}

TEST_CASE("a durable relay loses and doubles nothing, whenever it crashes or moves") {
  // Crash or move before and after each checkpoint, at every message.
  const unsigned pattern = GENERATE(range(0u, 64u));
  INFO("pattern " << pattern);
  MovingWorld world;
  world.keep_at_once = false;
  const auto source = puppet("source");
  const auto relay = world.durable("relay");
  const auto sink = puppet("sink");
  world.scripts["relay"].on_number = [&](PuppetBody& body, std::uint64_t value, Turn& turn) {
    body.numbers.push_back(value);
    turn.send<Number>(sink, number(value));
  };
  world.activate(*sink.spec);
  world.activate(*relay.spec);
  for (std::uint64_t value = 1; value <= 12; ++value) {
    world.run(source, [&](Turn& turn) { turn.send<Number>(relay, number(value)); });
    if ((pattern & 1u) != 0) world.must(world.fail_over(relay.id));
    world.advance(30ms);
    if ((pattern & 2u) != 0 && value % 2 == 0) world.must(world.move(relay.id));
    if ((pattern & 4u) != 0) world.keep_all();
    if ((pattern & 8u) != 0 && value % 3 == 0) world.must(world.fail_over(relay.id));
    world.settle();
    if ((pattern & 16u) != 0) world.must(world.move(relay.id));
    if ((pattern & 32u) != 0) world.advance(700ms);
  }
  for (int i = 0; i < 100; ++i) {
    world.advance(200ms);
    world.keep_all();
    world.settle();
  }
  CHECK(world.scripts["relay"].numbers() == numbers_up_to(12));
  CHECK(world.scripts["sink"].numbers() == numbers_up_to(12));
  CHECK(world.stream(source, relay, Channel::control).in_flight == 0);
  CHECK(world.stream(relay, sink, Channel::control).in_flight == 0);
}

TEST_CASE("an actor that is not durable goes on from its last checkpoint, and its peers are told") {
  MovingWorld world;
  const auto publisher = puppet("publisher");
  const auto counter = puppet("counter");
  std::vector<ActorId> lost;
  world.scripts["publisher"].on_peer_lost = [&](PuppetBody&, const ActorId& peer, Turn&) {
    lost.push_back(peer);
  };
  const auto publish = [&](std::uint64_t value) {
    world.run(publisher, [&](Turn& turn) {
      const_cast<PuppetBody*>(world.scripts["publisher"].live)->out.publish(turn, number(value));
    });
  };
  world.subscribe(counter, publisher, reliably());
  for (std::uint64_t i = 1; i <= 3; ++i) publish(i);
  world.advance(2s);
  publish(4);  // Kept at once: the last checkpoint is more than a second old.
  publish(5);  // After it: lost with the node.
  world.must(world.fail_over(counter.id));
  world.advance(2s);
  publish(6);
  world.advance(2s);
  CHECK(world.scripts["counter"].numbers() == std::vector<std::uint64_t>{1, 2, 3, 4, 6});
  CHECK(lost == std::vector<ActorId>{counter.id});
  CHECK(world.report(counter).died_with == std::vector<std::string>{"dead-node"});
  CHECK(world.report(counter).life == 2);
}

TEST_CASE("an actor whose save throws is not moved, and says why") {
  MovingWorld world;
  ActorType type = puppet_type<StagePuppet>(world.scripts);
  type.name = "unsavable";
  type.save = [](const Actor&) -> Message { throw std::runtime_error("no room for my state"); };
  world.types.add(type);
  auto spec = std::make_shared<StageSpec>(*puppet("a").spec);
  spec->type = "unsavable";
  world.activate(*spec);
  const auto moved = world.move(spec->id);
  REQUIRE(!moved.ok());
  CHECK(moved.error().message.find("no room for my state") != std::string::npos);
  CHECK(world.find(spec->id) != nullptr);
}

TEST_CASE("a snapshot that is cut, damaged, or of a newer build is refused in words") {
  MovingWorld world;
  const auto a = puppet("a");
  world.send_number(a, 1);
  const auto saved = world.find(a.id)->snapshot();
  REQUIRE(saved.ok());
  const auto bytes = encode(*saved);
  REQUIRE(bytes.ok());
  REQUIRE(decode_cell_snapshot(*bytes).ok());
  for (std::size_t cut = 0; cut < bytes->size(); cut += 24) {
    CHECK(!decode_cell_snapshot(Blob::copy_of(bytes->bytes().first(cut))).ok());
  }
  std::vector<std::byte> other(bytes->bytes().begin(), bytes->bytes().end());
  other[0] = std::byte{0};
  CHECK(decode_cell_snapshot(Blob::copy_of(other)).error().code == Code::corrupt);
}

}  // namespace omma::test
