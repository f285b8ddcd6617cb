#include "actors/multi_object_tracker.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <unordered_set>
#include <utility>

#include "actors/assignment.hpp"
#include "runtime/base/check.hpp"

namespace omma {
namespace {

using kernels::Box;
using kernels::Detection;

Box enlarged(const Box& box, float part) {
  const float x = box.width() * part;
  const float y = box.height() * part;
  return {box.x1 - x, box.y1 - y, box.x2 + x, box.y2 + y};
}

Box between(const Box& from, const Box& to, float part) {
  return {std::lerp(from.x1, to.x1, part), std::lerp(from.y1, to.y1, part),
          std::lerp(from.x2, to.x2, part), std::lerp(from.y2, to.y2, part)};
}

bool is_finite(const Box& box) {
  return std::isfinite(box.x1) && std::isfinite(box.y1) && std::isfinite(box.x2) &&
         std::isfinite(box.y2);
}

bool is_finite(const KalmanBox::State& motion) {
  return std::all_of(motion.begin(), motion.end(), [](const KalmanBox::Axis& axis) {
    return std::isfinite(axis.position) && std::isfinite(axis.velocity) &&
           std::isfinite(axis.position_variance) && std::isfinite(axis.covariance) &&
           std::isfinite(axis.velocity_variance);
  });
}

void erase_marked(std::vector<std::size_t>& list, const std::vector<bool>& marked) {
  std::size_t position = 0;
  std::erase_if(list, [&](std::size_t) { return marked[position++]; });
}

}  // namespace

MultiObjectTracker::MultiObjectTracker(Options options) : options_(std::move(options)) {
  set_scores(options_.scores);
}

void MultiObjectTracker::set_scores(const ScoreLevels& scores) {
  OMMA_CHECK(scores.weak <= scores.sure, scores.weak, scores.sure);
  OMMA_CHECK(scores.start >= scores.sure, scores.start, scores.sure);
  options_.scores = scores;
}

std::vector<TrackBox> MultiObjectTracker::update(std::span<const Detection> detections,
                                                 std::uint32_t frames) {
  predict(frames);
  Indices sure;
  Indices weak;
  for (std::size_t i = 0; i < detections.size(); ++i) {
    if (!wanted(detections[i])) continue;
    (detections[i].score >= options_.scores.sure ? sure : weak).push_back(i);
  }
  Indices tracks;
  for (std::size_t i = 0; i < state_.tracks.size(); ++i) tracks.push_back(i);
  match(tracks, sure, detections, options_.overlap_min_sure);
  // The gap counts the frames of this call as well, which every track was unseen for until now.
  std::erase_if(tracks, [&](std::size_t i) {
    return state_.tracks[i].gap_frames > frames + options_.weak_gap_frames_max;
  });
  match(tracks, weak, detections, options_.overlap_min_weak);
  start_tracks(sure, detections);
  std::erase_if(state_.tracks, [&](const Track& track) {
    return track.gap_frames > (track.id == 0 ? 0 : options_.gap_frames_max);
  });
  return report();
}

bool MultiObjectTracker::wanted(const Detection& detection) {
  if (!is_finite(detection.box) || !std::isfinite(detection.score) ||
      !(kernels::area(detection.box) > 0)) {
    ++counters_.rejected_detections;
    return false;
  }
  if (detection.score < options_.scores.weak) return false;
  return options_.labels.empty() || std::find(options_.labels.begin(), options_.labels.end(),
                                              detection.label) != options_.labels.end();
}

void MultiObjectTracker::predict(std::uint32_t frames) {
  for (Track& track : state_.tracks) {
    track.gap_frames += frames;
    track.age_frames += frames;
  }
  // This frame may still end the longest gap allowed, hence the 1. It also bounds the steps below.
  std::erase_if(state_.tracks,
                [&](const Track& track) { return track.gap_frames > options_.gap_frames_max + 1; });
  for (Track& track : state_.tracks) {
    KalmanBox motion(track.motion, options_.noise);
    for (std::uint32_t step = 0; step < frames; ++step) motion.predict();
    track.motion = motion.state();
  }
}

void MultiObjectTracker::match(Indices& tracks, Indices& detections, std::span<const Detection> all,
                               float overlap_min) {
  std::vector<Box> boxes;
  for (const std::size_t i : detections) boxes.push_back(enlarged(all[i].box, options_.enlarge));
  std::vector<double> costs;
  costs.reserve(tracks.size() * detections.size());
  for (const std::size_t t : tracks) {
    const Track& track = state_.tracks[t];
    const Box expected = enlarged(KalmanBox(track.motion, options_.noise).box(), options_.enlarge);
    for (std::size_t i = 0; i < detections.size(); ++i) {
      const float overlap = kernels::intersection_over_union(expected, boxes[i]);
      const bool possible = all[detections[i]].label == track.label && overlap >= overlap_min;
      costs.push_back(possible ? 1 - overlap : std::numeric_limits<double>::infinity());
    }
  }
  // Any possible pair is better than none: overlaps decide who gets whom, not whether.
  constexpr double cost_of_none = 2;
  const std::vector<std::size_t> partner =
      assign(costs, tracks.size(), detections.size(), cost_of_none);
  std::vector<bool> track_matched(tracks.size());
  std::vector<bool> detection_matched(detections.size());
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    if (partner[i] == unassigned) continue;
    continue_track(state_.tracks[tracks[i]], all[detections[partner[i]]]);
    track_matched[i] = true;
    detection_matched[partner[i]] = true;
  }
  erase_marked(tracks, track_matched);
  erase_marked(detections, detection_matched);
}

