// How many stand inside a polygon: now, and at most so far.
//
// One owner, no locks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "actors/foot_point.hpp"

namespace omma {

class ZoneOccupancy {
 public:
  struct State {
    std::uint64_t now = 0;
    std::uint64_t max_so_far = 0;
    friend bool operator==(const State&, const State&) = default;
  };

  // At least three corners in order, in pixels; the last is joined to the first. Where the outline
  // crosses itself, what is enclosed twice is outside (even-odd rule).
  explicit ZoneOccupancy(std::vector<kernels::Point> corners);

  // The ids of the tracks whose foot point is inside, in the order given. An edge belongs to one
  // of two zones that share it.
  std::vector<std::uint64_t> update(std::span<const TrackBox> tracks);
  bool contains(const kernels::Point& point) const;

  std::uint64_t now() const noexcept { return state_.now; }
  std::uint64_t max_so_far() const noexcept { return state_.max_so_far; }

  const State& state() const noexcept { return state_; }
  void restore(const State& state) { state_ = state; }

 private:
  std::vector<kernels::Point> corners_;
  State state_;
};

}  // namespace omma
