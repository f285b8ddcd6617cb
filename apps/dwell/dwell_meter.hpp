// DwellMeter: how long each person stays in each zone, without any actor.
//
// A stay begins when a track's foot point is first in the zone. It ends when the track was not seen
// there for `gone_after` of media time: somebody who is hidden for a moment has not left. It lasted
// from when he was first seen inside to when he was last.
//
// A plain class, owned by one actor; part of its state.
#pragma once

#include "apps/dwell/heat_grid.hpp"

#include "apps/dwell/dwell.capnp.h"

#include <omma/app.hpp>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace dwell {

struct Stay {
  std::string zone;
  std::uint64_t track = 0;
  omma::Duration began{};  // Media time.
  omma::Duration length{};

  friend bool operator==(const Stay&, const Stay&) = default;
};

struct ZoneNow {
  std::string zone;
  std::uint64_t people = 0;
  omma::Duration longest{};  // Of the stays that go on: so far.
};

struct ZoneTotals {
  std::string zone;
  std::uint64_t stays = 0;  // That ended.
  omma::Duration mean{};
  omma::Duration longest{};
};

// What a frame brought.
struct Findings {
  bool repeated = false;       // It was counted before; nothing else is set.
  std::vector<Stay> ended;     // By zone, then by track.
  std::vector<ZoneNow> zones;  // All of them, in the first frame of each second of media time.
};

class DwellMeter {
 public:
  // Time between two frames that counts for whoever is seen in the second one: in a longer gap
  // nobody knows where he was.
  static constexpr omma::Duration heat_gap_max = std::chrono::seconds(1);

  explicit DwellMeter(DwellConfig::Reader config);

  // One frame's people, of a picture of this size. A frame that was counted already counts no more:
  // after a crash upstream frames come again.
  Findings update(std::uint64_t sequence, omma::Duration media_time, int width, int height,
                  std::span<const omma::TrackBox> people);
  // The tracker lost its state. Its ids go on to mean the same people if it sees again every frame
  // since (every-frame mode, and none is missing); else all stays end where they were last seen.
  void tracker_lost() { tracker_lost_ = true; }
  // Nothing follows: all stays end.
  std::vector<Stay> finish() { return end_all(); }

  std::vector<ZoneTotals> totals() const;
  const HeatGrid& heat() const { return heat_; }
  // The frame after the last one counted, and the media time of that one.
  std::uint64_t next_sequence() const { return progress_.next(); }
  omma::Duration media_time() const { return media_time_; }

  void save(DwellMeterState::Builder out) const;
  // corrupt when the state is of other zones.
  omma::Result<void> load(DwellMeterState::Reader in);

 private:
  struct Open {
    omma::Duration first{};
    omma::Duration last{};
  };
  struct Zone {
    std::string name;
    omma::ZoneOccupancy area;
    std::map<std::uint64_t, Open> open;  // By track.
    std::uint64_t ended = 0;
    omma::Duration total{};
    omma::Duration longest{};
  };

  Stay end_stay(Zone& zone, std::map<std::uint64_t, Open>::iterator open);
  std::vector<Stay> end_all();
  void warm(omma::Duration media_time, std::span<const omma::TrackBox> people);

  bool every_frame_;
  omma::Duration gone_after_;
  omma::FrameProgress progress_;
  omma::Duration media_time_{};
  bool tracker_lost_ = false;
  std::vector<Zone> zones_;
  HeatGrid heat_;
};

}  // namespace dwell
