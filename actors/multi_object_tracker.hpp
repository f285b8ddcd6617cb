// Follows objects from frame to frame by their boxes alone, so that a detection becomes somebody.
//
// In the manner of ByteTrack (Zhang et al., 2022): sure detections are matched with all tracks
// first, then weak ones with the tracks left over, since a weak box where one is expected is
// mostly a person half hidden. Boxes are enlarged before they are compared, so that small and fast
// objects still overlap from one frame to the next, and a track out of sight moves on at the
// velocity it had until it is met again or forgotten.
//
// Strictly online: what update() returns is about the frame it was given and is never revised.
// The same detections give the same tracks, also after state() and restore() in between.
//
// One owner, no locks. Units are pixels of the source picture and frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "actors/kalman_box.hpp"
#include "actors/score_levels.hpp"
#include "kernels/detection.hpp"
#include "runtime/base/error.hpp"

namespace omma {

struct TrackBox {
  std::uint64_t id = 0;  // From 1, never reused.
  kernels::Box box;
  float score = 0;
  std::uint16_t label = 0;
  std::uint32_t age_frames = 0;  // Since the track's first box.
  friend bool operator==(const TrackBox&, const TrackBox&) = default;
};

class MultiObjectTracker {
 public:
  struct Options {
    std::vector<std::uint16_t> labels;  // Those followed; empty means all. A track keeps its label.
    ScoreLevels scores;
    float new_overlap_max = 0.3F;   // A track starts only off the boxes of those seen just now.
    float enlarge = 0.25F;          // Each side moves out by this part of the width or height.
    float overlap_min_sure = 0.2F;  // Of the enlarged boxes, with a sure detection.
    float overlap_min_weak = 0.5F;  // With a weak one.
    // A track unseen for longer is not continued by a weak detection.
    std::uint32_t weak_gap_frames_max = 3;
    // A track is reported from its hits_min-th box in a row on: what flickers is never reported.
    std::uint32_t hits_min = 2;
    // A track unseen for longer is forgotten.
    std::uint32_t gap_frames_max = 30;
    // The box reported lies this part of the way from the measured to the filtered one: half the
    // detector's jitter without the filter's delay.
    float smoothing = 0.6F;
    // Matching costs the cube of this. Past it no track starts, counted in `refused_tracks`.
    std::size_t tracks_max = 512;
    KalmanBoxNoise noise;
  };

  struct Track {
    std::uint64_t id = 0;  // 0 until it is reported for the first time.
    std::uint16_t label = 0;
    std::uint32_t age_frames = 0;
    std::uint32_t hits = 0;
    std::uint32_t gap_frames = 0;  // Since the last box; 0: seen in the last frame.
    float score = 0;               // Of the last box.
    kernels::Box box;              // The last one, as it is reported.
    KalmanBox::State motion{};     // As of the last frame.
    friend bool operator==(const Track&, const Track&) = default;
  };
  // All that later frames depend on.
  struct State {
    std::uint64_t next_id = 1;
    std::vector<Track> tracks;
    friend bool operator==(const State&, const State&) = default;
  };
  struct Counters {
    std::uint64_t rejected_detections = 0;  // With a NaN, an infinity or an empty box.
    std::uint64_t refused_tracks = 0;
  };

  explicit MultiObjectTracker(Options options);

  // The tracks seen in this frame, by id. Call it for every frame, also one without detections.
  // `frames` is how many frames of the camera have passed since the last call: more than 1 where
  // some were dropped on the way.
  std::vector<TrackBox> update(std::span<const kernels::Detection> detections,
                               std::uint32_t frames = 1);

  // From the next update on: the network that detects is known once it has detected something.
  void set_scores(const ScoreLevels& scores);

  const State& state() const noexcept { return state_; }
  // Code::corrupt, and unchanged, for a state that no tracker of these options can be in.
  Result<void> restore(State state);
  const Counters& counters() const noexcept { return counters_; }

 private:
  using Indices = std::vector<std::size_t>;

  bool wanted(const kernels::Detection& detection);
  void predict(std::uint32_t frames);
  // Takes what was matched out of both lists.
  void match(Indices& tracks, Indices& detections, std::span<const kernels::Detection> all,
             float overlap_min);
  void continue_track(Track& track, const kernels::Detection& detection);
  void start_tracks(const Indices& unmatched, std::span<const kernels::Detection> all);
  std::vector<TrackBox> report();

  Options options_;
  State state_;
  Counters counters_;
};

}  // namespace omma
