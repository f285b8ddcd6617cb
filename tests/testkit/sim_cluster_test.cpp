// Actors of an app's author in a simulated cluster, and the faults that it can have. See
// docs/TESTING.md.
#include "runtime/testkit/sim_cluster.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "tests/support/test_messages.capnp.h"

using namespace std::chrono_literals;

namespace omma::test {
namespace {

// Adds up the numbers that it is sent. What it forgets in save() is lost when it moves: the bug
// that a test in one process never sees.
class Adder final : public Actor {
 public:
  static constexpr const char* type_name = "adder";
  using Config = PuppetConfig;
  using State = PuppetState;
  using Accepts = omma::Accepts<Number>;
  using Publishes = omma::Publishes<>;
  static std::string title(PuppetConfig::Reader config) { return config.getName(); }
  static PlacementWish wish(PuppetConfig::Reader) {
    return {.node = {}, .near_camera = {}, .role = "worker"};
  }
  static bool durable(PuppetConfig::Reader) { return true; }
  static constexpr std::uint32_t forgetful = 1;  // The variant with the planted bug.

  Adder(PuppetConfig::Reader config, std::map<std::string, Adder*>& live)
      : forgets_(config.getVariant() == forgetful), live_(live), name_(config.getName()) {
    live_[name_] = this;
  }
  ~Adder() override {
    if (live_[name_] == this) live_.erase(name_);
  }
  void on(Number::Reader number, Turn&) { sum_ += number.getValue(); }
  void save(PuppetState::Builder out) const {
    if (!forgets_) out.initNumbers(1).set(0, sum_);
  }
  Result<void> load(PuppetState::Reader in) {
    for (const std::uint64_t number : in.getNumbers()) sum_ = number;
    return {};
  }
  std::uint64_t sum() const { return sum_; }

 private:
  const bool forgets_;
  std::map<std::string, Adder*>& live_;
  const std::string name_;
  std::uint64_t sum_ = 0;
};

// Sends 1, 2, 3, ... up to 40 to the adder, one every 50 ms.
class Counter final : public Actor {
 public:
  static constexpr const char* type_name = "counter";
  using Config = PuppetConfig;
  using State = PuppetState;
  using Accepts = omma::Accepts<>;
  using Publishes = omma::Publishes<>;
  static std::string title(PuppetConfig::Reader config) { return config.getName(); }
  static PlacementWish wish(PuppetConfig::Reader) {
    return {.node = {}, .near_camera = {}, .role = "worker"};
  }
  static bool durable(PuppetConfig::Reader) { return true; }

  explicit Counter(PuppetConfig::Reader config) : variant_(config.getVariant()) {}
  void on_start(Turn& turn) override { turn.set_timer(1, 50ms); }
  void on_timer(std::uint64_t, Turn& turn) override {
    const auto adder = turn.stage<Adder>([&](PuppetConfig::Builder config) {
      config.setName("sum");
      config.setVariant(variant_);
    });
    ++sent_;
    turn.send<Number>(adder, [this](Number::Builder out) { out.setValue(sent_); });
    if (sent_ < 40) turn.set_timer(1, 50ms);
  }
  void save(PuppetState::Builder out) const { out.initNumbers(1).set(0, sent_); }
  Result<void> load(PuppetState::Reader in) {
    for (const std::uint64_t number : in.getNumbers()) sent_ = number;
    return {};
  }

