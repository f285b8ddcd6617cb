// Messages, requests, timers, jobs and limits of one cell.
#include <catch2/catch.hpp>

#include <chrono>

#include "tests/runtime/cell/puppet_world.hpp"

using namespace std::chrono_literals;

namespace omma::test {
namespace {

const auto a = puppet("a");
const auto b = puppet("b");

// One whose script asks `b` and keeps what comes of it.
struct Asking {
  explicit Asking(PuppetWorld& world) {
    Script& script = world.scripts["a"];
    script.on_number = [this](PuppetBody&, std::uint64_t value, Turn& turn) {
      replies.push_back({turn.correlation(), value});
    };
    script.on_request_failed = [this](PuppetBody&, std::uint64_t correlation, const Error& error,
                                      Turn&) {
      failures.push_back({correlation, error.code});
    };
  }
  std::uint64_t ask(PuppetWorld& world, const Ref<Puppet>& target, std::uint64_t value) {
    std::uint64_t correlation = 0;
    world.run(a, [&](Turn& turn) { correlation = turn.request<Number>(target, number(value)); });
    return correlation;
  }
  std::vector<std::pair<std::uint64_t, std::uint64_t>> replies;
  std::vector<std::pair<std::uint64_t, Code>> failures;
};

TEST_CASE("a reply comes with the correlation that its request gave") {
  PuppetWorld world;
  Asking asking(world);
  world.scripts["b"].on_number = [](PuppetBody&, std::uint64_t value, Turn& turn) {
    turn.reply<Number>(number(value * 10));
  };
  const auto first = asking.ask(world, b, 1);
  const auto second = asking.ask(world, b, 2);
  CHECK(first != second);
  CHECK(asking.replies ==
        std::vector<std::pair<std::uint64_t, std::uint64_t>>{{first, 10}, {second, 20}});
  world.advance(limits::request_timeout * 2);
  CHECK(asking.failures.empty());
}

TEST_CASE("a request without a reply in time fails once, and a late reply is counted") {
  PuppetWorld world;
  Asking asking(world);
  std::vector<Turn::ReplyTo> open;
  world.scripts["b"].on_number = [&](PuppetBody&, std::uint64_t, Turn& turn) {
    open.push_back(turn.defer_reply());
  };
  const auto correlation = asking.ask(world, b, 1);
  world.advance(limits::request_timeout - 1ms);
  CHECK(asking.failures.empty());
  world.advance(2ms);
  CHECK(asking.failures ==
        std::vector<std::pair<std::uint64_t, Code>>{{correlation, Code::unavailable}});

  REQUIRE(open.size() == 1);
  world.run(b, [&](Turn& turn) { turn.reply_later(open[0], number_message(5)); });
  CHECK(asking.replies.empty());
  CHECK(world.report(a).health.late_replies == 1);
  world.advance(limits::request_timeout);
  CHECK(asking.failures.size() == 1);
  CHECK(world.stream(b, a, Channel::control).in_flight == 0);
}

TEST_CASE("only the actor that was asked can reply") {
  PuppetWorld world;
  Asking asking(world);
  std::vector<Turn::ReplyTo> open;
  world.scripts["b"].on_number = [&](PuppetBody&, std::uint64_t, Turn& turn) {
    open.push_back(turn.defer_reply());
  };
  asking.ask(world, b, 1);
  REQUIRE(open.size() == 1);
  world.run(puppet("c"), [&](Turn& turn) { turn.reply_later(open[0], number_message(66)); });
  CHECK(asking.replies.empty());
  world.run(b, [&](Turn& turn) { turn.reply_later(open[0], number_message(5)); });
  REQUIRE(asking.replies.size() == 1);
  CHECK(asking.replies[0].second == 5);
}

TEST_CASE("a reply to an earlier life's request is no reply to this one's") {
  PuppetWorld world;
  Asking asking(world);
  std::vector<Turn::ReplyTo> open;
  world.scripts["b"].on_number = [&](PuppetBody&, std::uint64_t, Turn& turn) {
    open.push_back(turn.defer_reply());
  };
  asking.ask(world, b, 1);
  world.kill(a.id);
  asking.ask(world, b, 2);
  REQUIRE(open.size() == 2);
  world.run(b, [&](Turn& turn) { turn.reply_later(open[0], number_message(1)); });
  world.advance(1s);
  CHECK(asking.replies.empty());
  CHECK(world.report(a).health.late_replies == 1);
  world.run(b, [&](Turn& turn) { turn.reply_later(open[1], number_message(2)); });
  CHECK(asking.replies.size() == 1);
}

TEST_CASE("a request to an actor that does not exist fails as soon as that is known") {
  PuppetWorld world;
  Asking asking(world);
  const auto correlation = asking.ask(world, Ref<Puppet>{ActorId{5, 5}, nullptr}, 1);
  world.advance(limits::request_timeout - 1ms);
  CHECK(asking.failures ==
        std::vector<std::pair<std::uint64_t, Code>>{{correlation, Code::not_found}});
  const auto closed = world.report(a).out;
  REQUIRE(closed.size() == 1);
  CHECK(closed[0].dropped_target_gone == 1);
  CHECK(closed[0].in_flight == 0);
}

TEST_CASE("timers fire once, in time order, and can be replaced and cancelled") {
  PuppetWorld world;
  std::vector<std::pair<std::uint64_t, Duration>> fired;
  const Instant begin = world.clock.now();
  world.scripts["a"].on_timer = [&](PuppetBody&, std::uint64_t timer, Turn& turn) {
    fired.push_back({timer, turn.now() - begin});
  };
  world.run(a, [](Turn& turn) {
    turn.set_timer(1, 10ms);
    turn.set_timer(2, 5ms);
    turn.set_timer(3, 7ms);
    turn.set_timer(4, 8ms);
    turn.cancel_timer(4);
  });
  world.run(a, [](Turn& turn) {
    turn.set_timer(1, 20ms);
    turn.cancel_timer(3);
    turn.cancel_timer(77);
  });
  world.advance(1s);
  CHECK(fired == std::vector<std::pair<std::uint64_t, Duration>>{{2, 5ms}, {1, 20ms}});
}

TEST_CASE("a job's message or its failure comes back with the number that run() gave") {
  PuppetWorld world;
  std::vector<std::uint64_t> came;
  std::vector<std::string> errors;
  Script& script = world.scripts["a"];
  script.on_number = [&](PuppetBody&, std::uint64_t, Turn& turn) { came.push_back(turn.job()); };
  script.on_job_failed = [&](PuppetBody&, std::uint64_t job, const Error& error, Turn& turn) {
    came.push_back(job);
    CHECK(turn.job() == job);
    errors.push_back(error.message);
  };
  std::vector<std::uint64_t> started;
  world.run(a, [&](Turn& turn) {
    started.push_back(turn.run([] { return Result<Message>(number_message(1)); }));
    started.push_back(turn.run([] { return Result<Message>(Error{Code::internal, "broken"}); }));
    started.push_back(turn.run(
        [] { return Result<Message>(Message::build<Stranger>([](Stranger::Builder) {})); }));
  });
  CHECK(came == started);
  REQUIRE(errors.size() == 2);
  CHECK(errors[0] == "broken");
  CHECK(errors[1].find("does not accept") != std::string::npos);
  CHECK(world.report(a).health.jobs_failed == 2);
}

TEST_CASE("a message of a type that is not accepted is set aside and acknowledged") {
  PuppetWorld world;
  world.run(b, [](Turn& turn) {
    turn.send_message(a.id, a.spec, Message::build<Stranger>([](Stranger::Builder) {}));
    turn.send<Number>(a, number(1));
  });
  CHECK(world.report(a).health.set_aside == 1);
  CHECK(world.report(a).health.last_errors.size() == 1);
  CHECK(world.scripts["a"].numbers() == numbers_up_to(1));
  CHECK(world.stream(b, a, Channel::control).in_flight == 0);
}

TEST_CASE("errors are remembered up to a limit, the newest ones") {
  PuppetWorld world;
  world.scripts["a"].on_number = [](PuppetBody&, std::uint64_t value, Turn&) {
    throw std::runtime_error(std::to_string(value));
  };
  const std::uint64_t count = limits::set_aside_messages_max + 3;
  for (std::uint64_t i = 1; i <= count; ++i) world.send_number(a, i);
  const auto health = world.report(a).health;
  CHECK(health.set_aside == count);
  REQUIRE(health.last_errors.size() == limits::set_aside_messages_max);
  CHECK(health.last_errors.back() == std::to_string(count));
}

// Runs the turn and says whether it was refused.
bool refused(PuppetWorld& world, std::function<void(Turn&)> turn) {
  const auto before = world.report(a).health;
  world.run(a, std::move(turn));
  const auto after = world.report(a).health;
  if (after.set_aside == before.set_aside) return false;
  CHECK(after.last_errors.back().find("limit") != std::string::npos);
  return true;
}

TEST_CASE("a turn with more sends than the limit is refused as a whole") {
  PuppetWorld world;
  world.activate(*a.spec);
  const auto sends = [&](std::size_t count) {
    return [count](Turn& turn) {
      for (std::size_t i = 1; i <= count; ++i) turn.send<Number>(b, number(i));
    };
  };
  CHECK(refused(world, sends(limits::sends_per_turn_max + 1)));
  CHECK(world.find(b.id) == nullptr);
  CHECK_FALSE(refused(world, sends(limits::sends_per_turn_max)));
  CHECK(world.scripts["b"].numbers() == numbers_up_to(limits::sends_per_turn_max));
}

TEST_CASE("a turn with more jobs than the limit is refused as a whole") {
  PuppetWorld world;
  world.run_jobs_at_once = false;
  world.activate(*a.spec);
  const auto jobs = [](std::size_t count) {
    return [count](Turn& turn) {
      for (std::size_t i = 0; i < count; ++i) {
        turn.run([] { return Result<Message>(number_message(1)); });
      }
    };
  };
  CHECK(refused(world, jobs(limits::async_jobs_per_actor_max + 1)));
  CHECK(world.jobs.empty());
  CHECK_FALSE(refused(world, jobs(limits::async_jobs_per_actor_max)));
  CHECK(world.jobs.size() == limits::async_jobs_per_actor_max);
  // One more is refused once; the restart forgets the others, and then there is room.
  const auto failed = world.report(a).health.failed_turns;
  CHECK_FALSE(refused(world, jobs(1)));
  CHECK(world.report(a).health.failed_turns == failed + 1);
}

TEST_CASE("a turn with more timers than the limit is refused, but may replace and cancel") {
  PuppetWorld world;
  std::size_t fired = 0;
  world.scripts["a"].on_timer = [&](PuppetBody&, std::uint64_t, Turn&) { ++fired; };
  world.activate(*a.spec);
  const auto timers = [](std::size_t count) {
    return [count](Turn& turn) {
      for (std::size_t i = 0; i < count; ++i) turn.set_timer(i, 1s);
    };
  };
  CHECK(refused(world, timers(limits::timers_per_actor_max + 1)));
  world.advance(2s);
  CHECK(fired == 0);
  CHECK_FALSE(refused(world, timers(limits::timers_per_actor_max)));
  CHECK_FALSE(refused(world, timers(limits::timers_per_actor_max)));
  CHECK_FALSE(refused(world, [](Turn& turn) { turn.cancel_timer(0); }));
  world.advance(2s);
  CHECK(fired == limits::timers_per_actor_max - 1);
}

TEST_CASE("a turn with more open requests than the limit is refused as a whole") {
  PuppetWorld world;
  const auto requests = [](std::size_t count) {
    return [count](Turn& turn) {
      for (std::size_t i = 0; i < count; ++i) turn.request<Number>(b, number(i));
    };
  };
  world.activate(*a.spec);
  CHECK_FALSE(refused(world, requests(limits::open_requests_per_actor_max - 1)));
  CHECK(refused(world, requests(2)));
  CHECK_FALSE(refused(world, requests(1)));
}

TEST_CASE("a turn that leaves more state than the limit is refused, and the actor goes on") {
  PuppetWorld world;
  world.scripts["a"].on_number = [](PuppetBody& body, std::uint64_t bytes, Turn& turn) {
    body.numbers.assign(bytes / sizeof(std::uint64_t), 7);
    turn.hold();  // Not to be repeated, so a snapshot is taken now.
  };
  world.activate(*a.spec);
  world.activate(*b.spec);
  const auto keep = [&](std::size_t bytes) {
    world.run(b, [&](Turn& turn) { turn.send<Number>(a, number(bytes)); });
  };
  keep(limits::snapshot_bytes_max);  // And the struct around it.
  CHECK(world.report(a).health.set_aside == 1);
  CHECK(world.report(a).health.last_errors.back().find("over_limit: state of ") == 0);
  CHECK(world.scripts["a"].numbers().empty());
  keep(limits::snapshot_bytes_max / 2);
  CHECK(world.report(a).health.set_aside == 1);
  CHECK(world.scripts["a"].numbers().size() == limits::snapshot_bytes_max / 16);
}

TEST_CASE("an actor that is told to retire and has nothing under way goes at once") {
  PuppetWorld world;
  world.run(a, [](Turn& turn) { turn.retire(); });
  CHECK(world.retired() == std::vector<ActorId>{a.id});
}

TEST_CASE("an actor that is told to retire goes when all it sent is acknowledged") {
  PuppetWorld world;
  world.activate(*b.spec);
  world.run(a, [](Turn& turn) {
    turn.send<Number>(b, number(1));
    turn.retire();
  });
  CHECK(world.retired() == std::vector<ActorId>{a.id});
  CHECK(world.find(a.id) == nullptr);
  CHECK(world.scripts["b"].numbers() == numbers_up_to(1));
}

}  // namespace
}  // namespace omma::test
