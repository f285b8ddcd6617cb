// Turns that fail: nothing of them is left, and what came before them is.
#include <catch2/catch.hpp>

#include <chrono>

#include "tests/runtime/cell/puppet_world.hpp"

using namespace std::chrono_literals;

namespace omma::test {
namespace {

constexpr std::uint64_t bad = 999;

TEST_CASE("a turn that throws has no effect, and the state is that before it") {
  // Below, at and above the number of turns that are repeated instead of kept as a snapshot.
  const std::uint64_t turns = GENERATE(0u, 1u, 30u, 31u, 32u, 33u, 34u, 100u);
  INFO("turns before: " << turns);
  PuppetWorld world;
  const auto a = puppet("a");
  const auto b = puppet("b");
  unsigned timers = 0;
  unsigned jobs = 0;
  Script& script = world.scripts["a"];
  script.on_timer = [&](PuppetBody&, std::uint64_t, Turn&) { ++timers; };
  script.on_number = [&](PuppetBody& body, std::uint64_t value, Turn& turn) {
    body.numbers.push_back(value);
    body.numbers.push_back(turn.random().next());
    body.numbers.push_back(static_cast<std::uint64_t>(nanoseconds_of(turn.now())));
    body.numbers.push_back(static_cast<std::uint64_t>(nanoseconds_of(turn.wall_now())));
    body.numbers.push_back(turn.job());
    if (value < bad) {
      body.numbers.push_back(turn.run([]() -> Result<Message> { return number_message(5000); }));
    }
    if (value != bad) return;
    turn.send<Number>(b, number(1));
    turn.request<Number>(b, number(2));
    turn.subscribe<Number>(b, freshly());
    turn.set_timer(1, 1ms);
    turn.run([&]() -> Result<Message> {
      ++jobs;
      return number_message(1);
    });
    turn.captured("lobby", 1);
    turn.retire();
    throw std::runtime_error("a bad number");
  };
  for (std::uint64_t i = 1; i <= turns; ++i) {
    world.send_number(a, i);
    world.advance(1ms);
  }
  world.activate(*a.spec);
  const auto before = script.numbers();
  REQUIRE(before.size() == turns * (6 + 5));

  world.send_number(a, bad);
  world.advance(1s);
  CHECK(script.numbers() == before);
  CHECK(world.find(b.id) == nullptr);
  CHECK(timers == 0);
  CHECK(jobs == 0);
  CHECK(world.retired().empty());
  const CellReport report = world.report(a);
  CHECK(report.captured.empty());
  CHECK(report.health.failed_turns == limits::attempts_max);
  CHECK(report.health.restarts == limits::attempts_max);
  CHECK(report.health.set_aside == 1);
  CHECK(report.health.last_errors == std::vector<std::string>{"a bad number"});

  world.send_number(a, 1000);
  auto after = script.numbers();
  REQUIRE(after.size() == before.size() + 5);
  CHECK(after[before.size()] == 1000);
  after.resize(before.size());
  CHECK(after == before);
}

TEST_CASE("an exception of no known type is caught as well") {
  PuppetWorld world;
  world.scripts["a"].on_number = [](PuppetBody&, std::uint64_t, Turn&) { throw 1; };
  world.send_number(puppet("a"), 1);
  CHECK(world.report(puppet("a")).health.set_aside == 1);
}

TEST_CASE("a turn that fails once is repeated after on_resume") {
  PuppetWorld world;
  std::vector<std::string> calls;
  Script& script = world.scripts["a"];
  script.on_resume = [&](PuppetBody&, Turn&) { calls.push_back("resume"); };
  script.on_number = [&](PuppetBody& body, std::uint64_t value, Turn&) {
    body.numbers.push_back(value);
    calls.push_back("number");
    if (calls.size() == 1) throw std::runtime_error("once");
  };
  world.send_number(puppet("a"), 7);
  CHECK(calls == std::vector<std::string>{"number", "resume", "number"});
  CHECK(script.numbers() == std::vector<std::uint64_t>{7});
  CHECK(world.report(puppet("a")).health.set_aside == 0);
}

TEST_CASE("a resumption that always fails is set aside and the actor goes on") {
  PuppetWorld world;
  unsigned resumes = 0;
  Script& script = world.scripts["a"];
  script.on_resume = [&](PuppetBody&, Turn&) {
    ++resumes;
    throw std::runtime_error("cannot resume");
  };
  bool failed = false;
  script.on_number = [&](PuppetBody& body, std::uint64_t value, Turn&) {
    if (!std::exchange(failed, true)) throw std::runtime_error("once");
    body.numbers.push_back(value);
  };
  world.send_number(puppet("a"), 7);
  CHECK(resumes == limits::attempts_max);
  CHECK(script.numbers() == std::vector<std::uint64_t>{7});
  CHECK(world.report(puppet("a")).health.set_aside == 1);
}

TEST_CASE("a first turn that fails is tried again without a resumption") {
  PuppetWorld world;
  std::vector<std::string> calls;
  Script& script = world.scripts["a"];
  script.on_start = [&](PuppetBody&, Turn&) {
    calls.push_back("start");
    if (calls.size() == 1) throw std::runtime_error("once");
  };
  script.on_resume = [&](PuppetBody&, Turn&) { calls.push_back("resume"); };
  world.send_number(puppet("a"), 7);
  CHECK(calls == std::vector<std::string>{"start", "start"});
  CHECK(script.numbers() == std::vector<std::uint64_t>{7});
}

TEST_CASE("turns that cannot be repeated leave the state of the last snapshot") {
  PuppetWorld world;
  Script& script = world.scripts["a"];
  unsigned calls = 0;
  script.on_number = [&](PuppetBody& body, std::uint64_t value, Turn&) {
    body.numbers.push_back(value);
    if (++calls > limits::replay_messages_max + 3) throw std::runtime_error("worn out");
  };
  for (std::uint64_t i = 1; i <= limits::replay_messages_max + 4; ++i) {
    world.send_number(puppet("a"), i);
  }
  // The start and 31 numbers filled the log; with the next came the snapshot.
  CHECK(script.numbers() == numbers_up_to(limits::replay_messages_max));
}

TEST_CASE("messages that were held come again in their order and are not acknowledged early") {
  PuppetWorld world;
  const auto publisher = puppet("publisher");
  const auto subscriber = puppet("subscriber");
  world.scripts["publisher"].on_number = [](PuppetBody& body, std::uint64_t value, Turn& turn) {
    body.out.publish(turn, number(value));
  };
  std::vector<std::uint64_t> seen;
  std::vector<HeldMessage> held;
  bool fail = true;
  Script& script = world.scripts["subscriber"];
  script.on_resume = [&](PuppetBody&, Turn&) { held.clear(); };
  script.on_number = [&](PuppetBody&, std::uint64_t value, Turn& turn) {
    seen.push_back(value);
    if (value == 2) return;  // Done at once, before the one that is held.
    const HeldMessage message = turn.hold();
    if (value == 4 && std::exchange(fail, false)) throw std::runtime_error("once");
    held.push_back(message);
  };
  world.subscribe(subscriber, publisher, reliably());
  for (std::uint64_t i = 1; i <= 5; ++i) world.send_number(publisher, i);

  CHECK(seen == std::vector<std::uint64_t>{1, 2, 3, 4, 1, 3, 4, 5});
  REQUIRE(held.size() == 4);
  CHECK(world.report(subscriber).messages_held == 4);
  CHECK(world.stream(publisher, subscriber, Channel::stream).counters.acknowledged == 0);

  world.run(subscriber, [&](Turn& turn) {
    for (std::size_t i = 1; i < held.size(); ++i) turn.release(held[i]);
  });
  CHECK(world.stream(publisher, subscriber, Channel::stream).counters.acknowledged == 0);
  world.run(subscriber, [&](Turn& turn) { turn.release(held[0]); });
  CHECK(world.stream(publisher, subscriber, Channel::stream).counters.acknowledged == 5);
  const StageCounts counts = world.report(subscriber).stage.at(0);
  CHECK(counts.received == 5);
  CHECK(counts.emitted == 5);
  CHECK(counts.held == 0);
}

TEST_CASE("held messages whose job's result cannot be handled are set aside in the end") {
  PuppetWorld world;
  unsigned jobs = 0;
  world.scripts["publisher"].on_number = [](PuppetBody& body, std::uint64_t value, Turn& turn) {
    body.out.publish(turn, number(value));
  };
  world.scripts["subscriber"].on_number = [&](PuppetBody& body, std::uint64_t value, Turn& turn) {
    if (turn.job() != 0 && value < 50) throw std::runtime_error("poison");
    if (value != 1) return body.numbers.push_back(value);
    turn.hold();
    turn.run([&]() -> Result<Message> {
      ++jobs;
      return number_message(1);
    });
  };
  world.subscribe(puppet("subscriber"), puppet("publisher"), reliably());
  world.send_number(puppet("publisher"), 1);
  world.send_number(puppet("publisher"), 2);
  CHECK(jobs == limits::attempts_max);
  CHECK(world.scripts["subscriber"].numbers() == std::vector<std::uint64_t>{2});
  const StageCounts counts = world.report(puppet("subscriber")).stage.at(0);
  CHECK(counts.received == 2);
  CHECK(counts.held == 0);
  CHECK(counts.failed == std::map<std::string, std::uint64_t>{{"turn threw", 1}});
  CHECK(world.stream(puppet("publisher"), puppet("subscriber"), Channel::stream).in_flight == 0);
}

TEST_CASE("a held request comes again too, and counts in no stage") {
  PuppetWorld world;
  std::vector<HeldMessage> held;
  std::vector<std::uint64_t> seen;
  bool fail = true;
  Script& script = world.scripts["a"];
  script.on_resume = [&](PuppetBody&, Turn&) { held.clear(); };
  script.on_number = [&](PuppetBody&, std::uint64_t value, Turn& turn) {
    seen.push_back(value);
    if (value == 2 && std::exchange(fail, false)) throw std::runtime_error("once");
    held.push_back(turn.hold());
  };
  world.send_number(puppet("a"), 1);
  world.send_number(puppet("a"), 2);
  CHECK(seen == std::vector<std::uint64_t>{1, 2, 1, 2});
  world.run(puppet("a"), [&](Turn& turn) {
    for (const HeldMessage& message : held) turn.release(message);
  });
  const CellReport report = world.report(puppet("a"));
  CHECK(report.messages_held == 0);
  CHECK(report.stage.empty());
}

TEST_CASE("the result of a job from before a restart is ignored") {
  PuppetWorld world;
  world.run_jobs_at_once = false;
  const auto a = puppet("a");
  Script& script = world.scripts["a"];
  script.on_number = [&](PuppetBody& body, std::uint64_t value, Turn& turn) {
    if (value == bad) throw std::runtime_error("bad");
    body.numbers.push_back(value);
    if (turn.job() == 0) turn.run([] { return Result<Message>(number_message(50)); });
  };
  world.send_number(a, 1);
  world.send_number(a, bad);
  REQUIRE(world.run_job());
  CHECK(script.numbers() == std::vector<std::uint64_t>{1});
  world.send_number(a, 2);
  REQUIRE(world.run_job());
  CHECK(script.numbers() == std::vector<std::uint64_t>{1, 2, 50});
}

TEST_CASE("an actor that cannot be made takes nothing, and its report says why") {
  Scripts scripts;  // Before the world: its puppets write into them to their end.
  VirtualWorld world;
  bool able = GENERATE(true, false);  // At first; later not.
  INFO((able ? "fails on its restart" : "fails from the start"));
  scripts["a"].on_number = [](PuppetBody&, std::uint64_t, Turn&) {
    throw std::runtime_error("bad turn");
  };
  world.types.add(actor_type<Puppet>([&](PuppetConfig::Reader) {
    if (!std::exchange(able, false)) throw std::runtime_error("no such camera");
    return std::make_unique<Puppet>(scripts["a"]);
  }));
  const auto a = puppet("a");
  world.send<Number>(a, number(1));
  world.settle();
  world.send<Number>(a, number(2));
  world.advance(1min);
  const CellReport report = world.find(a.id)->report();
  CHECK(report.phase == "broken");
  REQUIRE_FALSE(report.health.last_errors.empty());
  CHECK(report.health.last_errors.back() == "no such camera");
  CHECK(world.retired().empty());
}

TEST_CASE("subscribers stay over a restart of their publisher") {
  PuppetWorld world;
  world.scripts["publisher"].on_number = [](PuppetBody& body, std::uint64_t value, Turn& turn) {
    if (value == bad) throw std::runtime_error("bad");
    body.out.publish(turn, number(value));
  };
  world.subscribe(puppet("subscriber"), puppet("publisher"), reliably());
  for (const std::uint64_t value : {std::uint64_t{1}, bad, std::uint64_t{2}}) {
    world.send_number(puppet("publisher"), value);
  }
  CHECK(world.scripts["subscriber"].numbers() == numbers_up_to(2));
}

}  // namespace
}  // namespace omma::test
