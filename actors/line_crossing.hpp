// Counts who crosses a line, by direction.
//
// A track is on a side once its foot point is further from the line than the dead band: feet that
// tremble on the line are counted once, not ten times. It has crossed when it is next found on the
// other side and its way there passed between the segment's ends, not around them.
//
// One owner, no locks. The state is plain data, so that it can move with the actor that holds it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "actors/foot_point.hpp"
#include "runtime/base/error.hpp"

namespace omma {

// Seen by somebody who stands at `from` and looks towards `to`, in the picture.
enum class CrossingDirection : std::uint8_t { to_left, to_right };

struct Crossing {
  std::uint64_t track_id = 0;
  CrossingDirection direction = CrossingDirection::to_left;
  friend bool operator==(const Crossing&, const Crossing&) = default;
};

class LineCrossing {
 public:
  struct Options {
    kernels::Point from;
    kernels::Point to;
    float dead_band = 6;  // In pixels, to each side.
    // A track unseen for longer is forgotten; longer than the tracker's gap_frames_max.
    std::uint32_t forget_after_frames = 60;
    // Past it the track unseen for longest is forgotten.
    std::size_t tracks_max = 4096;
  };

  struct Standing {
    std::uint64_t track_id = 0;
    kernels::Point point;  // The last one outside the dead band.
    std::uint32_t unseen_frames = 0;
    friend bool operator==(const Standing&, const Standing&) = default;
  };
  // All that later frames depend on.
  struct State {
    std::uint64_t to_left = 0;
    std::uint64_t to_right = 0;
    std::vector<Standing> tracks;  // By track id.
    friend bool operator==(const State&, const State&) = default;
  };

  // `from` and `to` differ.
  explicit LineCrossing(const Options& options);

  // The crossings that ended in this frame, by track id. Call it for every frame, with the tracks
  // seen in it, by id.
  std::vector<Crossing> update(std::span<const TrackBox> tracks);

  std::uint64_t to_left() const noexcept { return state_.to_left; }
  std::uint64_t to_right() const noexcept { return state_.to_right; }

  const State& state() const noexcept { return state_; }
  // Code::corrupt, and unchanged, for a state that no line of these options can be in.
  Result<void> restore(State state);

 private:
  // In pixels from the line through both ends; positive to the right.
  float distance(const kernels::Point& point) const;
  bool passes_between_ends(const kernels::Point& before, const kernels::Point& now) const;
  void make_room();

  Options options_;
  State state_;
};

}  // namespace omma
