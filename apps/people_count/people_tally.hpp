// PeopleTally: the counting of people_count, without any actor: lines crossed by direction, zones
// and picture occupied, and whether that is too many.
//
// A plain class, owned by one actor.
#pragma once

#include "actors/frame_progress.hpp"
#include "actors/line_crossing.hpp"
#include "actors/result_row.hpp"
#include "actors/zone_occupancy.hpp"
#include "schemas/people_count.capnp.h"
#include "schemas/stages.capnp.h"

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace omma {

// What a frame brought, as rows to be: kind and fields.
struct Finding {
  const char* kind;
  std::vector<RowField> fields;
};

class PeopleTally {
 public:
  explicit PeopleTally(PeopleCountConfig::Reader config);

  // One frame's people. "crossing" for each line crossed, "frame" always, "alert" when the limit
  // is passed for the first time since it was kept. Nothing for a frame that was counted already:
  // after a crash upstream frames come again.
  std::vector<Finding> update(std::uint64_t sequence, std::span<const TrackBox> people);
  // The tracker lost its state. Its ids go on to mean the same people if it sees again every frame
  // since (every-frame mode, and none is missing); else who stands where is forgotten, for an id
  // may be another person's now.
  void tracker_lost() { tracker_lost_ = true; }
  // All counts so far.
  Finding totals() const;

  void save(PeopleCountState::Builder out) const;
  // corrupt when the state is of other lines or zones.
  Result<void> load(PeopleCountState::Reader in);

 private:
  void forget_standings();

  bool every_frame_;
  FrameProgress progress_;
  bool tracker_lost_ = false;
  std::vector<std::pair<std::string, LineCrossing>> lines_;
  std::vector<std::pair<std::string, ZoneOccupancy>> zones_;
  std::uint32_t alert_over_;  // 0: never.
  std::uint64_t people_most_ = 0;
  bool alert_ = false;
};

}  // namespace omma
