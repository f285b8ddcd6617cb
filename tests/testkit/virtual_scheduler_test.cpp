// The simulated process: its order, its time, and how it stands still and ends.
#include "runtime/testkit/virtual_scheduler.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace omma::test {
namespace {

struct World {
  explicit World(std::uint64_t seed = 1) : time(seed), scheduler(time) {}
  VirtualTime time;
  VirtualScheduler scheduler;
  std::vector<std::string> order;
};

TEST_CASE("a strand in virtual time runs its tasks in order, and delayed ones in time") {
  World world;
  Strand strand(world.scheduler);
  strand.post_after(20ms, [&] { world.order.push_back("later"); });
  strand.post_after(10ms, [&] { world.order.push_back("soon"); });
  strand.post([&] {
    world.order.push_back("first");
    strand.post([&] { world.order.push_back("third"); });
  });
  strand.post([&] { world.order.push_back("second"); });
  CHECK(world.order.empty());
  world.time.advance(1ms);
  CHECK(world.order == std::vector<std::string>{"first", "second", "third"});
  world.time.advance(14ms);
  CHECK(world.order.back() == "soon");
  world.time.advance(15ms);
  CHECK(world.order.back() == "later");
}

TEST_CASE("the seed chooses which of two strands runs first, and always the same") {
  const auto run = [](std::uint64_t seed) {
    World world(seed);
    Strand a(world.scheduler);
    Strand b(world.scheduler);
    for (int i = 0; i < 20; ++i) {
      a.post([&] { world.order.push_back("a"); });
      b.post([&] { world.order.push_back("b"); });
    }
    world.time.advance(1ms);
    return world.order;
  };
  CHECK(run(1) == run(1));
  CHECK(run(1) != run(2));
}

TEST_CASE("a process that stands still does later what came meanwhile") {
  World world;
  Strand strand(world.scheduler);
  world.scheduler.pause();
  strand.post([&] { world.order.push_back("posted"); });
  strand.post_after(10ms, [&] { world.order.push_back("due"); });
  world.scheduler.run_after(5ms, [&] { world.order.push_back("called"); });
  world.time.advance(1s);
  CHECK(world.order.empty());
  world.scheduler.resume();
  world.time.advance(1ms);
  CHECK(world.order.size() == 3);
}

TEST_CASE("nothing of a killed process runs, and it lets go of what its tasks hold") {
  World world;
  Strand strand(world.scheduler);
  strand.post([&] { world.order.push_back("posted"); });
  strand.post_after(10ms, [&] { world.order.push_back("due"); });
  VirtualDelays delays;
  VirtualExecutor executor(world.time, world.scheduler, delays);
  executor.run([] { return Result<Message>(Message()); },
               [&](const Result<Message>&) { world.order.push_back("done"); });
  world.scheduler.kill();
  strand.post([&] { world.order.push_back("too late"); });
  world.time.advance(1s);
  CHECK(world.order.empty());
}

TEST_CASE("a job takes its time, and its error comes back as one") {
  World world;
  const VirtualDelays delays{10ms, 20ms};
  VirtualExecutor executor(world.time, world.scheduler, delays);
  std::optional<Result<Message>> result;
  executor.run([]() -> Result<Message> { throw std::runtime_error("no disk"); },
               [&](Result<Message> done) { result.emplace(std::move(done)); });
  world.time.advance(9ms);
  CHECK_FALSE(result.has_value());
  world.time.advance(12ms);
  REQUIRE(result.has_value());
  CHECK_FALSE(result->ok());
  CHECK(result->error().message.find("no disk") != std::string::npos);
}

}  // namespace
}  // namespace omma::test
