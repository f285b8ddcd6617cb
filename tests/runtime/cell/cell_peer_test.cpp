// What a peer's actors may send that is wrong: it costs the message, never the actor or the node.
#include <catch2/catch.hpp>

#include <cstring>

#include "runtime/cell/cell_snapshot.hpp"
#include "schemas/snapshot.capnp.h"
#include "schemas/system.capnp.h"
#include "tests/runtime/cell/puppet_world.hpp"

namespace omma::test {
namespace {

constexpr ActorId stranger{9, 9};

Packet packet_to(const Ref<Puppet>& puppet, Message message, std::uint64_t sequence = 1,
                 Channel channel = Channel::control) {
  Envelope envelope{.stream = {stranger, puppet.id, channel}, .lives = {1, 1}};
  envelope.target_epoch = 1;
  envelope.sequence = sequence;
  envelope.credit_bytes = std::max<std::size_t>(message.size_bytes(), 64);
  envelope.message = std::move(message);
  return envelope;
}

// A root pointer to a list, where a struct should be.
Message no_struct(std::uint64_t type) {
  const std::uint64_t words[] = {std::uint64_t{1} << 32, 1};
  auto message = Message::from_wire(type, Blob::copy_of(std::as_bytes(std::span(words))), {});
  REQUIRE(message.ok());
  return *message;
}

}  // namespace

TEST_CASE("a subscription that is none is set aside with the reason, and the actor goes on") {
  PuppetWorld world;
  const auto a = puppet("a");
  world.activate(*a.spec);
  world.settle();
  std::uint64_t sequence = 0;
  for (const std::uint64_t type : {type_id_of<Subscribe>(), type_id_of<Unsubscribe>()}) {
    world.find(a.id)->on_packet(packet_to(a, no_struct(type), ++sequence));
    const auto& health = world.report(a).health;
    CHECK(health.set_aside == sequence);
    CHECK(health.last_errors.back().find("ubscribe: ") != std::string::npos);
  }
  world.find(a.id)->on_packet(packet_to(a, number_message(5), ++sequence));
  CHECK(world.scripts["a"].numbers() == std::vector<std::uint64_t>{5});
  CHECK(world.report(a).in.at(0).finished == 3);  // All three are acknowledged.
}

TEST_CASE("a message that is not of its type's form is set aside after its attempts") {
  PuppetWorld world;
  const auto a = puppet("a");
  world.activate(*a.spec);
  world.settle();
  world.find(a.id)->on_packet(packet_to(a, no_struct(type_id_of<Number>())));
  CHECK(world.report(a).health.set_aside == 1);
  CHECK(world.report(a).health.failed_turns == limits::attempts_max);
  world.find(a.id)->on_packet(packet_to(a, number_message(5), 2));
  CHECK(world.scripts["a"].numbers() == std::vector<std::uint64_t>{5});
}

TEST_CASE("a request that its sender did not send as one costs the message, not the process") {
  PuppetWorld world;
  const auto a = puppet("a");
  world.scripts["a"].on_number = [](PuppetBody& body, std::uint64_t value, Turn& turn) {
    body.numbers.push_back(value);
    if (value == 1) turn.reply<Number>(number(2));
  };
  world.activate(*a.spec);
  world.settle();
  world.find(a.id)->on_packet(packet_to(a, number_message(1)));
  const CellReport report = world.report(a);
  CHECK(report.health.set_aside == 1);
  CHECK(report.health.last_errors.back() ==
        "a reply to " + stranger.short_text() + ", whose message is no request");
  world.find(a.id)->on_packet(packet_to(a, number_message(5), 2));
  CHECK(world.scripts["a"].numbers() == std::vector<std::uint64_t>{5});
}

TEST_CASE("a message that comes again after a move with another size gives back what it took") {
  PuppetWorld world;
  const auto a = puppet("a");
  std::vector<HeldMessage> held;
  world.scripts["a"].on_number = [&](PuppetBody& body, std::uint64_t value, Turn& turn) {
    if (value == 1) return held.push_back(turn.hold());
    body.numbers.push_back(value);
  };
  world.activate(*a.spec);
  world.settle();
  const auto of_size = [&](std::uint64_t sequence, std::uint64_t credit_bytes) {
    auto packet = std::get<Envelope>(packet_to(a, number_message(sequence), sequence));
    packet.credit_bytes = credit_bytes;
    return Packet(packet);
  };
  world.find(a.id)->on_packet(of_size(1, 64));
  world.find(a.id)->on_packet(of_size(2, 100'000));  // Finished before the first one is.
  REQUIRE(world.move(a.id).ok());
  world.settle();
  world.scripts["a"].on_number = [](PuppetBody& body, std::uint64_t value, Turn&) {
    body.numbers.push_back(value);
  };
  world.find(a.id)->on_packet(of_size(1, 64));
  world.find(a.id)->on_packet(of_size(2, 64));
  CHECK(world.scripts["a"].numbers() == std::vector<std::uint64_t>{2, 1});
  world.find(a.id)->flush_acks();
  CHECK(world.report(a).in.at(0).finished == 2);
}

TEST_CASE("a snapshot with numbers that no actor ever has is refused") {
  PuppetWorld world;
  const auto a = puppet("a");
  const auto b = puppet("b");
  world.activate(*b.spec);
  world.run(a, [&](Turn& turn) {
    turn.send<Number>(b, number(1));
    turn.set_timer(1, std::chrono::seconds(1));
  });
  const auto saved = world.find(a.id)->snapshot();
  REQUIRE(saved.ok());
  const auto refused = [](CellSnapshot snapshot) {
    const auto bytes = encode(snapshot);
    REQUIRE(bytes.ok());
    const auto read = decode_cell_snapshot(*bytes);
    REQUIRE_FALSE(read.ok());
    CHECK(read.error().code == Code::corrupt);
    return read.error().message;
  };
  constexpr std::uint64_t huge = ~std::uint64_t{0} - 1;
  CellSnapshot snapshot = *saved;
  snapshot.streams.out.at(0).outbox.acknowledged = huge;
  CHECK(refused(snapshot).find("a number of a message") != std::string::npos);
  snapshot = *saved;
  snapshot.streams.out.at(0).outbox.credit.settled_bytes = huge;
  CHECK(refused(snapshot).find("a number of a message") != std::string::npos);
  snapshot = *saved;
  snapshot.streams.out.at(0).outbox.unacknowledged.push_back({Outgoing{}, huge});
  CHECK(refused(snapshot).find("a message's credit") != std::string::npos);
  snapshot = *saved;
  snapshot.timers[2] = Duration::max();
  CHECK(refused(snapshot).find("a time that is left") != std::string::npos);
  snapshot = *saved;
  snapshot.timers[2] = Duration(-1);
  CHECK(refused(snapshot).find("a time that is left") != std::string::npos);
}

}  // namespace omma::test
