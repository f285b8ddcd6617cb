// Tracker: turns what a network saw in a stream into somebody who is seen again.
//
//   In     Detections, of one stream, from its shard, while it has subscribers
//   Out    Tracks, hop "track": the tracks seen in that frame, one message for each message in
//   Holds  nothing
//   Drops  Detections of a frame that it has seen, which a camera repeats after a crash: filtered
//          "seen already". Detections of classes that are not followed are left out.
//   Moves  MultiObjectTracker's state, the number of the next frame, whether the end is reached
//   Dies   a while after the last subscriber left
//
// Frames that were dropped on the way count as frames in which nothing was looked at: tracks move
// on by as many steps. How sure a detection must be follows from the network's card, whose word
// comes with each Detections (ScoreLevels).
#pragma once

#include "actors/frame_progress.hpp"
#include "actors/model_shard.hpp"
#include "actors/multi_object_tracker.hpp"
#include "actors/stream_end.hpp"
#include "runtime/cell/actor.hpp"
#include "runtime/cell/outlet.hpp"
#include "schemas/detections.capnp.h"
#include "schemas/stages.capnp.h"
#include "schemas/states.capnp.h"

#include <cstdint>
#include <set>
#include <string>

namespace omma {

class Tracker final : public Actor {
 public:
  static constexpr const char* type_name = "tracker";
  static constexpr bool is_stage = true;
  using Config = TrackerConfig;
  using State = TrackerState;
  using Accepts = omma::Accepts<Detections>;
  using Publishes = omma::Publishes<Tracks>;

  static std::string title(TrackerConfig::Reader config);
  static PlacementWish wish(TrackerConfig::Reader config);
  static bool durable(TrackerConfig::Reader config) {
    return config.getDetect().getRouter().getCamera().getDurable();
  }

  explicit Tracker(TrackerConfig::Reader config);

  void on(Detections::Reader detections, Turn& turn);
  void on_subscribers_changed(Turn& turn) override;
  void on_peer_lost(const ActorId& peer, Turn& turn) override;

  void save(TrackerState::Builder out) const;
  Result<void> load(TrackerState::Reader in);

 private:
  std::vector<kernels::Detection> followed(Detections::Reader detections) const;
  void begin_again();
  void tell_end(Turn& turn);

  Outlet<Tracks> tracks_{*this};
  const Message config_;          // TrackerConfig.
  std::set<std::string> labels_;  // Followed; empty for all.
  bool subscribed_ = false;
  StreamEnd end_;
  FrameProgress progress_;
  MultiObjectTracker tracker_{MultiObjectTracker::Options{}};
};

}  // namespace omma
