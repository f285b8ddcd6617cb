// An outbox under test, with a clock and the answers of a target.
#pragma once

#include "runtime/base/time.hpp"
#include "runtime/protocol/outbox.hpp"
#include "tests/runtime/protocol/numbered_message.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <vector>

namespace omma {

inline constexpr std::uint64_t sender_life = 5;
inline constexpr OutboxLimits small_limits{.window_bytes = 1000,
                                           .waiting_bytes_max = 2000,
                                           .waiting_messages_max = 5,
                                           .unacknowledged_messages_max = 8};

struct Sent {
  std::vector<std::uint64_t> sequences;
  std::vector<std::uint64_t> contents;
};

inline Sent sent_in(const Outbox::Effects& effects) {
  Sent sent;
  for (const Envelope& envelope : effects.transmit) {
    sent.sequences.push_back(envelope.sequence);
    sent.contents.push_back(number_of(envelope.message));
  }
  return sent;
}

using Numbers = std::vector<std::uint64_t>;

class Bench {
 public:
  explicit Bench(Channel channel, OutboxLimits limits = small_limits)
      : stream{.sender = {1, 2}, .target = {3, 4}, .channel = channel},
        outbox(stream, sender_life, limits) {}

  Outbox::Effects offer(std::uint64_t number, std::size_t bytes = 200, std::int64_t deadline = 0) {
    auto effects = try_offer(number, bytes, deadline);
    REQUIRE(effects.ok());
    return *effects;
  }
  Result<Outbox::Effects> try_offer(std::uint64_t number, std::size_t bytes,
                                    std::int64_t deadline = 0) {
    return outbox.offer({.message = numbered_message(number, bytes),
                         .correlation = 0,
                         .is_reply = false,
                         .deadline_ns = deadline,
                         .trace = {.origin = 77, .sequence = number}},
                        clock.now(), wall_ns());
  }
  Ack ack(std::uint64_t next, std::uint64_t received, std::uint64_t credit_limit,
          std::uint64_t probe = 0, std::uint64_t life = first_life) const {
    return {.stream = stream,
            .lives = {sender_life, life},
            .target_epoch = outbox.target_epoch(),
            .next = next,
            .received = received,
            .credit_limit_bytes = credit_limit,
            .probe = probe};
  }
  Outbox::Effects on_ack(const Ack& a) { return outbox.on_ack(a, clock.now()); }
  Outbox::Effects wait(Duration time) {
    clock.advance(time);
    return outbox.on_time(clock.now(), wall_ns());
  }
  std::int64_t wall_ns() const { return nanoseconds_of(clock.wall_now()) + 1'000'000; }

  StreamId stream;
  ManualClock clock;
  Outbox outbox;
};

}  // namespace omma
