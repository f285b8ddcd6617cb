// Camera: owns one source of pictures and turns it into a numbered stream of frames.
//
//   In     nothing but what its own read jobs give it
//   Out    Frame: the picture as captured, BGR, hop "capture". At the end one Frame without a
//          picture, tag.end set and tag.sequence = the number of frames. A source that fails ends
//          the stream too, with tag.error saying why; the same text is in the actor's health.
//   Holds  the source (opened and read in io jobs only, one at a time) and at most one frame that
//          waits for its time.
//   Drops  live mode by timestamps: a frame that comes more than one interval late ("late"), but
//          never more than CapturePace::late_in_a_row_max in a row. Never in every-frame mode:
//          there the next read waits until no reliable subscriber is behind. A damaged frame keeps
//          its number and ends here as failed ("corrupt").
//   Moves  the number of the next frame, and whether the end is reached. Whoever continues opens
//          the source anew at exactly that frame.
//   Dies   a while after the last subscriber left; a later life begins at the first frame again.
//          Until then it keeps its place; a camera at its end goes back to the start.
//
// Reads only while it has subscribers. Named by CameraConfig.name alone; a durable one is another.
#pragma once

#include "actors/camera_source.hpp"
#include "actors/capture_pace.hpp"
#include "actors/stream_end.hpp"
#include "runtime/cell/actor.hpp"
#include "runtime/cell/outlet.hpp"
#include "schemas/frame.capnp.h"
#include "schemas/stages.capnp.h"
#include "schemas/states.capnp.h"
#include "schemas/work.capnp.h"

#include <memory>
#include <string>

namespace omma {

class Camera final : public Actor {
 public:
  static constexpr const char* type_name = "camera";
  static constexpr bool is_stage = true;
  using Config = CameraConfig;
  using State = CameraState;
  using Accepts = omma::Accepts<FrameRead>;
  using Publishes = omma::Publishes<Frame>;

  static std::string key(CameraConfig::Reader config);
  static std::string title(CameraConfig::Reader config) { return config.getName(); }
  static PlacementWish wish(CameraConfig::Reader config);
  static bool durable(CameraConfig::Reader config) { return config.getDurable(); }

  // `open` runs in io jobs, and must outlive them.
  Camera(CameraConfig::Reader config, OpenSource open);

  void on(FrameRead::Reader read, Turn& turn);
  void on_subscribers_changed(Turn& turn) override;
  void on_timer(std::uint64_t timer, Turn& turn) override;
  void on_job_failed(std::uint64_t job, const Error& error, Turn& turn) override;
  void on_resume(Turn& turn) override;
  void on_peer_lost(const ActorId& peer, Turn& turn) override;

  void save(CameraState::Builder out) const;
  Result<void> load(CameraState::Reader in);

 private:
  bool watched() const { return !frames_.subscribers().empty(); }
  void read_next(Turn& turn);
  void consider_waiting(Turn& turn);
  void publish_waiting(Turn& turn);
  void end(const std::string& error, Turn& turn);
  void tell_end(Turn& turn);

  Outlet<Frame> frames_{*this};
  const std::string name_;
  const bool every_frame_;
  std::shared_ptr<CameraSource> source_;  // Touched by jobs only.
  CapturePace pace_;
  StreamEnd end_;
  std::uint64_t next_ = 0;     // All frames below are published or counted as gone.
  std::uint64_t reading_ = 0;  // The job that reads frame next_; 0 for none.
  Message waiting_;            // FrameRead of frame next_, until its time has come.
};

}  // namespace omma
