#include "runtime/protocol/lease.hpp"

#include <catch2/catch.hpp>

#include <chrono>

#include "runtime/base/random.hpp"

using namespace std::chrono_literals;

namespace omma {
namespace {

const LeaseTimes times{6s, 1s};
const NodeId east{"east", {1, 1}, 1};
const NodeId west{"west", {1, 2}, 1};
const LeaseTable::Member east_member{east, "unix:/east"};
const LeaseTable::Member west_member{west, "unix:/west"};

Instant at(Duration since_start) {
  return instant_of(1'000'000'000'000) + since_start;
}

// Looks as often as a head does, so that it does not seem to have stood still.
std::vector<NodeId> due_at(LeaseTable& table, Duration from, Duration to) {
  for (Duration t = from; t < to; t += times.look_every()) {
    if (auto dead = table.due(at(t)); !dead.empty()) return dead;
  }
  return table.due(at(to));
}

TEST_CASE("the times of a lease leave room: a lost request, and the hold after the stop") {
  CHECK(times.stop_after() == 4s);
  CHECK(times.renew_every() == 1500ms);
  CHECK(times.look_every() == 750ms);
  CHECK(LeaseTimes{}.hold == 1s);
  CHECK(LeaseTimes{.ttl = 240ms}.look_every() == 50ms);
  CHECK(LeaseTimes{.ttl = 240ms}.hold == 40ms);
  CHECK(2 * times.renew_every() < times.stop_after());
}

// --- The head's side ---

TEST_CASE("a node that does not renew is due after ttl and hold, and not before") {
  LeaseTable table(times);
  table.begin(std::vector{east_member, west_member}, at(0s));
  CHECK(due_at(table, 0s, 5s).empty());
  CHECK(table.grant(west, at(5s)));
  CHECK(due_at(table, 5s, 7s - 1ns).empty());
  CHECK(table.may_work(east, at(7s - 1ns)));
  CHECK(table.due(at(7s)) == std::vector{east});
  CHECK_FALSE(table.may_work(east, at(7s)));
  CHECK(table.may_work(west, at(7s)));
}

TEST_CASE("a declared death is never taken back, and is named until the directory knows it") {
  LeaseTable table(times);
  table.begin(std::vector{east_member}, at(0s));
  REQUIRE(due_at(table, 0s, 7s) == std::vector{east});
  CHECK_FALSE(table.grant(east, at(7s)));
  table.begin(std::vector{east_member}, at(7s));
  CHECK(table.due(at(7s)) == std::vector{east});
  CHECK_FALSE(table.may_work(east, at(7s)));
  table.begin({}, at(8s));
  CHECK(table.due(at(8s)).empty());
  CHECK_FALSE(table.knows(east));
}

TEST_CASE("a renewal at the last moment counts, one after the declaration does not") {
  LeaseTable table(times);
  table.begin(std::vector{east_member}, at(0s));
  CHECK(due_at(table, 0s, 6900ms).empty());
  CHECK(table.grant(east, at(6950ms)));
  CHECK(table.due(at(7s)).empty());
}

TEST_CASE("an unknown node gets no lease") {
  LeaseTable table(times);
  CHECK_FALSE(table.grant(east, at(0s)));
  CHECK_FALSE(table.knows(east));
  CHECK_FALSE(table.may_work(east, at(0s)));
}

TEST_CASE("a node that signs on later gets a full lease, the others keep what they had") {
  LeaseTable table(times);
  table.begin(std::vector{east_member}, at(0s));
  CHECK(due_at(table, 0s, 3s).empty());
  table.begin(std::vector{east_member, west_member}, at(3s));
  CHECK(due_at(table, 3s, 7s) == std::vector{east});
  CHECK(table.may_work(west, at(9s)));
}

TEST_CASE("a new process at the same address shows that the old one is gone") {
  LeaseTable table(times);
  table.begin(std::vector{east_member}, at(0s));
  table.begin(std::vector<LeaseTable::Member>{{{"east", {1, 9}, 2}, "unix:/east"}}, at(1s));
  CHECK_FALSE(table.may_work(east, at(1s)));
}

TEST_CASE("a new process at another address shows nothing: the old one's lease runs out") {
  LeaseTable table(times);
  table.begin(std::vector{east_member}, at(0s));
  const std::vector<LeaseTable::Member> moved{{{"east", {1, 9}, 2}, "unix:/elsewhere"}};
  table.begin(moved, at(1s));
  CHECK(table.may_work(east, at(1s)));
  table.begin(moved, at(7s));
  CHECK_FALSE(table.may_work(east, at(7s)));
}

TEST_CASE("a head that stood still grants everybody anew instead of declaring everybody dead") {
  LeaseTable table(times);
  table.begin(std::vector{east_member}, at(0s));
  CHECK(table.due(at(1s)).empty());
  CHECK(table.due(at(60s)).empty());
  CHECK(due_at(table, 60s, 67s - 1ns).empty());
  CHECK(table.due(at(67s)) == std::vector{east});
}

// --- The node's side ---

TEST_CASE("a lease counts from when the request left, not from when the answer came") {
  LeaseHolder holder(times, at(0s));
  CHECK(holder.state(at(4s - 1ns)) == LeaseHolder::State::held);
  CHECK(holder.state(at(4s)) == LeaseHolder::State::in_doubt);
  holder.asked(at(1500ms));
  holder.granted(at(1500ms));  // At 3 s, say.
  CHECK(holder.valid_until() == at(5500ms));
  CHECK(holder.state(at(5500ms)) == LeaseHolder::State::in_doubt);
  holder.granted(at(0s));  // A late answer shortens nothing.
  CHECK(holder.valid_until() == at(5500ms));
}

TEST_CASE("a grant ends the doubt, a declared death never ends") {
  LeaseHolder holder(times, at(0s));
  holder.asked(at(5s));
  CHECK(holder.state(at(5s)) == LeaseHolder::State::in_doubt);
  holder.granted(at(5s));
  CHECK(holder.state(at(5s)) == LeaseHolder::State::held);
  holder.refused_dead();
  CHECK(holder.state(at(5s)) == LeaseHolder::State::dead);
  holder.granted(at(6s));
  CHECK(holder.state(at(6s)) == LeaseHolder::State::dead);
}

TEST_CASE("while no head runs the work goes on, unless the lease was in doubt before") {
  LeaseHolder holder(times, at(0s));
  holder.head_down_proved(at(3s));
  CHECK(holder.state(at(6s)) == LeaseHolder::State::held);
  holder.head_down_proved(at(7s));
  CHECK(holder.state(at(7s)) == LeaseHolder::State::in_doubt);
}

TEST_CASE("the next deadline is the request, or the end of the lease if that is sooner") {
  LeaseHolder holder(times, at(0s));
  CHECK(holder.next_deadline(at(0s)) == at(1500ms));
  holder.asked(at(1500ms));
  CHECK(holder.next_deadline(at(1500ms)) == at(3s));
  holder.asked(at(3s));
  CHECK(holder.next_deadline(at(3s)) == at(4s));
  CHECK(holder.next_deadline(at(4s)) == at(4500ms));
}

// --- Both together ---

// A machine's clock: its own zero, and a speed within a tenth of the true one.
struct SkewedClock {
  explicit SkewedClock(Random& random)
      : offset(Duration(static_cast<std::int64_t>(random.below(1'000'000'000'000)))),
        speed(0.9 + static_cast<double>(random.below(2001)) / 10'000) {}
  Instant at(double true_seconds) const {
    return Instant(offset) + Duration(static_cast<std::int64_t>(true_seconds * speed * 1e9));
  }
  double true_seconds(Instant t) const {
    return static_cast<double>((t - Instant(offset)).count()) / 1e9 / speed;
  }
  Duration offset;
  double speed;
};

// A head that crashes, restarts and stands still; a node that stands still; answers that are late
// or lost; proofs that the head is down. Time is true time in seconds, each side sees its own.
struct LeaseWorld {
  struct Event {
    double when = 0;
    Instant asked_at{};
    bool proof = false;
    bool dead = false;
  };

