#include "runtime/protocol/clock_offset.hpp"

#include <algorithm>

#include "runtime/base/limits.hpp"

namespace omma {

bool ClockOffset::add(const RoundTrip& trip) {
  const Duration whole = trip.received - trip.sent;
  const Duration at_peer = trip.peer_sent - trip.peer_received;
  if (at_peer < Duration::zero() || whole < at_peer) return false;
  const Duration ahead = ((trip.peer_received - Instant{}) - (trip.sent - Instant{}) +
                          (trip.peer_sent - Instant{}) - (trip.received - Instant{})) /
                         2;
  // Rounded up: half of an odd number of nanoseconds is not lost.
  samples_.push_back({trip.received, ahead, (whole - at_peer + Duration(1)) / 2});
  if (samples_.size() > limits::clock_samples_max) samples_.pop_front();
  return true;
}

Duration ClockOffset::error_of(const Sample& sample, Instant now) {
  const Duration age = std::max(now - sample.when, Duration::zero());
  return sample.error + age / (1'000'000 / limits::clock_drift_per_million);
}

std::optional<ClockOffset::Estimate> ClockOffset::estimate(Instant now) const {
  if (samples_.empty()) return std::nullopt;
  const auto best = std::min_element(
      samples_.begin(), samples_.end(),
      [&](const Sample& a, const Sample& b) { return error_of(a, now) < error_of(b, now); });
  return Estimate{best->ahead, error_of(*best, now), samples_.size()};
}

}  // namespace omma
