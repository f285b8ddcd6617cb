#include "actors/line_crossing.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "runtime/base/check.hpp"

namespace omma {
namespace {

float cross(const kernels::Point& a, const kernels::Point& b) {
  return a.x * b.y - a.y * b.x;
}
float dot(const kernels::Point& a, const kernels::Point& b) {
  return a.x * b.x + a.y * b.y;
}
kernels::Point minus(const kernels::Point& a, const kernels::Point& b) {
  return {a.x - b.x, a.y - b.y};
}

bool by_id(const LineCrossing::Standing& a, std::uint64_t id) {
  return a.track_id < id;
}

}  // namespace

LineCrossing::LineCrossing(const Options& options) : options_(options) {
  OMMA_CHECK(options_.from != options_.to, options_.from.x, options_.from.y);
  OMMA_CHECK(options_.tracks_max > 0, options_.tracks_max);
}

std::vector<Crossing> LineCrossing::update(std::span<const TrackBox> tracks) {
  for (Standing& standing : state_.tracks) ++standing.unseen_frames;
  std::vector<Crossing> crossings;
  for (const TrackBox& track : tracks) {
    const kernels::Point now = foot_point(track);
    auto known = std::lower_bound(state_.tracks.begin(), state_.tracks.end(), track.id, by_id);
    const bool is_known = known != state_.tracks.end() && known->track_id == track.id;
    if (is_known) known->unseen_frames = 0;
    const float side = distance(now);
    // Not `<`, so that a foot point that is no number is on no side.
    if (!(std::abs(side) >= options_.dead_band)) continue;
    if (!is_known) {
      state_.tracks.insert(known, {track.id, now, 0});
      continue;
    }
    const kernels::Point before = std::exchange(known->point, now);
    if ((distance(before) > 0) == (side > 0) || !passes_between_ends(before, now)) continue;
    ++(side > 0 ? state_.to_right : state_.to_left);
    crossings.push_back(
        {track.id, side > 0 ? CrossingDirection::to_right : CrossingDirection::to_left});
  }
  std::erase_if(state_.tracks, [&](const Standing& standing) {
    return standing.unseen_frames > options_.forget_after_frames;
  });
  make_room();
  return crossings;
}

float LineCrossing::distance(const kernels::Point& point) const {
  const kernels::Point along = minus(options_.to, options_.from);
  return cross(along, minus(point, options_.from)) / std::hypot(along.x, along.y);
}

bool LineCrossing::passes_between_ends(const kernels::Point& before,
                                       const kernels::Point& now) const {
  const float part = distance(before) / (distance(before) - distance(now));
  const kernels::Point at{std::lerp(before.x, now.x, part), std::lerp(before.y, now.y, part)};
  const kernels::Point along = minus(options_.to, options_.from);
  const float position = dot(minus(at, options_.from), along) / dot(along, along);
  return position >= 0 && position <= 1;
}

void LineCrossing::make_room() {
  while (state_.tracks.size() > options_.tracks_max) {
    state_.tracks.erase(std::max_element(
        state_.tracks.begin(), state_.tracks.end(),
        [](const Standing& a, const Standing& b) { return a.unseen_frames < b.unseen_frames; }));
  }
}

Result<void> LineCrossing::restore(State state) {
  const auto corrupt = [](std::string what) {
    return Error{Code::corrupt, "line crossing state: " + std::move(what) + "; start from zero"};
  };
  if (state.tracks.size() > options_.tracks_max) {
    return corrupt(std::to_string(state.tracks.size()) + " tracks, limit " +
                   std::to_string(options_.tracks_max));
  }
  for (std::size_t i = 0; i < state.tracks.size(); ++i) {
    const Standing& standing = state.tracks[i];
    if (i > 0 && state.tracks[i - 1].track_id >= standing.track_id) {
      return corrupt("track id " + std::to_string(standing.track_id) + " is out of order");
    }
    if (!std::isfinite(standing.point.x) || !std::isfinite(standing.point.y)) {
      return corrupt("track " + std::to_string(standing.track_id) + " stands nowhere");
    }
  }
  state_ = std::move(state);
  return {};
}

}  // namespace omma
