// Outbox and Inbox against a hostile network, thousands of seeds in virtual time. A failure prints
// its seed; the same seed fails again in the same way.
#include <catch2/catch.hpp>

#include <algorithm>

#include "tests/runtime/protocol/stream_world.hpp"

namespace omma {
namespace {

constexpr std::uint64_t seeds = 1000;

template <class Judge>
void for_each_world(Channel channel, void (*change)(WorldPlan&), Judge judge) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SeededRandom random(seed);
    WorldPlan plan = WorldPlan::draw(channel, random);
    change(plan);
    StreamWorld world(plan, random.next());
    world.run();
    INFO("seed " << seed << ", channel " << to_string(channel));
    if (!world.violation().empty()) FAIL(world.violation());
    judge(plan, world);
  }
}

void as_drawn(WorldPlan&) {}

void one_life(WorldPlan& plan) {
  plan.target_lives_ended = 0;
}

void without_faults(WorldPlan& plan) {
  plan.target_lives_ended = 0;
  plan.target_life = first_life;
  plan.cuts = 0;
  plan.loss = 0;
  plan.doubling = 0;
  plan.in_order = true;
}

// Most of what is sent, acknowledgements too, is lost for a long time.
void little_arrives(WorldPlan& plan) {
  one_life(plan);
  plan.loss = 0.6;
  plan.faults_end = Duration(10'000'000'000);
}

TEST_CASE("reliable: each message exactly once, in order, whatever the network does") {
  for (const Channel channel : {Channel::control, Channel::stream}) {
    for_each_world(channel, one_life, [](const WorldPlan& plan, const StreamWorld& world) {
      REQUIRE(world.finished().size() == 1);
      REQUIRE(world.finished().front().size() == plan.messages);
      REQUIRE(world.finished().front().back() == plan.messages);
      REQUIRE(world.outbox().counters().acknowledged == plan.messages);
      REQUIRE(world.dropped() == 0);
    });
  }
}

TEST_CASE("reliable: when the target's life ends, what it had not finished reaches the next") {
  for (const Channel channel : {Channel::control, Channel::stream}) {
    for_each_world(channel, as_drawn, [](const WorldPlan& plan, const StreamWorld& world) {
      std::vector<bool> seen(plan.messages + 1);
      for (const auto& life : world.finished()) {
        for (const std::uint64_t number : life) seen[number] = true;
      }
      REQUIRE(std::count(seen.begin() + 1, seen.end(), false) == 0);
      REQUIRE(world.outbox().counters().acknowledged == plan.messages);
      REQUIRE(world.target_lives_ended_told() == world.outbox().counters().lives_ended);
      REQUIRE(world.target_lives_ended_told() <= plan.target_lives_ended);
    });
  }
}

TEST_CASE("fresh: offered = delivered + dropped once quiet, never doubled or reordered") {
  for_each_world(Channel::fresh, one_life, [](const WorldPlan& plan, const StreamWorld& world) {
    const Outbox::Counters& counters = world.outbox().counters();
    REQUIRE(world.finished().size() == 1);
    REQUIRE(world.finished().front().size() + world.dropped() == plan.messages);
    REQUIRE(counters.offered == plan.messages);
    REQUIRE(counters.acknowledged == world.finished().front().size());
    REQUIRE(counters.dropped_full + counters.dropped_expired == world.dropped());
    REQUIRE(counters.lost_with_life == 0);
    REQUIRE(world.inbox().counters().received == counters.acknowledged);
  });
}

TEST_CASE("fresh: each message is acknowledged or counted as dropped, over lives too") {
  for_each_world(Channel::fresh, as_drawn, [](const WorldPlan& plan, const StreamWorld& world) {
    const Outbox::Counters& counters = world.outbox().counters();
    REQUIRE(counters.acknowledged + world.dropped() == plan.messages);
    REQUIRE(counters.dropped_full + counters.dropped_expired + counters.lost_with_life ==
            world.dropped());
  });
}

TEST_CASE("credit that got lost comes back") {
  for (const Channel channel : {Channel::control, Channel::stream, Channel::fresh}) {
    for_each_world(channel, little_arrives, [](const WorldPlan& plan, const StreamWorld& world) {
      REQUIRE(world.outbox().counters().acknowledged + world.dropped() == plan.messages);
    });
  }
}

TEST_CASE("nothing is sent again when nothing is lost, however slow the target is") {
  for (const Channel channel : {Channel::control, Channel::stream, Channel::fresh}) {
    std::uint64_t probes = 0;
    for_each_world(channel, without_faults, [&](const WorldPlan&, const StreamWorld& world) {
      REQUIRE(world.outbox().counters().resent == 0);
      REQUIRE(world.outbox().counters().ignored_acks == 0);
      REQUIRE(world.inbox().counters().duplicates == 0);
      REQUIRE(world.inbox().counters().early == 0);
      REQUIRE(world.inbox().counters().over_credit == 0);
      probes += world.outbox().counters().probes;
    });
    CHECK(probes > 0);  // Else no target was slow enough for the test to mean anything.
  }
}

TEST_CASE("a world repeats from its seed") {
  const auto run = [] {
    SeededRandom random(7);
    StreamWorld world(WorldPlan::draw(Channel::stream, random), random.next());
    world.run();
    return std::pair(world.finished(), world.outbox().counters().resent);
  };
  CHECK(run() == run());
}

}  // namespace
}  // namespace omma