  explicit LeaseWorld(std::uint64_t seed)
      : random(seed), head_clock(random), node_clock(random), holder(times, node_clock.at(0)) {
    restart_head();
  }
  void restart_head() {
    table.emplace(times);
    if (!recorded_dead) table->begin(std::vector{east_member}, head_clock.at(now));
  }
  bool node_works() const { return holder.state(node_clock.at(now)) == LeaseHolder::State::held; }
  // One pause of 0 to 12 seconds in fifty steps; else a step of up to 0.3.
  double stretch() {
    return random.chance(0.02) ? static_cast<double>(random.below(12'000)) / 1000
                               : static_cast<double>(random.below(300)) / 1000;
  }
  void step_head() {
    if (!table) return;
    if (recorded_dead) table->begin({}, head_clock.at(now));
    for (const NodeId& node : table->due(head_clock.at(now))) {
      INFO("declared dead at " << now << ", valid until "
                               << node_clock.true_seconds(holder.valid_until()));
      CHECK(node == east);
      CHECK_FALSE(node_works());
      recorded_dead = true;
    }
  }
  void step_node() {
    const Instant local = node_clock.at(now);
    for (std::size_t i = 0; i < coming.size();) {
      if (coming[i].when > now) {
        ++i;
        continue;
      }
      const Event event = coming[i];
      coming.erase(coming.begin() + static_cast<std::ptrdiff_t>(i));
      if (event.proof) {
        holder.head_down_proved(event.asked_at);
      } else if (event.dead) {
        holder.refused_dead();
      } else {
        holder.granted(event.asked_at);
      }
    }
    if (local < holder.next_request()) return;
    holder.asked(local);
    const double there = now + stretch() / 4;
    if (random.chance(0.3)) return;
    if (!table) return coming.push_back({there, local, true, false});
    if (random.chance(0.3)) return;
    const bool granted = table->grant(east, head_clock.at(now));
    if (!granted && !recorded_dead) return;
    coming.push_back({there, local, false, !granted});
  }
  void run(double until) {
    double head_next = 0;
    double node_next = 0;
    while (now < until) {
      now = std::min(head_next, node_next);
      if (head_next <= now) {
        step_head();
        head_next = now + stretch();
        if (random.chance(0.01)) table.reset();
        if (!table && random.chance(0.1)) restart_head();
      }
      if (node_next <= now) {
        step_node();
        node_next = now + stretch();
      }
      if (recorded_dead) {
        INFO("at " << now);
        CHECK_FALSE(node_works());
      }
      works += node_works() ? 1 : 0;
    }
  }

  SeededRandom random;
  SkewedClock head_clock;
  SkewedClock node_clock;
  double now = 0;
  std::optional<LeaseTable> table;
  LeaseHolder holder;
  bool recorded_dead = false;  // On the head's disk.
  std::vector<Event> coming;
  std::size_t works = 0;
};

TEST_CASE("a node never works once it was declared dead, whatever clocks and losses do") {
  std::size_t dead = 0;
  std::size_t worked = 0;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    INFO("seed " << seed);
    LeaseWorld world(seed);
    world.run(120);
    dead += world.recorded_dead ? 1 : 0;
    worked += world.works;
  }
  // Both must occur, or nothing was tried.
  CHECK(dead > 100);
  CHECK(worked > 100'000);
}

TEST_CASE("a request lost now and then brings no doubt") {
  SeededRandom random(7);
  LeaseTable table(times);
  table.begin(std::vector{east_member}, at(0s));
  LeaseHolder holder(times, at(0s));
  bool lost = false;
  for (Duration t = 0s; t < 600s; t += 50ms) {
    REQUIRE(table.due(at(t)).empty());
    REQUIRE(holder.state(at(t)) == LeaseHolder::State::held);
    if (at(t) < holder.next_request()) continue;
    holder.asked(at(t));
    lost = !lost && random.chance(0.5);
    if (lost) continue;
    REQUIRE(table.grant(east, at(t)));
    holder.granted(at(t));
    t += 50ms;
  }
}

}  // namespace
}  // namespace omma
