// When the next frame of a video is due, if the video is to be played at its own speed.
//
// A pure class: the time is handed in. Not thread-safe; one owner.
#pragma once

#include "runtime/base/time.hpp"

#include <cstdint>

namespace omma {

class Pacer {
 public:
  enum class Mode : unsigned char {
    by_timestamps,        // As a camera would: each frame at its media time.
    as_fast_as_possible,  // Whoever takes the frames sets the pace.
  };

  // The frame with this media time is due at `start`, the others by their distance to it.
  Pacer(Mode mode, Instant start, Duration media_start = Duration(0))
      : mode_(mode), start_(start), media_start_(media_start) {}

  // After a seek, or when the source has stalled and the lost time is not to be made up.
  void restart(Instant start, Duration media_start);

  Instant due(Duration media_time) const;
  // 0 when it is due already, and always when as fast as possible.
  Duration until_due(Duration media_time, Instant now) const;
  // How many whole frames the frame with this media time comes too late; a live camera would have
  // dropped as many. 0 when as fast as possible. frame_interval > 0.
  std::uint64_t frames_late(Duration media_time, Duration frame_interval, Instant now) const;

 private:
  Mode mode_;
  Instant start_;
  Duration media_start_;
};

}  // namespace omma
