// Where a track stands: the middle of its box's lower edge, which for people and vehicles is on
// the ground, so that lines and zones drawn on the picture's ground mean what they look like.
#pragma once

#include "actors/multi_object_tracker.hpp"
#include "kernels/point.hpp"

namespace omma {

// In pixels of the source picture.
inline kernels::Point foot_point(const TrackBox& track) noexcept {
  return {(track.box.x1 + track.box.x2) / 2, track.box.y2};
}

}  // namespace omma
