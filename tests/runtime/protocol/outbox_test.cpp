#include "runtime/protocol/outbox.hpp"

#include <catch2/catch.hpp>

#include "runtime/base/limits.hpp"
#include "tests/runtime/protocol/outbox_bench.hpp"

namespace omma {
namespace {

using namespace std::chrono_literals;

TEST_CASE("the limits of every channel come from limits.hpp") {
  for (const Channel channel : {Channel::control, Channel::stream, Channel::fresh}) {
    CHECK(OutboxLimits::of(channel).window_bytes == limits::stream_window_bytes);
    CHECK(OutboxLimits::of(channel).unacknowledged_messages_max ==
          limits::unacknowledged_messages_max);
  }
  CHECK(OutboxLimits::of(Channel::stream).waiting_bytes_max == limits::reliable_waiting_bytes_max);
  CHECK(OutboxLimits::of(Channel::fresh).waiting_messages_max ==
        limits::fresh_waiting_messages_max);
}

TEST_CASE("a message gets its number when it first leaves") {
  Bench bench(Channel::stream);
  const auto effects = bench.offer(100);
  REQUIRE(effects.transmit.size() == 1);
  const Envelope& envelope = effects.transmit.front();
  CHECK(envelope.stream == bench.stream);
  CHECK(envelope.lives == StreamLives{sender_life, 0});
  CHECK(envelope.sequence == 1);
  CHECK(envelope.credit_bytes == 200);
  CHECK(envelope.trace == TraceId{77, 100});
  CHECK_FALSE(effects.probe);
  CHECK(sent_in(bench.offer(101)).sequences == Numbers{2});
  CHECK(bench.outbox.unacknowledged_bytes() == 400);
}

TEST_CASE("past the window messages wait, and leave as credit comes") {
  Bench bench(Channel::stream);
  for (std::uint64_t n = 1; n <= 5; ++n) CHECK(bench.offer(n).transmit.size() == 1);
  CHECK(bench.offer(6).transmit.empty());
  CHECK(bench.outbox.waiting_messages() == 1);
  CHECK(bench.outbox.waiting_bytes() == 200);
  const auto effects = bench.on_ack(bench.ack(2, 5, 1200));
  CHECK(sent_in(effects).sequences == Numbers{6});
  CHECK(bench.outbox.waiting_bytes() == 0);
  CHECK(bench.outbox.counters().acknowledged == 1);
}

TEST_CASE("a message larger than the window leaves alone") {
  Bench bench(Channel::stream);
  CHECK(bench.offer(1, 1900).transmit.size() == 1);
  CHECK(bench.offer(2, 64).transmit.empty());
  CHECK(sent_in(bench.on_ack(bench.ack(2, 1, 2900))).contents == Numbers{2});
}

TEST_CASE("unacknowledged messages are bounded in number") {
  Bench bench(Channel::stream);
  for (std::uint64_t n = 1; n <= 9; ++n) bench.offer(n, 64);
  CHECK(bench.outbox.unacknowledged_messages() == 8);
  CHECK(bench.outbox.waiting_messages() == 1);
}

TEST_CASE("a full reliable stream refuses and says the number and the limit") {
  Bench bench(Channel::control);
  for (std::uint64_t n = 1; n <= 10; ++n) bench.offer(n);
  CHECK_FALSE(bench.outbox.has_room(1, 200));
  auto refused = bench.try_offer(11, 200);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Code::overloaded);
  CHECK(refused.error().message.find("limit 5 messages") != std::string::npos);
  CHECK(bench.outbox.counters().offered == 10);
  CHECK(bench.outbox.waiting_messages() == 5);
}

TEST_CASE("has_room counts messages and bytes") {
  Bench bench(Channel::control);
  CHECK(bench.outbox.has_room(5, 2000));
  CHECK_FALSE(bench.outbox.has_room(6, 100));
  CHECK_FALSE(bench.outbox.has_room(1, 2001));
  bench.offer(1, 1000);
  bench.offer(2, 1500);
  CHECK(bench.outbox.has_room(4, 500));
  CHECK_FALSE(bench.outbox.has_room(5, 500));
  CHECK_FALSE(bench.outbox.has_room(1, 501));
  CHECK(Bench(Channel::fresh).outbox.has_room(1'000'000, 1u << 30));
}

TEST_CASE("a message that no credit could cover is refused") {
  Bench reliable(Channel::stream);
  auto refused = reliable.try_offer(1, 2001);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Code::over_limit);
  CHECK(reliable.outbox.quiet());
  CHECK(Bench(Channel::fresh).try_offer(1, 2001).ok());
  // Sixteen payloads share one block, so that no such memory is needed.
  const Blob block = Blob::copy_of(std::vector<std::byte>(9 << 20));
  const std::vector<Blob> payloads(limits::payloads_per_message_max, block);
  Bench fresh(Channel::fresh);
  auto too_large = fresh.outbox.offer(
      {.message = Message::build<FrameTag>([](FrameTag::Builder) {}, payloads), .trace = {}},
      fresh.clock.now(), fresh.wall_ns());
  REQUIRE_FALSE(too_large.ok());
  CHECK(too_large.error().code == Code::over_limit);
}

TEST_CASE("a full fresh stream drops the oldest waiting and counts it") {
  Bench bench(Channel::fresh);
  for (std::uint64_t n = 1; n <= 10; ++n) CHECK(bench.offer(n).dropped.empty());
  const auto effects = bench.offer(11);
  REQUIRE(effects.dropped.size() == 1);
  CHECK(effects.dropped.front() == TraceId{77, 6});
  CHECK(bench.outbox.counters().dropped_full == 1);
  CHECK(bench.outbox.waiting_messages() == 5);
  // Numbers stay without a gap, since only what had none was dropped.
  const auto released = sent_in(bench.on_ack(bench.ack(3, 5, 1400)));
  CHECK(released.sequences == Numbers{6, 7});
  CHECK(released.contents == Numbers{7, 8});
}

