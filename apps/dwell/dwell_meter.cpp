#include "apps/dwell/dwell_meter.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace dwell {
namespace {

bool sees_every_frame(DwellConfig::Reader config) {
  return config.getTracker().getDetect().getRouter().getCamera().getMode() ==
         omma::CaptureMode::EVERY_FRAME;
}

std::int64_t milliseconds_of(omma::Duration time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).count();
}

std::int64_t seconds_of(omma::Duration time) {
  return std::chrono::floor<std::chrono::seconds>(time).count();
}

}  // namespace

DwellMeter::DwellMeter(DwellConfig::Reader config)
    : every_frame_(sees_every_frame(config)),
      gone_after_(std::chrono::milliseconds(config.getGoneAfterMs())),
      progress_(every_frame_) {
  for (const auto zone : config.getZones()) {
    std::vector<omma::kernels::Point> corners;
    for (const auto corner : zone.getCorners()) corners.push_back({corner.getX(), corner.getY()});
    zones_.push_back(
        {zone.getName().cStr(), omma::ZoneOccupancy(std::move(corners)), {}, 0, {}, {}});
  }
}

Findings DwellMeter::update(std::uint64_t sequence, omma::Duration media_time, int width,
                            int height, std::span<const omma::TrackBox> people) {
  const std::uint64_t awaited = progress_.next();
  const auto verdict = progress_.see(sequence);
  if (verdict == omma::FrameProgress::Verdict::repeated) return {true, {}, {}};
  const bool first = awaited == 0 || verdict == omma::FrameProgress::Verdict::begun_again;
  const bool same_ids = !tracker_lost_ || (every_frame_ && sequence == awaited);
  tracker_lost_ = false;
  Findings findings;
  if (first || !same_ids) findings.ended = end_all();
  heat_.set_size(width, height);
  if (!first) warm(media_time, people);

  const bool new_second = first || seconds_of(media_time) != seconds_of(media_time_);
  for (Zone& zone : zones_) {
    for (auto open = zone.open.begin(); open != zone.open.end();) {
      const auto here = open++;
      if (media_time - here->second.last < gone_after_) continue;
      findings.ended.push_back(end_stay(zone, here));
    }
    ZoneNow now{zone.name, 0, {}};
    for (const std::uint64_t track : zone.area.update(people)) {
      const auto [open, fresh] = zone.open.try_emplace(track, Open{media_time, media_time});
      open->second.last = media_time;
      ++now.people;
    }
    for (const auto& [track, open] : zone.open) {
      now.longest = std::max(now.longest, open.last - open.first);
    }
    if (new_second) findings.zones.push_back(std::move(now));
  }
  media_time_ = media_time;
  return findings;
}

// Differences of whole milliseconds since the start, so that nothing is lost by rounding.
void DwellMeter::warm(omma::Duration media_time, std::span<const omma::TrackBox> people) {
  const omma::Duration passed = media_time - media_time_;
  if (passed <= omma::Duration(0) || passed > heat_gap_max) return;
  const auto each =
      static_cast<std::uint32_t>(milliseconds_of(media_time) - milliseconds_of(media_time_));
  for (const omma::TrackBox& person : people) heat_.add(omma::foot_point(person), each);
}

Stay DwellMeter::end_stay(Zone& zone, std::map<std::uint64_t, Open>::iterator open) {
  const Open& times = open->second;
  Stay stay{zone.name, open->first, times.first, times.last - times.first};
  ++zone.ended;
  zone.total += stay.length;
  zone.longest = std::max(zone.longest, stay.length);
  zone.open.erase(open);
  return stay;
}

std::vector<Stay> DwellMeter::end_all() {
  std::vector<Stay> ended;
  for (Zone& zone : zones_) {
    while (!zone.open.empty()) ended.push_back(end_stay(zone, zone.open.begin()));
  }
  return ended;
}

std::vector<ZoneTotals> DwellMeter::totals() const {
  std::vector<ZoneTotals> all;
  for (const Zone& zone : zones_) {
    const auto stays = static_cast<std::int64_t>(zone.ended);
    all.push_back(
        {zone.name, zone.ended, stays == 0 ? omma::Duration(0) : zone.total / stays, zone.longest});
  }
  return all;
}

void DwellMeter::save(DwellMeterState::Builder out) const {
  auto zones = out.initZones(static_cast<unsigned>(zones_.size()));
  for (unsigned i = 0; i < zones.size(); ++i) {
    auto open = zones[i].initOpen(static_cast<unsigned>(zones_[i].open.size()));
    unsigned k = 0;
    for (const auto& [track, times] : zones_[i].open) {
      open[k].setTrack(track);
      open[k].setFirstNs(times.first.count());
      open[k].setLastNs(times.last.count());
      ++k;
    }
    zones[i].setEnded(zones_[i].ended);
    zones[i].setTotalNs(zones_[i].total.count());
    zones[i].setLongestNs(zones_[i].longest.count());
  }
  heat_.save(out.initHeat());
  out.setNextSequence(progress_.next());
  out.setMediaNs(media_time_.count());
  out.setTrackerLost(tracker_lost_);
}

omma::Result<void> DwellMeter::load(DwellMeterState::Reader in) {
  if (in.getZones().size() != zones_.size()) {
    return omma::Error{omma::Code::corrupt, "state of " + std::to_string(in.getZones().size()) +
                                                " zones for " + std::to_string(zones_.size())};
  }
  if (auto loaded = heat_.load(in.getHeat()); !loaded) return loaded;
  for (unsigned i = 0; i < zones_.size(); ++i) {
    const auto from = in.getZones()[i];
    Zone& zone = zones_[i];
    zone.open.clear();
    for (const auto open : from.getOpen()) {
      zone.open[open.getTrack()] = {omma::Duration(open.getFirstNs()),
                                    omma::Duration(open.getLastNs())};
    }
    zone.ended = from.getEnded();
    zone.total = omma::Duration(from.getTotalNs());
    zone.longest = omma::Duration(from.getLongestNs());
  }
  progress_.restore(in.getNextSequence());
  media_time_ = omma::Duration(in.getMediaNs());
  tracker_lost_ = in.getTrackerLost();
  return {};
}

}  // namespace dwell
