#include "actors/zone_occupancy.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/check.hpp"

namespace omma {

ZoneOccupancy::ZoneOccupancy(std::vector<kernels::Point> corners) : corners_(std::move(corners)) {
  OMMA_CHECK(corners_.size() >= 3, corners_.size());
}

std::vector<std::uint64_t> ZoneOccupancy::update(std::span<const TrackBox> tracks) {
  std::vector<std::uint64_t> inside;
  for (const TrackBox& track : tracks) {
    if (contains(foot_point(track))) inside.push_back(track.id);
  }
  state_.now = inside.size();
  state_.max_so_far = std::max(state_.max_so_far, state_.now);
  return inside;
}

// A ray to the right crosses the outline an odd number of times. Each edge owns its upper end and
// not its lower one, so that a ray through a corner counts it once.
bool ZoneOccupancy::contains(const kernels::Point& point) const {
  bool inside = false;
  for (std::size_t i = 0; i < corners_.size(); ++i) {
    const kernels::Point& a = corners_[i];
    const kernels::Point& b = corners_[(i + 1) % corners_.size()];
    if ((a.y > point.y) == (b.y > point.y)) continue;
    const float x = a.x + (point.y - a.y) / (b.y - a.y) * (b.x - a.x);
    if (point.x < x) inside = !inside;
  }
  return inside;
}

}  // namespace omma
