#include "runtime/link/wire_packet.hpp"

#include <capnp/message.h>
#include <kj/async-io.h>

#include <catch2/catch.hpp>

#include "runtime/base/limits.hpp"
#include "tests/runtime/link/test_node.hpp"

using namespace omma;
using namespace omma::test;

namespace {

// Two streams joined by a pipe, on one event loop.
struct Wire {
  Wire()
      : io(kj::setupAsyncIo()),
        pool(std::make_shared<BufferPool>(std::size_t{64} << 20)),
        pipe(io.provider->newTwoWayPipe()),
        near(kj::mv(pipe.ends[0]), pool, limits::link_call_bytes_max),
        far(kj::mv(pipe.ends[1]), pool, limits::link_call_bytes_max) {}

  // Sends them as a call's parameters would be, and decodes what arrives.
  Result<std::vector<Packet>> carry(const std::vector<Packet>& packets) {
    capnp::MallocMessageBuilder builder(static_cast<kj::uint>(inline_words_of(packets) + 64));
    auto params = builder.initRoot<wire::Door::DeliverParams>();
    encode(packets, params.initPackets(static_cast<kj::uint>(packets.size())), near);
    segments = builder.getSegmentsForOutput().size();
    auto written = near.writeMessage(nullptr, builder.getSegmentsForOutput());
    auto read = far.tryReadMessage(nullptr, {1 << 30, 64}, nullptr).wait(io.waitScope);
    written.wait(io.waitScope);
    auto& message = KJ_REQUIRE_NONNULL(read);
    return decode(message.reader->getRoot<wire::Door::DeliverParams>().getPackets(), far, *pool);
  }

  kj::AsyncIoContext io;
  std::shared_ptr<BufferPool> pool;
  kj::TwoWayPipe pipe;
  LinkStream near;
  LinkStream far;
  std::size_t segments = 0;
};

std::vector<Packet> one_of_each() {
  Envelope envelope{.stream = {{1, 2}, {3, 4}, Channel::stream},
                    .lives = {5, 6},
                    .target_epoch = 7,
                    .sender_epoch = 14,
                    .sequence = 8,
                    .credit_bytes = 9,
                    .correlation = 10,
                    .is_reply = true,
                    .deadline_ns = -11,
                    .trace = {12, 13},
                    .message = message_of("text", {blob_of(3, 1), Blob{}, blob_of(1 << 20, 2)})};
  return {envelope,
          Ack{.stream = {{~0ull, 1}, {2, ~0ull}, Channel::control},
              .lives = {3, 4},
              .target_epoch = 5,
              .next = 6,
              .received = 7,
              .credit_limit_bytes = 8,
              .probe = 9},
          Probe{.stream = {{1, 1}, {2, 2}, Channel::fresh},
                .lives = {3, 0},
                .target_epoch = 4,
                .sender_epoch = 6,
                .probe = 5},
          Envelope{}};
}

void check_equal(const Message& got, const Message& sent) {
  REQUIRE(got.is_null() == sent.is_null());
  if (sent.is_null()) return;
  CHECK(got.type_id() == sent.type_id());
  CHECK(text_of(got) == text_of(sent));
  REQUIRE(got.payloads().size() == sent.payloads().size());
  for (std::size_t i = 0; i < sent.payloads().size(); ++i) {
    const auto a = got.payloads()[i].bytes();
    const auto b = sent.payloads()[i].bytes();
    CHECK(std::equal(a.begin(), a.end(), b.begin(), b.end()));
  }
}

}  // namespace

