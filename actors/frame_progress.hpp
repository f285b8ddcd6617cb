// FrameProgress: which frames of one camera have been dealt with. After a crash a camera goes on
// from its last checkpoint and gives frames again that were seen before; whoever counts must count
// them once.
//
// A frame below the newest one is repeated. In live mode it may also be that the camera lost its
// place and began anew, which looks the same but for the distance: further back than a checkpoint
// can be is a new beginning.
//
// A plain class, owned by one actor; part of its state.
#pragma once

#include "runtime/base/limits.hpp"

#include <cstdint>

namespace omma {

class FrameProgress {
 public:
  enum class Verdict : std::uint8_t { next, repeated, begun_again };

  explicit FrameProgress(bool every_frame) : every_frame_(every_frame) {}

  // Of the frame in hand, which is dealt with from now on unless it is repeated.
  Verdict see(std::uint64_t sequence) {
    if (sequence < next_) {
      if (every_frame_ || next_ - sequence <= limits::repeated_frames_max) return Verdict::repeated;
      next_ = sequence + 1;
      return Verdict::begun_again;
    }
    next_ = sequence + 1;
    return Verdict::next;
  }
  // The frame after the newest one; 0 before the first.
  std::uint64_t next() const { return next_; }
  void restore(std::uint64_t next) { next_ = next; }

 private:
  bool every_frame_;
  std::uint64_t next_ = 0;
};

}  // namespace omma