TEST_CASE("a fresh stream is bounded in bytes, but keeps the newest") {
  Bench bench(Channel::fresh);
  bench.offer(1, 1000);
  bench.offer(2, 900);
  bench.offer(3, 900);
  CHECK(bench.offer(4, 900).dropped.size() == 1);
  CHECK(bench.outbox.waiting_bytes() == 1800);
  CHECK(bench.offer(5, 5000).dropped.size() == 2);
  CHECK(bench.outbox.waiting_messages() == 1);
  CHECK(bench.outbox.waiting_bytes() == 5000);
}

TEST_CASE("a fresh message whose deadline passed while it waited is dropped as expired") {
  Bench bench(Channel::fresh);
  bench.offer(1, 1000);
  bench.offer(2, 200, bench.wall_ns() + 100'000'000);
  bench.offer(3, 200, bench.wall_ns() + 300'000'000);
  bench.offer(4, 200);
  CHECK(bench.wait(100ms).dropped.empty());
  const auto effects = bench.wait(1ms);
  REQUIRE(effects.dropped.size() == 1);
  CHECK(effects.dropped.front() == TraceId{77, 2});
  bench.clock.advance(250ms);
  const auto opened = bench.on_ack(bench.ack(2, 1, 2000));
  REQUIRE(opened.dropped.size() == 1);
  CHECK(opened.dropped.front() == TraceId{77, 3});
  CHECK(sent_in(opened).contents == Numbers{4});
  CHECK(bench.outbox.counters().dropped_expired == 2);
  CHECK(bench.outbox.waiting_bytes() == 0);
}

TEST_CASE("a reliable message is never dropped for its deadline, nor a numbered fresh one") {
  Bench reliable(Channel::stream);
  reliable.offer(1, 1000);
  reliable.offer(2, 200, reliable.wall_ns() + 1);
  CHECK(reliable.wait(100ms).dropped.empty());
  CHECK(reliable.outbox.waiting_messages() == 1);
  Bench fresh(Channel::fresh);
  fresh.offer(1, 200, fresh.wall_ns() + 1);
  CHECK(fresh.wait(100ms).dropped.empty());
  CHECK(fresh.outbox.unacknowledged_messages() == 1);
}

TEST_CASE("an acknowledgement covers all numbers below it") {
  Bench bench(Channel::stream);
  for (std::uint64_t n = 1; n <= 4; ++n) bench.offer(n);
  bench.on_ack(bench.ack(4, 4, 1600));
  CHECK(bench.outbox.unacknowledged_messages() == 1);
  CHECK(bench.outbox.unacknowledged_bytes() == 200);
  CHECK(bench.outbox.counters().acknowledged == 3);
  bench.on_ack(bench.ack(5, 4, 1800));
  CHECK(bench.outbox.quiet());
  CHECK_FALSE(bench.outbox.next_deadline());
}

TEST_CASE("a stale, foreign or impossible acknowledgement changes nothing and is counted") {
  Bench bench(Channel::stream);
  bench.outbox.on_route_changed(4, bench.clock.now());
  for (std::uint64_t n = 1; n <= 5; ++n) bench.offer(n);
  bench.on_ack(bench.ack(3, 5, 1400));
  bench.offer(6);
  bench.offer(7);
  bench.offer(8);
  const Ack good = bench.ack(4, 6, 1600);
  std::vector<Ack> bad(9, good);
  bad[0].next = 2;  // Late.
  bad[1].next = 9;  // Of what was never numbered.
  bad[1].received = 8;
  bad[2].received = 9;  // As before.
  bad[3].received = 2;  // Processed but not received.
  bad[4].stream.channel = Channel::control;
  bad[5].lives.sender = sender_life - 1;
  bad[6].lives.target = 0;
  bad[7].target_epoch = 3;  // A fenced copy.
  bad[8].next = 0;
  const auto deadline = bench.outbox.next_deadline();
  bench.clock.advance(10ms);
  for (std::size_t i = 0; i < bad.size(); ++i) {
    CAPTURE(i);
    CHECK(bench.on_ack(bad[i]).transmit.empty());
    CHECK(bench.outbox.counters().ignored_acks == i + 1);
    CHECK(bench.outbox.unacknowledged_messages() == 5);
    CHECK(bench.outbox.next_deadline() == deadline);
  }
  CHECK(bench.on_ack(good).transmit.size() == 1);
}

TEST_CASE("a stream with a few messages waiting holds its actor back") {
  Bench stream(Channel::stream);
  Bench control(Channel::control);
  Bench fresh(Channel::fresh);
  for (std::uint64_t n = 1; n <= 5 + limits::backpressure_waiting_messages; ++n) {
    CHECK_FALSE(stream.outbox.blocked());
    for (Bench* bench : {&stream, &control, &fresh}) bench->offer(n);
  }
  CHECK(stream.outbox.blocked());
  CHECK_FALSE(control.outbox.blocked());
  CHECK_FALSE(fresh.outbox.blocked());
}

TEST_CASE("in-flight messages are told by the camera that they descend from") {
  Bench bench(Channel::stream);
  for (std::uint64_t n = 1; n <= 7; ++n) bench.offer(n);
  CHECK(bench.outbox.in_flight_by_origin() == std::map<std::uint64_t, std::uint64_t>{{77, 7}});
  bench.on_ack(bench.ack(3, 5, 1400));
  CHECK(bench.outbox.in_flight_by_origin() == std::map<std::uint64_t, std::uint64_t>{{77, 5}});
}

}  // namespace
}  // namespace omma
