#include "runtime/media/pacer.hpp"

#include <algorithm>

#include "runtime/base/check.hpp"

namespace omma {

void Pacer::restart(Instant start, Duration media_start) {
  start_ = start;
  media_start_ = media_start;
}

Instant Pacer::due(Duration media_time) const {
  if (mode_ == Mode::as_fast_as_possible) return start_;
  return start_ + (media_time - media_start_);
}

Duration Pacer::until_due(Duration media_time, Instant now) const {
  if (mode_ == Mode::as_fast_as_possible) return Duration(0);
  return std::max(due(media_time) - now, Duration(0));
}

std::uint64_t Pacer::frames_late(Duration media_time, Duration frame_interval, Instant now) const {
  OMMA_CHECK(frame_interval > Duration(0), frame_interval.count());
  if (mode_ == Mode::as_fast_as_possible) return 0;
  const Duration late = now - due(media_time);
  return late <= Duration(0) ? 0 : static_cast<std::uint64_t>(late / frame_interval);
}

}  // namespace omma