void MultiObjectTracker::continue_track(Track& track, const Detection& detection) {
  KalmanBox motion(track.motion, options_.noise);
  motion.correct(detection.box, detection.score);
  track.motion = motion.state();
  track.box = between(detection.box, motion.box(), options_.smoothing);
  track.score = detection.score;
  track.gap_frames = 0;
  ++track.hits;
}

void MultiObjectTracker::start_tracks(const Indices& unmatched, std::span<const Detection> all) {
  const std::size_t known = state_.tracks.size();
  for (const std::size_t i : unmatched) {
    const Detection& detection = all[i];
    if (detection.score < options_.scores.start) continue;
    const auto covers = [&](const Track& track) {
      return track.gap_frames == 0 && track.label == detection.label &&
             kernels::intersection_over_union(track.box, detection.box) > options_.new_overlap_max;
    };
    const auto end = state_.tracks.begin() + static_cast<std::ptrdiff_t>(known);
    if (std::any_of(state_.tracks.begin(), end, covers)) continue;
    if (state_.tracks.size() >= options_.tracks_max) {
      ++counters_.refused_tracks;
      continue;
    }
    Track track;
    track.label = detection.label;
    track.hits = 1;
    track.score = detection.score;
    track.box = detection.box;
    track.motion = KalmanBox(detection.box, options_.noise).state();
    state_.tracks.push_back(track);
  }
}

std::vector<TrackBox> MultiObjectTracker::report() {
  std::vector<TrackBox> seen;
  for (Track& track : state_.tracks) {
    if (track.gap_frames > 0 || track.hits < options_.hits_min) continue;
    if (track.id == 0) track.id = state_.next_id++;
    seen.push_back({track.id, track.box, track.score, track.label, track.age_frames});
  }
  std::sort(seen.begin(), seen.end(),
            [](const TrackBox& a, const TrackBox& b) { return a.id < b.id; });
  return seen;
}

Result<void> MultiObjectTracker::restore(State state) {
  const auto corrupt = [](std::string what) {
    return Error{Code::corrupt, "tracker state: " + std::move(what) + "; start a fresh tracker"};
  };
  if (state.tracks.size() > options_.tracks_max) {
    return corrupt(std::to_string(state.tracks.size()) + " tracks, limit " +
                   std::to_string(options_.tracks_max));
  }
  std::unordered_set<std::uint64_t> ids;
  for (const Track& track : state.tracks) {
    if (track.id >= state.next_id || (track.id != 0 && !ids.insert(track.id).second)) {
      return corrupt("track id " + std::to_string(track.id) + " repeated or not below next id " +
                     std::to_string(state.next_id));
    }
    if (!is_finite(track.box) || !is_finite(track.motion) || !std::isfinite(track.score)) {
      return corrupt("a number of track " + std::to_string(track.id) + " is not finite");
    }
  }
  state_ = std::move(state);
  return {};
}

}  // namespace omma
