#include "runtime/link/memory_network.hpp"

#include <catch2/catch.hpp>

#include "runtime/base/limits.hpp"
#include "tests/runtime/link/test_node.hpp"

using namespace omma;
using namespace omma::test;

namespace {

// A hub whose handlers write down what happens; one thread, so no locks.
struct Node {
  Node(MemoryNetwork& network, NodeId self) {
    LinkHandlers handlers;
    handlers.on_packets = [this](const NodeId&, std::vector<Packet> got) {
      for (Packet& packet : got) packets.push_back(std::move(packet));
    };
    handlers.on_peer_up = [this](const NodeId& peer) { ups.push_back(peer); };
    handlers.on_peer_down = [this](const std::string&, const std::string& why) {
      downs.push_back(why);
    };
    handlers.on_call = [this](const std::optional<NodeId>&, Message request, Answer answer) {
      if (keep_answers) {
        answers.push_back(std::move(answer));
      } else {
        answer(std::move(request));
      }
    };
    const std::string address = "memory:" + self.name;
    auto made = network.make_hub({std::move(self), address, {}}, std::move(handlers));
    REQUIRE(made.ok());
    hub = std::move(*made);
  }
  std::vector<std::uint64_t> sequences(Lane lane) const {
    std::vector<std::uint64_t> numbers;
    for (const Packet& packet : packets) {
      if (lane_of(packet) == lane) numbers.push_back(sequence_of(packet));
    }
    return numbers;
  }
  void post(const std::string& to, std::uint64_t sequence, Channel channel = Channel::stream) {
    hub->post(to, envelope_of(sequence, channel, message_of("m", {blob_of(100, sequence)})));
  }

  std::vector<Packet> packets;
  std::vector<NodeId> ups;
  std::vector<std::string> downs;
  std::vector<Answer> answers;
  bool keep_answers = false;
  std::unique_ptr<LinkHub> hub;
};

struct World {
  explicit World(std::uint64_t seed)
      : network(seed, clock), alpha(network, node_id("alpha")), beta(network, node_id("beta")) {
    alpha.hub->set_peer("beta", "memory:beta");
    beta.hub->set_peer("alpha", "memory:alpha");
    network.advance(10ms);
    REQUIRE(alpha.ups.size() == 1);
    REQUIRE(beta.ups.size() == 1);
  }
  ManualClock clock;
  MemoryNetwork network;
  Node alpha;
  Node beta;
};

std::vector<std::uint64_t> up_to(std::uint64_t count) {
  std::vector<std::uint64_t> numbers(count);
  for (std::uint64_t i = 0; i < count; ++i) numbers[i] = i + 1;
  return numbers;
}

}  // namespace

TEST_CASE("lanes keep their order and overtake each other") {
  World world(1);
  for (std::uint64_t i = 1; i <= 500; ++i) {
    world.alpha.post("beta", i, i % 2 == 0 ? Channel::control : Channel::stream);
  }
  world.network.advance(10ms);
  std::vector<std::uint64_t> arrived;
  for (const Packet& packet : world.beta.packets) arrived.push_back(sequence_of(packet));
  REQUIRE(arrived.size() == 500);
  CHECK_FALSE(std::is_sorted(arrived.begin(), arrived.end()));
  for (const Lane lane : {Lane::control, Lane::bulk}) {
    const auto numbers = world.beta.sequences(lane);
    CHECK(numbers.size() == 250);
    CHECK(std::is_sorted(numbers.begin(), numbers.end()));
  }
}

TEST_CASE("the same seed gives the same run, another seed another") {
  const auto run = [](std::uint64_t seed) {
    World world(seed);
    world.network.set_faults(
        "alpha", "beta",
        {.break_chance = 0.01, .loss = 0.05, .duplication = 0.05, .reordering = 0.05});
    for (std::uint64_t i = 1; i <= 500; ++i) {
      world.alpha.post("beta", i);
      world.beta.post("alpha", i, Channel::control);
      world.network.advance(1ms);
    }
    return world.network.digest();
  };
  CHECK(run(1) == run(1));
  CHECK(run(1) != run(2));
}

TEST_CASE("a break loses what is on its way, tells both, and mends itself") {
  World world(3);
  for (std::uint64_t i = 1; i <= 10; ++i) world.alpha.post("beta", i);
  world.network.break_connection("alpha", "beta");
  CHECK(world.alpha.downs == std::vector<std::string>{"connection reset"});
  CHECK(world.beta.downs.size() == 1);
  world.alpha.post("beta", 11);
  CHECK(world.alpha.hub->counters().dropped_peer_away == 1);
  world.network.advance(3s);
  CHECK(world.beta.packets.empty());
  CHECK(world.alpha.hub->counters().dropped_connection == 10);
  CHECK(world.alpha.ups.size() == 2);
  world.alpha.post("beta", 12);
  world.network.advance(10ms);
  CHECK(world.beta.packets.size() == 1);
}

TEST_CASE("a short partition delays, a long one breaks") {
  World world(4);
  world.network.partition("alpha", "beta");
  for (std::uint64_t i = 1; i <= 20; ++i) world.alpha.post("beta", i);
  world.network.advance(limits::suspect_after / 2);
  CHECK(world.beta.packets.empty());
  world.network.heal("alpha", "beta");
  world.network.advance(10ms);
  CHECK(world.beta.sequences(Lane::bulk) == up_to(20));
  CHECK(world.alpha.downs.empty());

  world.network.partition("alpha", "beta");
  world.alpha.post("beta", 21);
  world.network.advance(limits::suspect_after + 10ms);
  CHECK(world.alpha.downs == std::vector<std::string>{"silent"});
  CHECK(world.alpha.hub->counters().dropped_connection == 1);
  world.network.advance(10s);
  CHECK(world.alpha.ups.size() == 1);
  world.network.heal("alpha", "beta");
  world.network.advance(5s);
  CHECK(world.alpha.ups.size() == 2);
  CHECK(world.beta.packets.size() == 20);
}

