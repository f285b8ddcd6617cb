// The hops that a cell notes of the frames that pass it.
#include <catch2/catch.hpp>

#include "tests/runtime/cell/puppet_world.hpp"

using namespace std::chrono_literals;

namespace omma::test {
namespace {

const auto a = puppet("a");
const auto b = puppet("b");
const auto c = puppet("c");

struct KeptHops final : HopSink {
  void add(const TraceHop& hop) override { all.push_back(hop); }
  std::vector<TraceHop> of(const ActorId& actor, TraceHop::Kind kind) const {
    std::vector<TraceHop> found;
    for (const TraceHop& hop : all) {
      if (hop.actor == actor && hop.kind == kind) found.push_back(hop);
    }
    return found;
  }
  std::vector<TraceHop> all;
};

struct TracedWorld : PuppetWorld {
  TracedWorld() { hops = &kept; }
  // As a camera does: from here on the turn is about this frame.
  void capture_and_send(std::uint64_t sequence) {
    run(a, [sequence](Turn& turn) {
      turn.captured("a", sequence);
      turn.send<Number>(b, number(sequence));
    });
  }
  KeptHops kept;
};

TEST_CASE("what a turn sends carries the frame on, and each hop of it is noted") {
  TracedWorld world;
  world.scripts["b"].on_number = [](PuppetBody&, std::uint64_t value, Turn& turn) {
    turn.send<Number>(c, number(value));
  };
  world.capture_and_send(7);
  const TraceId frame{a.id.low, 7};
  REQUIRE(world.kept.all.size() == 5);
  for (const TraceHop& hop : world.kept.all) CHECK(hop.trace == frame);

  const auto source = world.kept.of(a.id, TraceHop::Kind::turn);
  REQUIRE(source.size() == 1);
  CHECK(source[0].peer.is_null());
  const auto left = world.kept.of(a.id, TraceHop::Kind::departure);
  REQUIRE(left.size() == 1);
  CHECK(left[0].peer == b.id);
  CHECK(left[0].bytes > 0);
  const auto middle = world.kept.of(b.id, TraceHop::Kind::turn);
  REQUIRE(middle.size() == 1);
  CHECK(middle[0].peer == a.id);
  CHECK(middle[0].sequence == left[0].sequence);
  CHECK(middle[0].channel == left[0].channel);
  CHECK(middle[0].bytes == left[0].bytes);
  CHECK(middle[0].queued == left[0].begun);
  CHECK(world.kept.of(c.id, TraceHop::Kind::turn).size() == 1);
}

TEST_CASE("what descends from no frame leaves no hop") {
  TracedWorld world;
  world.send_number(b, 1);
  CHECK(world.kept.all.empty());
}

TEST_CASE("a message that waits is queued from when it came to its node") {
  TracedWorld world;
  world.send_number(b, 0);  // So that it lives.
  Envelope envelope;
  envelope.stream = {c.id, b.id, Channel::control};
  envelope.lives = {1, 1};
  envelope.sequence = 1;
  envelope.credit_bytes = small_message_bytes;
  envelope.trace = {c.id.low, 3};
  envelope.message = number_message(1);
  envelope.arrived = world.clock.now() - 5ms;
  world.find(b.id)->on_packet(envelope);
  const auto turns = world.kept.of(b.id, TraceHop::Kind::turn);
  REQUIRE(turns.size() == 1);
  CHECK(turns[0].begun - turns[0].queued == 5ms);
}

TEST_CASE("a job is a hop of every frame that its result led on") {
  TracedWorld world;
  world.run_jobs_at_once = false;
  world.scripts["a"].on_number = [](PuppetBody&, std::uint64_t, Turn& turn) {
    for (const std::uint64_t frame : {1, 1, 2}) {
      turn.set_trace({55, frame});
      turn.send<Number>(b, number(frame));
    }
  };
  world.run(a, [](Turn& turn) { turn.run([]() -> Result<Message> { return number_message(0); }); });
  REQUIRE(world.jobs.size() == 1);
  const Instant now = world.clock.now();
  const JobTimes times{now - 9ms, now - 7ms, now - 2ms};
  world.find(a.id)->on_job(world.jobs.front().id, world.jobs.front().work(), times);
  world.jobs.clear();
  world.settle();

  const auto jobs = world.kept.of(a.id, TraceHop::Kind::job);
  REQUIRE(jobs.size() == 2);
  CHECK(jobs[0].trace == TraceId{55, 1});
  CHECK(jobs[1].trace == TraceId{55, 2});
  for (const TraceHop& job : jobs) {
    CHECK(job.queued == times.queued);
    CHECK(job.begun == times.begun);
    CHECK(job.ended == times.ended);
  }
  const auto turns = world.kept.of(a.id, TraceHop::Kind::turn);
  REQUIRE(turns.size() == 2);
  CHECK(turns[0].queued == times.ended);
  CHECK(world.kept.of(a.id, TraceHop::Kind::departure).size() == 3);
}

TEST_CASE("a job whose result leads no frame on is a hop of the frame that started it") {
  TracedWorld world;
  world.run_jobs_at_once = false;
  std::optional<HeldMessage> held;
  world.scripts["b"].on_number = [&](PuppetBody&, std::uint64_t, Turn& turn) {
    if (turn.job() != 0) {
      if (held) turn.release(*held);
      return;
    }
    if (turn.trace().sequence == 1) held = turn.hold();
    turn.run([]() -> Result<Message> { return number_message(0); });
  };
  const auto jobs_of = [&](bool holds) {
    if (!holds) held.reset();
    const std::size_t before = world.kept.of(b.id, TraceHop::Kind::job).size();
    const Instant now = world.clock.now();
    auto job = std::move(world.jobs.front());
    world.jobs.pop_front();
    world.find(b.id)->on_job(job.id, job.work(), {now, now, now});
    auto jobs = world.kept.of(b.id, TraceHop::Kind::job);
    jobs.erase(jobs.begin(), jobs.begin() + static_cast<std::ptrdiff_t>(before));
    return jobs;
  };
  world.capture_and_send(1);
  world.capture_and_send(2);
  REQUIRE(world.jobs.size() == 2);
  std::swap(world.jobs[0], world.jobs[1]);
  // Frame 2's job comes first and ends what frame 1 held: so it is frame 1's.
  const auto first = jobs_of(true);
  REQUIRE(first.size() == 1);
  CHECK(first[0].trace == TraceId{a.id.low, 1});
  const auto second = jobs_of(false);
  REQUIRE(second.size() == 1);
  CHECK(second[0].trace == TraceId{a.id.low, 1});
}

TEST_CASE("a turn that throws is no hop") {
  TracedWorld world;
  world.scripts["b"].on_number = [](PuppetBody&, std::uint64_t, Turn&) {
    throw std::runtime_error("no");
  };
  world.capture_and_send(1);
  CHECK(world.kept.of(b.id, TraceHop::Kind::turn).empty());
}

}  // namespace
}  // namespace omma::test
