// Every stage durable: whatever moves and whoever crashes, the rows are those of an undisturbed
// run.
#include <catch2/catch.hpp>

#include <chrono>

#include "tests/apps/counting_world.hpp"

namespace omma::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t frames = 60;

std::vector<std::string> undisturbed() {
  CountingWorld world;
  world.sources["lobby"].frames = frames;
  world.watch(world.counter(true));
  world.advance(60s);
  return world.results();
}

struct Disturbances {
  unsigned moves = 0;
  unsigned crashes = 0;
};

// Jobs, time, checkpoints, moves and crashes in an order that the seed draws.
Disturbances disturb(CountingWorld& world, SeededRandom& random) {
  Disturbances done;
  world.run_jobs_at_once = false;
  world.keep_at_once = false;
  for (unsigned step = 0; step < 1500; ++step) {
    const std::uint64_t what = random.below(100);
    if (what < 55) {
      world.run_job();
    } else if (what < 75) {
      world.advance(std::chrono::milliseconds(1 + random.below(40)));
    } else if (what < 92) {
      world.keep_all();
      world.settle();
    } else {
      const std::vector<ActorId> all = world.ids();
      const ActorId& id = all[random.below(all.size())];
      const bool crash = what >= 97;
      const Result<void> went_on = crash ? world.fail_over(id) : world.move(id);
      INFO((went_on ? std::string() : went_on.error().describe()));
      REQUIRE(went_on.ok());
      ++(crash ? done.crashes : done.moves);
      if (random.chance(0.7)) world.settle();  // Else more happens before anybody has noticed.
    }
  }
  world.run_jobs_at_once = true;
  world.keep_at_once = true;
  while (world.run_job()) {
  }
  world.advance(120s);
  return done;
}

}  // namespace

TEST_CASE("fifty schedules of moves and crashes change no row of a durable run") {
  const auto expected = undisturbed();
  REQUIRE(expected.size() > frames);
  unsigned moves = 0;
  unsigned crashes = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    CountingWorld world;
    world.sources["lobby"].frames = frames;
    world.watch(world.counter(true));
    SeededRandom random(seed);
    const Disturbances done = disturb(world, random);
    moves += done.moves;
    crashes += done.crashes;
    CHECK(world.results() == expected);
  }
  CHECK(moves > 1000);
  CHECK(crashes > 500);
}

}  // namespace omma::test