TEST_CASE("what is posted while a healed partition's packets still wait comes after them") {
  World world(5);
  world.network.partition("alpha", "beta");
  for (std::uint64_t i = 1; i <= 20; ++i) world.alpha.post("beta", i);
  world.network.advance(1s);
  world.network.heal("alpha", "beta");
  for (std::uint64_t i = 21; i <= 40; ++i) world.alpha.post("beta", i);
  world.network.advance(10ms);
  CHECK(world.beta.sequences(Lane::bulk) == up_to(40));
}

TEST_CASE("faults beyond a real link's promise happen when asked for, and only then") {
  World world(6);
  world.network.set_faults("alpha", "beta", {.loss = 0.2});
  for (std::uint64_t i = 1; i <= 500; ++i) world.alpha.post("beta", i);
  world.network.advance(1s);
  const std::size_t arrived = world.beta.packets.size();
  CHECK(arrived > 300);
  CHECK(arrived < 480);
  CHECK(world.alpha.hub->counters().dropped_connection == 500 - arrived);

  world.beta.packets.clear();
  world.network.set_faults("alpha", "beta", {.duplication = 0.2});
  for (std::uint64_t i = 1; i <= 500; ++i) world.alpha.post("beta", i);
  world.network.advance(1s);
  CHECK(world.beta.packets.size() > 520);

  world.beta.packets.clear();
  world.network.set_faults("alpha", "beta", {.reordering = 0.2});
  for (std::uint64_t i = 1; i <= 500; ++i) world.alpha.post("beta", i);
  world.network.advance(1s);
  const auto numbers = world.beta.sequences(Lane::bulk);
  CHECK(numbers.size() == 500);
  CHECK_FALSE(std::is_sorted(numbers.begin(), numbers.end()));
}

TEST_CASE("bandwidth makes bulk late and leaves control alone") {
  World world(7);
  world.network.set_faults("alpha", "beta", {.bytes_per_second = 10'000'000});
  const Message megabyte = message_of("m", {blob_of(1'000'000, 1)});
  world.alpha.hub->post("beta", envelope_of(1, Channel::stream, megabyte));
  world.alpha.hub->post("beta", envelope_of(2, Channel::stream, megabyte));
  world.alpha.hub->post("beta", envelope_of(1, Channel::control));
  world.network.advance(50ms);
  CHECK(world.beta.sequences(Lane::control).size() == 1);
  CHECK(world.beta.sequences(Lane::bulk).empty());
  world.network.advance(60ms);
  CHECK(world.beta.sequences(Lane::bulk).size() == 1);
  world.network.advance(100ms);
  CHECK(world.beta.sequences(Lane::bulk).size() == 2);
}

TEST_CASE("a full queue drops and counts in memory too") {
  World world(8);
  const Message message = message_of("m", {blob_of(30 << 20, 1)});
  for (std::uint64_t i = 1; i <= 4; ++i) {
    world.alpha.hub->post("beta", envelope_of(i, Channel::stream, message));
  }
  CHECK(world.alpha.hub->counters().dropped_queue_full == 2);
}

TEST_CASE("a hub that goes and comes back is another life") {
  World world(9);
  world.beta.hub.reset();
  CHECK(world.alpha.downs.size() == 1);
  world.network.advance(5s);
  CHECK(world.alpha.ups.size() == 1);
  Node again(world.network, node_id("beta", 2, 2));
  world.network.advance(5s);
  REQUIRE(world.alpha.ups.size() == 2);
  CHECK(world.alpha.ups[1] == node_id("beta", 2, 2));
}

TEST_CASE("calls are answered, late, lost or timed out, each once") {
  World world(10);
  std::vector<std::string> results;
  const auto note = [&](Result<Message> result) {
    results.push_back(result ? text_of(*result) : std::string(to_string(result.error().code)));
  };
  world.alpha.hub->call("beta", message_of("hi"), 1s, note);
  world.network.advance(10ms);
  CHECK(results == std::vector<std::string>{"hi"});
  world.beta.keep_answers = true;
  world.alpha.hub->call("beta", message_of("slow"), 1s, note);
  world.network.advance(2s);
  CHECK(results.back() == "unavailable");
  world.beta.answers[0](message_of("too late"));
  world.alpha.hub->call("beta", message_of("cut"), 10s, note);
  world.network.advance(10ms);
  world.network.break_connection("alpha", "beta");
  world.beta.answers[1](message_of("lost"));
  world.network.advance(20s);
  CHECK(results == std::vector<std::string>{"hi", "unavailable", "unavailable"});
  world.alpha.hub->call("nobody", message_of("x"), 1s, note);
  world.network.advance(2s);
  CHECK(results.size() == 4);
}

TEST_CASE("two hubs may not share a name or an address") {
  World world(11);
  CHECK(world.network.make_hub({node_id("beta"), "memory:other", {}}, {}).error().code ==
        Code::unavailable);
  CHECK(world.network.make_hub({node_id("other"), "memory:beta", {}}, {}).error().code ==
        Code::unavailable);
}
