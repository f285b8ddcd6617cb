#include "apps/people_count/people_tally.hpp"

#include <algorithm>

#include "runtime/base/check.hpp"

namespace omma {
namespace {

kernels::Point point_of(PicturePoint::Reader in) {
  return {in.getX(), in.getY()};
}

bool sees_every_frame(PeopleCountConfig::Reader config) {
  return config.getTracker().getDetect().getRouter().getCamera().getMode() ==
         CaptureMode::EVERY_FRAME;
}

}  // namespace

PeopleTally::PeopleTally(PeopleCountConfig::Reader config)
    : every_frame_(sees_every_frame(config)),
      progress_(every_frame_),
      alert_over_(config.getAlertOver()) {
  for (auto line : config.getLines()) {
    LineCrossing::Options options;
    options.from = point_of(line.getA());
    options.to = point_of(line.getB());
    lines_.emplace_back(line.getName().cStr(), LineCrossing(options));
  }
  for (auto zone : config.getZones()) {
    std::vector<kernels::Point> corners;
    for (auto corner : zone.getCorners()) corners.push_back(point_of(corner));
    zones_.emplace_back(zone.getName().cStr(), ZoneOccupancy(std::move(corners)));
  }
}

std::vector<Finding> PeopleTally::update(std::uint64_t sequence, std::span<const TrackBox> people) {
  const std::uint64_t awaited = progress_.next();
  const auto verdict = progress_.see(sequence);
  if (verdict == FrameProgress::Verdict::repeated) return {};
  const bool same_ids = !tracker_lost_ || (every_frame_ && sequence == awaited);
  if (!same_ids || verdict == FrameProgress::Verdict::begun_again) forget_standings();
  tracker_lost_ = false;
  std::vector<Finding> findings;
  for (auto& [name, line] : lines_) {
    for (const Crossing& crossing : line.update(people)) {
      const bool right = crossing.direction == CrossingDirection::to_right;
      findings.push_back({"crossing",
                          {{"line", name},
                           {"direction", right ? "to_right" : "to_left"},
                           {"track", crossing.track_id},
                           {"to_right", line.to_right()},
                           {"to_left", line.to_left()}}});
    }
  }
  std::vector<RowField> frame{{"people", people.size()}};
  for (auto& [name, zone] : zones_) {
    zone.update(people);
    frame.emplace_back(name, zone.now());
  }
  people_most_ = std::max<std::uint64_t>(people_most_, people.size());
  findings.push_back({"frame", std::move(frame)});
  const bool over = alert_over_ > 0 && people.size() > alert_over_;
  if (over && !alert_) {
    findings.push_back({"alert", {{"people", people.size()}, {"limit", alert_over_}}});
  }
  alert_ = over;
  return findings;
}

void PeopleTally::forget_standings() {
  for (auto& [name, line] : lines_) {
    const auto restored = line.restore({line.to_left(), line.to_right(), {}});
    OMMA_CHECK(restored.ok(), name);
  }
}

Finding PeopleTally::totals() const {
  Finding totals{"end", {{"people_most", people_most_}}};
  for (const auto& [name, line] : lines_) {
    totals.fields.emplace_back(name + " to_right", line.to_right());
    totals.fields.emplace_back(name + " to_left", line.to_left());
  }
  for (const auto& [name, zone] : zones_) {
    totals.fields.emplace_back(name + " most", zone.max_so_far());
  }
  return totals;
}

void PeopleTally::save(PeopleCountState::Builder out) const {
  auto lines = out.initLines(static_cast<unsigned>(lines_.size()));
  for (unsigned i = 0; i < lines.size(); ++i) {
    const LineCrossing::State& state = lines_[i].second.state();
    lines[i].setToLeft(state.to_left);
    lines[i].setToRight(state.to_right);
    auto standings = lines[i].initStandings(static_cast<unsigned>(state.tracks.size()));
    for (unsigned k = 0; k < standings.size(); ++k) {
      standings[k].setTrack(state.tracks[k].track_id);
      standings[k].setX(state.tracks[k].point.x);
      standings[k].setY(state.tracks[k].point.y);
      standings[k].setUnseenFrames(state.tracks[k].unseen_frames);
    }
  }
  auto zones = out.initZonesMost(static_cast<unsigned>(zones_.size()));
  for (unsigned i = 0; i < zones.size(); ++i) zones.set(i, zones_[i].second.max_so_far());
  out.setPeopleMost(people_most_);
  out.setAlert(alert_);
  out.setNextSequence(progress_.next());
  out.setTrackerLost(tracker_lost_);
}

Result<void> PeopleTally::load(PeopleCountState::Reader in) {
  if (in.getLines().size() != lines_.size() || in.getZonesMost().size() != zones_.size()) {
    return Error{Code::corrupt, "state of " + std::to_string(in.getLines().size()) + " lines and " +
                                    std::to_string(in.getZonesMost().size()) + " zones for " +
                                    std::to_string(lines_.size()) + " and " +
                                    std::to_string(zones_.size())};
  }
  for (unsigned i = 0; i < lines_.size(); ++i) {
    const auto line = in.getLines()[i];
    LineCrossing::State state{line.getToLeft(), line.getToRight(), {}};
    for (auto standing : line.getStandings()) {
      state.tracks.push_back(
          {standing.getTrack(), {standing.getX(), standing.getY()}, standing.getUnseenFrames()});
    }
    if (auto restored = lines_[i].second.restore(std::move(state)); !restored) return restored;
  }
  for (unsigned i = 0; i < zones_.size(); ++i) {
    zones_[i].second.restore({0, in.getZonesMost()[i]});
  }
  people_most_ = in.getPeopleMost();
  alert_ = in.getAlert();
  progress_.restore(in.getNextSequence());
  tracker_lost_ = in.getTrackerLost();
  return {};
}

}  // namespace omma
