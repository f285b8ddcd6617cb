// RateLimiter: which frames of a stream pass when somebody wants fewer than there are. It goes by
// media time, so that the same video gives the same frames at any speed.
//
// A plain class. It keeps an even beat: a frame passes when the beat's time has come, and what
// comes a little early (cameras jitter) counts as in time.
#pragma once

#include <cstdint>
#include <optional>

namespace omma {

class RateLimiter {
 public:
  // 0 lets every frame pass; may change at any time.
  bool passes(std::int64_t media_ns, double frames_per_second_max);

  std::optional<std::int64_t> next_ns() const { return next_ns_; }
  void restore(std::optional<std::int64_t> next_ns) { next_ns_ = next_ns; }

 private:
  std::optional<std::int64_t> next_ns_;  // The beat that is awaited; none before the first frame.
};

}  // namespace omma
