// DwellCounter: how long people stay in the zones of one camera, in rows, and where they stand, as
// a picture.
//
//   In     Tracks of the camera's tracker, and now and then a Frame of its router for the heat
//   map's
//          ground; both only while somebody subscribes
//   Out    ResultRow: "stay" (zone, track, began, seconds) when one ends; "zones" once a second of
//          media time (of each zone the people and the longest stay that goes on); "heat_map"
//          (path) when one is written, every 10 s of media time and at the end; "end" (of each zone
//          the stays, their mean and the longest)
//   Holds  the newest picture, unacknowledged, so that it comes again after a move or a crash
//   Drops  a frame that was counted already, which comes again after a crash upstream: filtered
//          "counted already". Pictures: filtered "a newer one came"
//   Moves  DwellMeter's state, whether the end is reached, whether a heat map is being drawn
//   Dies   a while after its last subscriber left
#pragma once

#include <omma/app.hpp>

#include <cstdint>
#include <optional>
#include <string>

#include "apps/dwell/dwell.capnp.h"
#include "apps/dwell/dwell_meter.hpp"
#include "apps/dwell/heat_map.hpp"

namespace dwell {

class DwellCounter final : public omma::Actor {
 public:
  static constexpr const char* type_name = "dwell_counter";
  static constexpr bool is_stage = true;
  static constexpr bool ends_frames = true;
  using Config = DwellConfig;
  using State = DwellState;
  using Accepts = omma::Accepts<omma::Tracks, omma::Frame, HeatMapDrawn>;
  using Publishes = omma::Publishes<omma::ResultRow>;

  static omma::CameraConfig::Reader camera_of(Config::Reader config) {
    return config.getTracker().getDetect().getRouter().getCamera();
  }
  static std::string title(Config::Reader config) { return camera_of(config).getName(); }
  static omma::PlacementWish wish(Config::Reader) { return {"", "", "cloud"}; }
  static bool durable(Config::Reader) { return true; }  // No crash loses or doubles a stay.

  explicit DwellCounter(Config::Reader config)
      : config_(omma::Message::copy_of<Config>(config)), meter_(config) {}

  void on(omma::Tracks::Reader tracks, omma::Turn& turn);
  void on(omma::Frame::Reader frame, omma::Turn& turn);
  void on(HeatMapDrawn::Reader drawn, omma::Turn& turn);
  void on_subscribers_changed(omma::Turn& turn) override;
  void on_resume(omma::Turn& turn) override;
  void on_timer(std::uint64_t timer, omma::Turn& turn) override;
  void on_job_failed(std::uint64_t job, const omma::Error& error, omma::Turn& turn) override;
  void on_peer_lost(const omma::ActorId& peer, omma::Turn& turn) override;

  void save(State::Builder out) const;
  omma::Result<void> load(State::Reader in);

 private:
  struct HeldPicture {
    omma::HeldMessage held;
    omma::Message frame;
  };

  bool draws() const { return config_.as<Config>().getHeatMap().size() > 0; }
  void begin(omma::Turn& turn);
  void stop(omma::Turn& turn);
  void end(omma::FrameTag::Reader tag, omma::Turn& turn);
  void drop_picture(omma::Turn& turn);
  void draw(omma::Turn& turn);
  void drawn(const std::string& error, omma::Turn& turn);
  HeatMapScene scene() const;
  void tell(const char* kind, const std::vector<omma::RowField>& fields, omma::Turn& turn);
  void tell_stays(const std::vector<Stay>& stays, omma::Turn& turn);
  void tell_end(omma::Turn& turn);

  omma::Outlet<omma::ResultRow> rows_{*this};
  const omma::Message config_;  // DwellConfig.
  DwellMeter meter_;
  omma::StreamEnd end_;
  std::optional<HeldPicture> picture_;
  omma::Duration next_heat_map_{};
  bool drawing_ = false;
  bool last_drawn_ = false;
  // Of this object only: jobs are gone with it.
  std::uint64_t job_ = 0;
  bool job_is_last_ = false;
};

}  // namespace dwell
