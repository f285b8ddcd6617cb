// CapturePace: when a frame that a camera has read counts as captured. By timestamps a frame waits
// until its time has come; in live mode one that comes too late is given up, as a real camera would
// have lost it, but never so many in a row that nothing is seen.
//
// A plain class; the time is handed in.
#pragma once

#include "runtime/base/time.hpp"
#include "runtime/media/pacer.hpp"

#include <optional>

namespace omma {

class CapturePace {
 public:
  // Frames given up in a row; the next one is captured however late it is.
  static constexpr unsigned late_in_a_row_max = 3;
  // A source that is so far behind has stalled: the lost time is not made up for.
  static constexpr Duration stalled_after = std::chrono::seconds(2);

  enum class Action : unsigned char { capture, wait, drop };
  struct Verdict {
    Action action = Action::capture;
    Duration wait{0};
  };

  CapturePace(bool by_timestamps, bool drop_late)
      : by_timestamps_(by_timestamps), drop_late_(drop_late) {}

  // `frame_interval` 0 when not known. Ask again after `wait`.
  Verdict decide(Duration media_time, Duration frame_interval, Instant now);
  // Reading begins (again): the next frame is due at once.
  void restart() { pacer_.reset(); }

 private:
  bool by_timestamps_;
  bool drop_late_;
  std::optional<Pacer> pacer_;
  unsigned late_in_a_row_ = 0;
};

}  // namespace omma