TEST_CASE("every field of every kind of packet survives the wire") {
  Wire wire;
  const std::vector<Packet> sent = one_of_each();
  auto got = wire.carry(sent);
  REQUIRE(got.ok());
  REQUIRE(got->size() == sent.size());
  for (std::size_t i : {0u, 3u}) {
    const auto& a = std::get<Envelope>((*got)[i]);
    const auto& b = std::get<Envelope>(sent[i]);
    CHECK(a.stream == b.stream);
    CHECK(a.lives == b.lives);
    CHECK(a.target_epoch == b.target_epoch);
    CHECK(a.sender_epoch == b.sender_epoch);
    CHECK(a.sequence == b.sequence);
    CHECK(a.credit_bytes == b.credit_bytes);
    CHECK(a.correlation == b.correlation);
    CHECK(a.is_reply == b.is_reply);
    CHECK(a.deadline_ns == b.deadline_ns);
    CHECK(a.trace == b.trace);
    check_equal(a.message, b.message);
  }
  const auto& ack = std::get<Ack>((*got)[1]);
  const auto& sent_ack = std::get<Ack>(sent[1]);
  CHECK(ack.stream == sent_ack.stream);
  CHECK(ack.lives == sent_ack.lives);
  CHECK(ack.target_epoch == 5);
  CHECK(ack.next == 6);
  CHECK(ack.received == 7);
  CHECK(ack.credit_limit_bytes == 8);
  CHECK(ack.probe == 9);
  const auto& probe = std::get<Probe>((*got)[2]);
  CHECK(probe.stream == std::get<Probe>(sent[2]).stream);
  CHECK(probe.lives == std::get<Probe>(sent[2]).lives);
  CHECK(probe.target_epoch == 4);
  CHECK(probe.sender_epoch == 6);
  CHECK(probe.probe == 5);
}

TEST_CASE("a large part is sent from where it lies and received into one pooled buffer") {
  Wire wire;
  const Blob pixels = blob_of(6'220'800, 3);
  const Message message = message_of("frame", {pixels});
  auto got = wire.carry({envelope_of(1, Channel::stream, message)});
  REQUIRE(got.ok());
  CHECK(wire.segments == 2);
  const Message& received = std::get<Envelope>((*got)[0]).message;
  CHECK(reinterpret_cast<std::uintptr_t>(received.payloads()[0].data()) % 64 == 0);
  // Two buffers in all, the small segment's and the picture's; a small struct lies in its message.
  CHECK(wire.pool->stats().buffers_made == 2);
  check_equal(received, message);
}

TEST_CASE("parts of odd sizes and places arrive as they were") {
  Wire wire;
  const Blob whole = blob_of(100'000, 5);
  for (const std::size_t offset : {0u, 1u, 8u}) {
    for (const std::size_t size : {0u, 1u, 16'383u, 16'384u, 16'385u, 50'000u}) {
      const Message message = message_of("part", {whole.part(offset, size)});
      auto got = wire.carry({envelope_of(1, Channel::stream, message)});
      REQUIRE(got.ok());
      check_equal(std::get<Envelope>((*got)[0]).message, message);
    }
  }
}

TEST_CASE("a received message can be sent on as it is") {
  Wire wire;
  const Message message = message_of("relay", {blob_of(40'000, 5)});
  auto once = wire.carry({envelope_of(1, Channel::stream, message)});
  REQUIRE(once.ok());
  auto twice = wire.carry(*once);
  REQUIRE(twice.ok());
  check_equal(std::get<Envelope>((*twice)[0]).message, message);
}

TEST_CASE("a packet of an unknown channel or with too many payloads is refused") {
  Wire wire;
  capnp::MallocMessageBuilder builder;
  auto packets = builder.initRoot<wire::Door::DeliverParams>().initPackets(1);
  packets[0].setChannel(3);
  auto result = decode(packets.asReader(), wire.far, *wire.pool);
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == Code::corrupt);
  packets[0].setChannel(0);
  auto body = packets[0].initEnvelope().initMessage();
  body.initWords(8);
  body.initPayloads(limits::payloads_per_message_max + 1);
  result = decode(packets.asReader(), wire.far, *wire.pool);
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == Code::over_limit);
}

TEST_CASE("a call that announces more than the limit is refused before memory is taken") {
  Wire wire;
  wire.far.set_call_bytes_max(1 << 20);
  const Message large = message_of("large", {blob_of(2 << 20, 5)});
  const auto made = wire.pool->stats().buffers_made;
  CHECK_THROWS_AS(wire.carry({envelope_of(1, Channel::stream, large)}), kj::Exception);
  CHECK(wire.pool->stats().buffers_made == made);
  REQUIRE(wire.far.end_state().has_value());
  CHECK(wire.far.end_state()->malformed);
}