 private:
  const std::uint32_t variant_;
  std::uint64_t sent_ = 0;
};

struct World {
  explicit World(std::uint64_t seed, std::uint32_t variant = 0)
      : counter(Turn::make_stage_ref<Counter>([&](PuppetConfig::Builder config) {
          config.setName("counter");
          config.setVariant(variant);
        })),
        adder(Turn::make_stage_ref<Adder>([&](PuppetConfig::Builder config) {
          config.setName("sum");
          config.setVariant(variant);
        })),
        cluster({.seed = seed,
                 .nodes = {{.name = "head"}, {.name = "east"}, {.name = "west"}},
                 .types =
                     [this](const NodeId&) {
                       ActorTypes types;
                       types.add(actor_type<Adder>([this](PuppetConfig::Reader config) {
                         return std::make_unique<Adder>(config, live);
                       }));
                       types.add(actor_type<Counter>());
                       return types;
                     },
                 .lease = LeaseTimes{.ttl = 2s}}) {
    cluster.start();
    REQUIRE(cluster.activate("east", *counter.spec).ok());
    REQUIRE(cluster.activate("west", *adder.spec).ok());
  }
  MoveRecord::Outcome move(const ActorId& id, const std::string& to) {
    std::optional<Result<MoveRecord>> done;
    cluster.node(cluster.record(id).node.name)
        .host()
        .move(id, to, "a test", [&](Result<MoveRecord> end) { done.emplace(std::move(end)); });
    REQUIRE(cluster.time().advance_until(30s, [&] { return done.has_value(); }));
    REQUIRE(done->ok());
    return (**done).outcome;
  }
  std::uint64_t sum() const { return live.contains("sum") ? live.at("sum")->sum() : 0; }

  std::map<std::string, Adder*> live;
  const Ref<Counter> counter;
  const Ref<Adder> adder;
  SimCluster cluster;
};

constexpr std::uint64_t whole_sum = 40 * 41 / 2;

TEST_CASE("an actor moves in a simulated cluster and keeps its sum") {
  World world(GENERATE(range(1u, 9u)));
  world.cluster.advance(700ms);
  CHECK(world.move(world.adder.id, "head") == MoveRecord::Outcome::moved);
  CHECK(world.cluster.record(world.adder.id).node.name == "head");
  world.cluster.advance(10s);
  CHECK(world.sum() == whole_sum);
}

TEST_CASE("a simulated cluster finds what an actor's save() forgets") {
  World world(1, Adder::forgetful);
  world.cluster.advance(700ms);
  CHECK(world.move(world.adder.id, "head") == MoveRecord::Outcome::moved);
  world.cluster.advance(10s);
  CHECK(world.sum() < whole_sum);
}

TEST_CASE("a durable actor goes on after its node is killed, once the lease is over") {
  World world(GENERATE(range(1u, 9u)));
  world.cluster.advance(700ms);
  world.cluster.crash("west");
  world.cluster.advance(20s);
  CHECK(world.cluster.record(world.adder.id).node.name != "west");
  CHECK(world.cluster.record(world.adder.id).life == 1);
  CHECK(world.sum() == whole_sum);
}

TEST_CASE("a head that is killed and comes back finds its directory as it was") {
  World world(3);
  world.cluster.advance(700ms);
  world.cluster.crash("head");
  world.cluster.advance(1s);
  world.cluster.begin("head");
  world.cluster.advance(20s);
  CHECK(world.cluster.all_open());
  CHECK(world.cluster.record(world.adder.id).node.name == "west");
  CHECK(world.sum() == whole_sum);
}

TEST_CASE("a node that stood still past its lease is declared dead and begins anew") {
  World world(4);
  world.cluster.advance(700ms);
  const Incarnation before = world.cluster.node("west").self().incarnation;
  world.cluster.pause("west");
  world.cluster.advance(5s);
  CHECK(world.cluster.record(world.adder.id).node.name != "west");
  world.cluster.resume("west");
  world.cluster.advance(15s);
  CHECK(world.cluster.all_open());
  CHECK(world.cluster.node("west").self().incarnation != before);
  CHECK(world.sum() == whole_sum);
}

TEST_CASE("a node that is cut off for a moment loses nothing") {
  World world(5);
  world.cluster.advance(300ms);
  world.cluster.partition("east", "west");
  world.cluster.advance(3s);
  world.cluster.heal("east", "west");
  world.cluster.advance(15s);
  CHECK(world.sum() == whole_sum);
}

TEST_CASE("a node that is stopped in good order leaves an actor's end behind") {
  World world(6);
  world.cluster.advance(3s);
  world.cluster.stop("west");
  CHECK_FALSE(world.cluster.is_there("west"));
  CHECK(world.cluster.record(world.adder.id).state == ActorRecord::State::retired);
}

}  // namespace
}  // namespace omma::test
