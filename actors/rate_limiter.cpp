#include "actors/rate_limiter.hpp"

#include <algorithm>
#include <cmath>

namespace omma {
namespace {

// What a camera repeats after a crash is far less; a source that was opened anew may count its time
// from 0 again, and must not be silent until it has caught up.
constexpr std::int64_t back_to_start_ns = 60'000'000'000;

}  // namespace

bool RateLimiter::passes(std::int64_t media_ns, double frames_per_second_max) {
  if (frames_per_second_max <= 0) return true;
  const auto interval_ns = std::max<std::int64_t>(1, std::llround(1e9 / frames_per_second_max));
  if (!next_ns_ || *next_ns_ - media_ns > back_to_start_ns + interval_ns) {
    next_ns_ = media_ns + interval_ns;
    return true;
  }
  if (media_ns + interval_ns / 8 < *next_ns_) return false;
  // After a gap the beat begins anew: lost frames are not made up for.
  const bool gap = media_ns - *next_ns_ > interval_ns;
  next_ns_ = (gap ? media_ns : *next_ns_) + interval_ns;
  return true;
}

}  // namespace omma
