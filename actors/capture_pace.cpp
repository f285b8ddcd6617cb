#include "actors/capture_pace.hpp"

namespace omma {

CapturePace::Verdict CapturePace::decide(Duration media_time, Duration frame_interval,
                                         Instant now) {
  if (!by_timestamps_) return {};
  if (!pacer_) pacer_.emplace(Pacer::Mode::by_timestamps, now, media_time);
  const Duration wait = pacer_->until_due(media_time, now);
  if (wait > Duration(0)) return {Action::wait, wait};
  if (!drop_late_ || frame_interval <= Duration(0)) return {};
  if (now - pacer_->due(media_time) > stalled_after) {
    pacer_->restart(now, media_time);
  } else if (pacer_->frames_late(media_time, frame_interval, now) > 0 &&
             late_in_a_row_ < late_in_a_row_max) {
    ++late_in_a_row_;
    return {Action::drop, Duration(0)};
  }
  late_in_a_row_ = 0;
  return {};
}

}  // namespace omma
