// ModelShard: one network, shared by all streams that want it. It asks each stream's router for
// pictures in the network's own input size, gathers them to batches, and tells each stream's
// trackers what was seen.
//
//   In     Frame, from the router of each stream that a subscriber names in its DetectRequest: one
//          subscription a router, at the highest rate and the lowest motion threshold that any of
//          its trackers asked for (so a tracker may get more than it asked for, never less)
//   Out    Detections, hop "infer", boxes in pixels of the picture as captured; to the subscribers
//          of that stream, each from its own score_min on (0: from what a tracker can use at all
//          of this network, ScoreLevels). In the order of the frames.
//   Holds  the network (loaded by the first job; one job at a time runs it), and each frame from
//          its arrival until its detections are out: not acknowledged, so that a crash or a move
//          makes the router send it again. Bounded by the streams' windows: two pictures a live
//          stream, limits::stream_window_bytes an every-frame stream.
//   Drops  live: a waiting frame when a newer one of its stream comes ("newer frame"; BatchPlanner
//          decides). Every-frame: nothing.
//   Fails  a network that cannot be loaded (one whose node or peers are unavailable is tried
//          limits::model_load_attempts_max times), or a batch that fails limits::attempts_max
//          times: all that is held ends as failed, and every stream ends with the error.
//   Moves  which routers it subscribes to, which streams are over, the network's input size
//          and recommended score.
//   Dies   a while after the last subscriber left.
//
// In every-frame mode one stream that is held back holds back all streams of the shard.
#pragma once

#include "actors/detect_demand.hpp"
#include "actors/resident_detector.hpp"
#include "actors/stream_end.hpp"
#include "actors/stream_router.hpp"
#include "runtime/cell/actor.hpp"
#include "runtime/cell/outlet.hpp"
#include "runtime/model/batch_planner.hpp"
#include "schemas/detections.capnp.h"
#include "schemas/frame.capnp.h"
#include "schemas/stages.capnp.h"
#include "schemas/states.capnp.h"
#include "schemas/work.capnp.h"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace omma {

class ModelShard final : public Actor {
 public:
  static constexpr const char* type_name = "model_shard";
  static constexpr bool is_stage = true;
  using Config = ShardConfig;
  using State = ModelShardState;
  using Accepts = omma::Accepts<Frame, ModelLoaded, BatchDone>;
  using Publishes = omma::Publishes<Detections>;

  static std::string title(ShardConfig::Reader config) { return config.getModel(); }
  static PlacementWish wish(ShardConfig::Reader config);
  static bool durable(ShardConfig::Reader config) { return config.getDurable(); }

  // `load` runs in compute jobs, and must outlive them.
  ModelShard(ShardConfig::Reader config, LoadDetector load);

  void on(Frame::Reader frame, Turn& turn);
  void on(ModelLoaded::Reader loaded, Turn& turn);
  void on(BatchDone::Reader done, Turn& turn);
  void on_start(Turn& turn) override;
  void on_resume(Turn& turn) override;
  void on_subscribers_changed(Turn& turn) override;
  void on_timer(std::uint64_t timer, Turn& turn) override;
  void on_job_failed(std::uint64_t job, const Error& error, Turn& turn) override;
  void on_peer_lost(const ActorId& peer, Turn& turn) override;

  void save(ModelShardState::Builder out) const;
  Result<void> load(ModelShardState::Reader in);

 private:
  // A frame in hand, until its detections are out.
  struct Waiting {
    HeldMessage held;
    Message frame;
    TraceId trace;
    ActorId router;
    WallTime entered;
  };
  // A stream is known by its router.
  struct Stream {
    StreamDemand demand;
    StreamEnd end;  // Reached when all its frames are out.
    // Not part of the state: follows from what is held and from the subscribers.
    std::uint64_t in_hand = 0;
    std::optional<Waiting> last;  // The end's message, while frames before it are in hand.
  };
  using Streams = std::map<ActorId, Stream>;

  float score_min_of(const Subscriber& subscriber) const;
  void follow_subscribers(Turn& turn);
  std::uint64_t in_hand_of(const ActorId& router) const;
  void subscribe(const Stream& stream, Turn& turn);
  void forget_stream(Streams::iterator stream, Turn& turn);

  void start_loading(Turn& turn);
  void run_batches(Turn& turn);
  void start_batch(Turn& turn);
  void finish(std::uint64_t ticket, capnp::List<Detection>::Reader found, Turn& turn);
  void publish(const Waiting& waiting, capnp::List<Detection>::Reader found, Turn& turn);

  void take_end(Stream& stream, Turn& turn);
  void end_if_done(Stream& stream, Turn& turn);
  void tell_ends(Turn& turn);
  void give_up(const std::string& error, Turn& turn);
  void fail(Stream& stream);

  Outlet<Detections> detections_{*this};
  const Message config_;  // ShardConfig.
  const LoadDetector load_;
  std::shared_ptr<ResidentDetector> resident_;  // Shared with the jobs.
  BatchPlanner planner_;
  FrameDetector::Model network_;  // Input size 0 until it is known.
  Streams streams_;
  std::string failure_;

  // Not part of the state: what is held comes again, and the network is loaded again.
  bool loaded_ = false;
  unsigned load_attempts_ = 0;
  DetectDemand demand_;
  std::uint64_t next_ticket_ = 1;
  std::map<std::uint64_t, Waiting> waiting_;  // By ticket.
  std::deque<std::uint64_t> backlog_;         // Every-frame: the planner had no room for them yet.
  std::vector<std::uint64_t> batch_;          // In the job that runs, or to be run again.
  std::uint64_t job_ = 0;                     // That runs; 0 for none.
  unsigned batch_attempts_ = 0;
};

}  // namespace omma
