// Recorder: writes a camera's pictures to an MP4, with tracks, counting lines and zones drawn in.
//
//   In     Frame, full-size, from the camera's router; Tracks, from the tracker; both only while it
//          has subscribers
//   Out    ResultRow "recorded" when the file is complete: path, frames, and error if there was
//   one;
//          tag.end is set
//   Holds  frames until they are written, tracks until their frame is: not acknowledged, so that a
//          restart gets them again. Bounded by limits::recorder_window_bytes of pictures. The file
//          in the making, written by io jobs one at a time, in order.
//   Drops  live: a frame whose tracks do not come (a later frame's did, or
//          limits::recorder_tracks_wait is over): "no tracks". Tracks whose frame did not come:
//          "no frame". Every-frame: none; a frame that its shard was not sent is drawn with the
//          tracks of the one before. Both: a frame that comes again after a crash upstream,
//          "recorded already".
//   Moves  the lines' counts as of the last picture written. The file itself stays on its node: a
//          recorder that restarts there goes on with it, one that starts elsewhere begins anew.
//   Dies   a while after the last subscriber left; what is written by then is closed at once.
//
// Never waits for what waits for it: it names the shard as its companion to the router, so each
// frame says whether tracks will come, and those need no further frame from the router.
#pragma once

#include "actors/frame_progress.hpp"
#include "actors/line_crossing.hpp"
#include "actors/recording.hpp"
#include "actors/stream_end.hpp"
#include "actors/stream_router.hpp"
#include "actors/tracker.hpp"
#include "actors/zone_occupancy.hpp"
#include "runtime/cell/actor.hpp"
#include "runtime/cell/outlet.hpp"
#include "schemas/detections.capnp.h"
#include "schemas/frame.capnp.h"
#include "schemas/results.capnp.h"
#include "schemas/stages.capnp.h"
#include "schemas/states.capnp.h"
#include "schemas/work.capnp.h"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace omma {

class Recorder final : public Actor {
 public:
  static constexpr const char* type_name = "recorder";
  static constexpr bool is_stage = true;
  static constexpr bool ends_frames = true;
  using Config = RecorderConfig;
  using State = RecorderState;
  using Accepts = omma::Accepts<Frame, Tracks, FrameWritten, RecordingClosed>;
  using Publishes = omma::Publishes<ResultRow>;

  static std::string title(RecorderConfig::Reader config) { return config.getPath(); }
  static constexpr const char* stays = "it writes a file on its node";
  static PlacementWish wish(RecorderConfig::Reader config);

  // `recordings` must outlive the actor and its jobs.
  Recorder(RecorderConfig::Reader config, OpenRecordings& recordings);

  void on(Frame::Reader frame, Turn& turn);
  void on(Tracks::Reader tracks, Turn& turn);
  void on(FrameWritten::Reader written, Turn& turn);
  void on(RecordingClosed::Reader closed, Turn& turn);
  void on_subscribers_changed(Turn& turn) override;
  void on_timer(std::uint64_t timer, Turn& turn) override;
  void on_job_failed(std::uint64_t job, const Error& error, Turn& turn) override;
  void on_peer_lost(const ActorId& peer, Turn& turn) override;

  void save(RecorderState::Builder out) const;
  Result<void> load(RecorderState::Reader in);

 private:
  // A message in hand.
  struct Pending {
    HeldMessage held;
    Message message;
    Instant arrived;
  };
  enum class Outlook : unsigned char { write, wait, give_up };

  void begin(Turn& turn);
  void stop_inputs(Turn& turn);
  void step(Turn& turn);
  Outlook outlook(const Pending& frame, Turn& turn) const;
  void write_front(Turn& turn);
  Overlay overlay_for(const Message& tracks, bool fresh);
  void drop_lone_tracks(std::uint64_t before_sequence, Turn& turn);
  void let_go(Fate fate, const std::string& reason, Turn& turn);
  void start_closing(Turn& turn);
  void end(const std::string& error, Turn& turn);
  void tell_end(Turn& turn);

  Outlet<ResultRow> rows_{*this};
  const Message config_;  // RecorderConfig.
  const bool live_;
  OpenRecordings& recordings_;
  std::shared_ptr<Recording> recording_;  // Touched by jobs only.
  bool subscribed_ = false;
  std::vector<LineCrossing> lines_;  // As of the last picture written.
  std::vector<ZoneOccupancy> zones_;
  StreamEnd end_;
  std::uint64_t frames_ = 0;  // In the closed file.

  // Not part of the state: what is held comes again.
  std::deque<Pending> pictures_;             // The front one is being written while job_.
  std::map<std::uint64_t, Pending> tracks_;  // By frame.
  std::optional<Pending> pictures_end_;
  std::optional<Pending> tracks_end_;
  FrameProgress pictures_seen_;
  std::uint64_t tracks_seen_ = 0;          // All tracks of frames below have come.
  Message last_tracks_;                    // Tracks; of the last frame that had its own.
  std::vector<LineCrossing> lines_drawn_;  // As of the picture that is being written.
  std::uint64_t job_ = 0;                  // That writes or closes; 0 for none.
  bool closing_ = false;
};

}  // namespace omma
