// What an outbox does about silence, losses, changed routes and ended lives.
#include "runtime/protocol/outbox.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

#include "runtime/base/limits.hpp"
#include "tests/runtime/protocol/outbox_bench.hpp"

namespace omma {
namespace {

using namespace std::chrono_literals;

TEST_CASE("an acknowledgement of a target's older life is ignored") {
  Bench bench(Channel::stream);
  bench.offer(1);
  bench.on_ack(bench.ack(1, 1, 1000, 0, first_life));
  bench.on_ack(bench.ack(1, 0, 1000, 0, 3));
  CHECK(bench.outbox.target_life() == 3);
  bench.on_ack(bench.ack(2, 1, 1200, 0, first_life));
  CHECK(bench.outbox.unacknowledged_messages() == 1);
  CHECK(bench.outbox.counters().ignored_acks == 1);
}

TEST_CASE("the first acknowledgement tells the target's life") {
  Bench bench(Channel::stream);
  bench.offer(1);
  bench.offer(2);
  const auto effects = bench.on_ack(bench.ack(2, 2, 1200));
  CHECK_FALSE(effects.target_life_ended);
  CHECK(effects.transmit.empty());
  CHECK(bench.outbox.target_life() == first_life);
  const auto next = bench.offer(3);
  CHECK(next.transmit.front().lives == StreamLives{sender_life, first_life});
  CHECK(next.transmit.front().sequence == 3);
  CHECK(bench.outbox.counters().lives_ended == 0);
}

TEST_CASE("an impossible acknowledgement tells no life") {
  Bench bench(Channel::fresh);
  bench.offer(1);
  bench.on_ack(bench.ack(57, 56, 9000));
  CHECK(bench.outbox.target_life() == 0);
  CHECK_FALSE(bench.on_ack(bench.ack(1, 0, 1000, 0, 3)).target_life_ended);
}

TEST_CASE("a later life, which refuses what is addressed to none, is sent it again by name") {
  for (const Channel channel : {Channel::stream, Channel::fresh}) {
    Bench bench(channel);
    bench.offer(1);
    bench.offer(2);
    const auto effects = bench.on_ack(bench.ack(1, 0, 1000, 0, 9));
    CHECK(sent_in(effects).sequences == Numbers{1, 2});
    CHECK(effects.transmit.front().lives == StreamLives{sender_life, 9});
    CHECK_FALSE(effects.target_life_ended);
    CHECK(bench.outbox.counters().lives_ended == 0);
  }
}

TEST_CASE(
    "when the target's life ends a reliable stream begins again with what is unacknowledged") {
  Bench bench(Channel::stream);
  for (std::uint64_t n = 1; n <= 6; ++n) bench.offer(n);
  bench.on_ack(bench.ack(4, 5, 1600));
  CHECK(bench.outbox.unacknowledged_messages() == 3);
  const auto effects = bench.on_ack(bench.ack(1, 0, 1000, 0, 3));
  CHECK(effects.target_life_ended);
  CHECK(sent_in(effects).sequences == Numbers{1, 2, 3});
  CHECK(sent_in(effects).contents == Numbers{4, 5, 6});
  CHECK(effects.transmit.front().lives == StreamLives{sender_life, 3});
  CHECK(bench.outbox.counters().lives_ended == 1);
  CHECK(bench.outbox.unacknowledged_bytes() == 600);
  CHECK(sent_in(bench.offer(7)).sequences == Numbers{4});
  bench.on_ack(bench.ack(5, 4, 1800, 0, 3));
  CHECK(bench.outbox.quiet());
}

TEST_CASE("when the target's life ends a fresh stream counts what was unacknowledged as lost") {
  Bench bench(Channel::fresh);
  for (std::uint64_t n = 1; n <= 6; ++n) bench.offer(n);
  bench.on_ack(bench.ack(2, 5, 1000));
  const auto effects = bench.on_ack(bench.ack(1, 0, 1000, 0, 3));
  CHECK(effects.target_life_ended);
  CHECK(effects.dropped == std::vector<TraceId>{{77, 2}, {77, 3}, {77, 4}, {77, 5}});
  CHECK(bench.outbox.counters().lost_with_life == 4);
  CHECK(sent_in(effects).sequences == Numbers{1});
  CHECK(sent_in(effects).contents == Numbers{6});
}

TEST_CASE("after silence the outbox probes and sends nothing again") {
  Bench bench(Channel::stream);
  bench.offer(1);
  CHECK(bench.outbox.next_deadline() == bench.clock.now() + limits::resend_after);
  CHECK_FALSE(bench.wait(limits::resend_after - 1ns).probe);
  const auto effects = bench.wait(1ns);
  REQUIRE(effects.probe);
  CHECK(effects.probe->stream == bench.stream);
  CHECK(effects.probe->lives == StreamLives{sender_life, 0});
  CHECK(effects.probe->probe == 1);
  CHECK(effects.transmit.empty());
  CHECK(bench.outbox.counters().probes == 1);
}

TEST_CASE("messages sent later do not put the probe off") {
  Bench bench(Channel::stream);
  bench.offer(1, 64);
  bench.clock.advance(limits::resend_after / 2);
  bench.offer(2, 64);
  CHECK(bench.wait(limits::resend_after / 2).probe);
}

TEST_CASE("an acknowledgement that tells nothing new does not put the probe off") {
  Bench bench(Channel::stream);
  bench.offer(1);
  const auto deadline = bench.outbox.next_deadline();
  bench.clock.advance(limits::resend_after / 2);
  bench.on_ack(bench.ack(1, 1, 1000));
  CHECK(bench.outbox.next_deadline() == deadline);
  bench.wait(limits::resend_after);
  bench.wait(limits::resend_after * 2);
  bench.on_ack(bench.ack(1, 1, 1000, 1));  // The first probe's answer, late.
  CHECK(*bench.outbox.next_deadline() - bench.clock.now() > limits::resend_after);
}

TEST_CASE("silence is borne half as long again each time, up to the maximum") {
  Bench bench(Channel::stream);
  bench.offer(1);
  Duration expected = limits::resend_after;
  for (int i = 0; i < 10; ++i) {
    CAPTURE(i);
    CHECK(*bench.outbox.next_deadline() - bench.clock.now() == expected);
    CHECK(bench.wait(expected).probe);
    expected = std::min<Duration>(expected + expected / 2, limits::resend_after_max);
  }
  bench.on_ack(bench.ack(1, 1, 1000, 10));
  CHECK(*bench.outbox.next_deadline() - bench.clock.now() == limits::resend_after);
}

TEST_CASE("after three silent probes each further deadline asks the directory once") {
  Bench bench(Channel::stream);
  bench.offer(1);
  for (unsigned i = 0; i < limits::silent_resends_before_lookup; ++i) {
    CHECK_FALSE(bench.wait(limits::resend_after_max).ask_directory);
  }
  CHECK(bench.wait(limits::resend_after_max).ask_directory);
  CHECK(bench.wait(limits::resend_after_max).ask_directory);
  CHECK_FALSE(bench.wait(1ns).ask_directory);
  bench.on_ack(bench.ack(1, 1, 1000, 5));
  CHECK_FALSE(bench.wait(limits::resend_after_max).ask_directory);
}

TEST_CASE("what the probe did not find is sent again with the same numbers") {
  Bench bench(Channel::stream);
  for (std::uint64_t n = 1; n <= 3; ++n) bench.offer(n);
  bench.wait(limits::resend_after);
  bench.offer(4);  // After the probe, so it says nothing of this one.
  const auto effects = bench.on_ack(bench.ack(1, 1, 1000, 1));
  CHECK(sent_in(effects).sequences == Numbers{2, 3});
  CHECK(sent_in(effects).contents == Numbers{2, 3});
  CHECK(bench.outbox.counters().resent == 2);
  CHECK(bench.on_ack(bench.ack(1, 1, 1000, 1)).transmit.empty());  // The answer, twice.
}

TEST_CASE("a target that is slow but has everything causes no resend") {
  Bench bench(Channel::stream);
  for (std::uint64_t n = 1; n <= 5; ++n) bench.offer(n);
  for (std::uint64_t probe = 1; probe <= 50; ++probe) {
    CHECK(bench.wait(limits::resend_after).probe);
    CHECK(bench.on_ack(bench.ack(1, 5, 1000, probe)).transmit.empty());
  }
  CHECK(bench.outbox.counters().resent == 0);
}

TEST_CASE("only the answer to the latest probe tells what is lost") {
  Bench bench(Channel::stream);
  bench.offer(1);
  bench.wait(limits::resend_after);
  bench.wait(limits::resend_after * 2);
  CHECK(bench.on_ack(bench.ack(1, 0, 1000, 1)).transmit.empty());
  CHECK(bench.on_ack(bench.ack(1, 0, 1000, 0)).transmit.empty());
  CHECK(sent_in(bench.on_ack(bench.ack(1, 0, 1000, 2))).sequences == Numbers{1});
}

TEST_CASE("the answer to a probe restores credit whose acknowledgement got lost") {
  Bench bench(Channel::stream);
  for (std::uint64_t n = 1; n <= 6; ++n) bench.offer(n);
  REQUIRE(bench.wait(limits::resend_after).probe);
  const auto effects = bench.on_ack(bench.ack(6, 5, 2000, 1));
  CHECK(sent_in(effects).contents == Numbers{6});
  CHECK(bench.outbox.counters().resent == 0);
}

TEST_CASE("a changed route is probed at once, and its epoch only grows") {
  Bench bench(Channel::stream);
  CHECK_FALSE(bench.outbox.on_route_changed(4, bench.clock.now()).probe);
  CHECK(bench.offer(1).transmit.front().target_epoch == 4);
  const auto effects = bench.outbox.on_route_changed(6, bench.clock.now());
  REQUIRE(effects.probe);
  CHECK(effects.probe->target_epoch == 6);
  CHECK(bench.outbox.on_route_changed(5, bench.clock.now()).probe);
  CHECK(bench.outbox.target_epoch() == 6);
}

TEST_CASE("a probe of the old life resends nothing in the new one") {
  Bench bench(Channel::stream);
  bench.offer(1);
  bench.on_ack(bench.ack(1, 1, 1000));
  bench.wait(limits::resend_after);
  CHECK(bench.on_ack(bench.ack(1, 0, 1000, 0, 3)).transmit.size() == 1);
  CHECK(bench.on_ack(bench.ack(1, 0, 1000, 1, 3)).transmit.empty());
}

}  // namespace
}  // namespace omma
