// The whole of people_count in virtual time, checked for what a move and a crash need: that each
// state is all there is, and that frames which come again after a crash are counted once.
#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/apps/counting_world.hpp"

namespace omma::test {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> undisturbed() {
  CountingWorld world;
  world.sources["lobby"].frames = 100;
  world.watch(world.counter());
  world.advance(5s);
  return world.results();
}

TEST_CASE("every state of a run of people_count is all that its actor has to save") {
  const auto results = undisturbed();
  CHECK(std::count_if(results.begin(), results.end(),
                      [](const std::string& row) { return row.starts_with("frame"); }) == 100);
  CHECK(std::any_of(results.begin(), results.end(),
                    [](const std::string& row) { return row.starts_with("crossing"); }));
  CHECK(StateCheck<QuerySession>::checks > 100);
  CHECK(StateCheck<Counter>::checks > 100);
}

TEST_CASE("a camera that loses its place in a crash repeats its frames and no count") {
  const auto expected = undisturbed();
  for (const unsigned jobs : {1U, 17U, 50U, 99U}) {
    CAPTURE(jobs);
    CountingWorld world;
    world.sources["lobby"].frames = 100;
    world.run_jobs_at_once = false;
    world.watch(world.counter());
    const auto camera = world.camera("lobby");
    // Each frame needs a job of the camera's and one of the shard's at most.
    for (unsigned i = 0; i < 2 * jobs; ++i) {
      if (!world.run_job()) world.advance(20ms);
    }
    world.kill(camera.id);
    world.activate(*camera.spec);
    // Whatever it is sent next tells of its new life.
    world.command(world.router("lobby"), [&](Turn& turn) {
      SubscribeOptions options;
      options.delivery = DeliveryClass::reliable;
      turn.subscribe<Frame>(camera, std::move(options));
    });
    world.settle();
    world.run_jobs_at_once = true;
    while (world.run_job()) {
    }
    world.advance(20s);
    CHECK(world.results() == expected);
  }
}

TEST_CASE("a greeter goes on counting down where it was") {
  CountingWorld world;
  capnp::MallocMessageBuilder builder;
  auto config = builder.initRoot<HelloConfig>();
  config.setGreeting("hi");
  config.setTimes(3);
  StageSpec spec;
  spec.type = "greeter";
  spec.config = bytes_of_words(capnp::canonicalize(config.asReader()));
  spec.id = ActorId::of(spec.type, std::span<const std::byte>(spec.config));
  world.watch(spec);
  world.advance(150ms);
  const auto& greeter = *StateCheck<Greeter>::last;
  StateCheck<Greeter>::check(greeter);
  const Message state = StateCheck<Greeter>::type.save(greeter);
  CHECK(state.as<GreeterState>().getLeft() == 2);
  world.advance(1s);
  CHECK(world.results() ==
        std::vector<std::string>{"greeting 0 2", "greeting 0 1", "greeting 0 0", "end 0"});
}

}  // namespace
}  // namespace omma::test
