// ClockOffset: how far a peer's steady clock is ahead of ours, from round trips (as in NTP, RFC
// 5905 section 8). A request leaves here at `sent` and its answer comes back at `received`, by our
// clock; the peer had it from `peer_received` to `peer_sent`, by its own:
//
//   offset = ((peer_received - sent) + (peer_sent - received)) / 2, wrong by at most rtt / 2
//
// Whatever delayed a message on one way only shifts the offset, so of the latest round trips the
// shortest is believed; a round trip that is long says little. The two clocks drift apart, so a
// sample's bound grows with its age, and with it a newer one wins in the end.
//
// A plain class: times are handed in. Owned by one thread.
#pragma once

#include "runtime/base/time.hpp"

#include <cstddef>
#include <deque>
#include <optional>

namespace omma {

class ClockOffset {
 public:
  struct RoundTrip {
    Instant sent{};
    Instant peer_received{};  // These two by the peer's clock.
    Instant peer_sent{};
    Instant received{};
  };
  struct Estimate {
    Duration ahead{};  // The peer's clock less ours.
    Duration error{};  // It is off by at most this, either way.
    std::size_t samples = 0;
  };

  // False, and nothing changed, when the times contradict each other: an answer before its request,
  // or a peer that had it for longer than the whole took.
  bool add(const RoundTrip& trip);
  // None before the first round trip.
  std::optional<Estimate> estimate(Instant now) const;

 private:
  struct Sample {
    Instant when{};
    Duration ahead{};
    Duration error{};
  };
  static Duration error_of(const Sample& sample, Instant now);

  std::deque<Sample> samples_;  // The latest limits::clock_samples_max, the oldest first.
};

}  // namespace omma
