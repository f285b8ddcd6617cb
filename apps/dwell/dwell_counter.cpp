#include "apps/dwell/dwell_counter.hpp"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

namespace dwell {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr omma::Duration heat_map_every = 10s;  // Of media time.
constexpr float pictures_per_second = 0.5F;     // For the heat map's ground.
constexpr std::uint64_t retry_timer = 1;
constexpr omma::Duration retry_after = 100ms;

double seconds(omma::Duration time) {
  return std::chrono::duration<double>(time).count();
}

// As one step: whoever looks at the file sees this heat map or the one before, never a half.
omma::Result<void> write_whole(const std::string& path, const omma::Picture& picture) {
  const fs::path folder = fs::path(path).parent_path();
  std::error_code failure;
  if (!folder.empty()) fs::create_directories(folder, failure);
  if (failure) {
    return omma::Error{omma::Code::unavailable,
                       "heat map " + path + ": its folder cannot be made: " + failure.message() +
                           "; name another place"};
  }
  const std::string part = path + ".part";
  if (auto written = omma::write_png(part.c_str(), picture); !written) return written;
  fs::rename(part, path, failure);
  if (!failure) return {};
  return omma::Error{omma::Code::unavailable,
                     "heat map " + path + ": cannot be replaced: " + failure.message()};
}

}  // namespace

// --- Inputs -------------------------------------------------------------------------------------

void DwellCounter::on_subscribers_changed(omma::Turn& turn) {
  end_.keep_told(rows_.subscribers());
  if (!rows_.subscribers().empty()) return end_.reached() ? tell_end(turn) : begin(turn);
  stop(turn);
  if (!end_.reached()) return;
  end_.reset();  // Whoever asks next is told from the beginning.
  meter_ = DwellMeter(config_.as<Config>());
  next_heat_map_ = {};
  last_drawn_ = false;
}

void DwellCounter::begin(omma::Turn& turn) {
  const auto tracker = config_.as<Config>().getTracker();
  omma::SubscribeOptions options;
  options.delivery = omma::delivery_of(camera_of(config_.as<Config>()));
  turn.subscribe<omma::Tracks>(turn.stage_of<omma::Tracker>(tracker), options);
  if (!draws()) return;
  // The router opens the camera when the network that looks for people has subscribed as well.
  const auto shard = turn.stage_of<omma::ModelShard>(tracker.getShard());
  omma::SubscribeOptions pictures;
  pictures.delivery = omma::DeliveryClass::fresh;  // One that gets lost is no loss.
  pictures.form = omma::Message::build<omma::FrameForm>([&](omma::FrameForm::Builder form) {
    form.setFramesPerSecondMax(pictures_per_second);
    form.setCompanionHigh(shard.id.high);
    form.setCompanionLow(shard.id.low);
  });
  turn.subscribe<omma::Frame>(turn.stage_of<omma::StreamRouter>(tracker.getDetect().getRouter()),
                              std::move(pictures));
}

void DwellCounter::stop(omma::Turn& turn) {
  const auto tracker = config_.as<Config>().getTracker();
  turn.unsubscribe<omma::Tracks>(turn.stage_of<omma::Tracker>(tracker));
  drop_picture(turn);
  if (!draws()) return;
  turn.unsubscribe<omma::Frame>(turn.stage_of<omma::StreamRouter>(tracker.getDetect().getRouter()));
}

void DwellCounter::on(omma::Tracks::Reader tracks, omma::Turn& turn) {
  const auto tag = tracks.getTag();
  if (tag.getEnd()) return end(tag, turn);
  const Findings found =
      meter_.update(tag.getSequence(), omma::Duration(tag.getMediaNs()),
                    static_cast<int>(tracks.getSourceWidth()),
                    static_cast<int>(tracks.getSourceHeight()), omma::track_boxes(tracks));
  if (found.repeated) return turn.filtered("counted already");
  tell_stays(found.ended, turn);
  std::vector<omma::RowField> fields;
  for (const ZoneNow& zone : found.zones) {
    fields.emplace_back(zone.zone, zone.people);
    fields.emplace_back(zone.zone + " longest", seconds(zone.longest));
  }
  if (!fields.empty()) tell("zones", fields, turn);
  if (draws() && !drawing_ && meter_.media_time() >= next_heat_map_ + heat_map_every) draw(turn);
}

void DwellCounter::on(omma::Frame::Reader frame, omma::Turn& turn) {
  if (frame.getTag().getEnd()) return;  // The tracks say when all is over.
  const std::size_t bytes = std::size_t{frame.getWidth()} * frame.getHeight() * 3;
  if (turn.payloads().size() != 1 || turn.payloads()[0].size() != bytes || bytes == 0) {
    return turn.failed("not a picture");
  }
  if (last_drawn_) return turn.filtered("after the end");
  drop_picture(turn);
  picture_ = HeldPicture{turn.hold(), turn.message()};
}

void DwellCounter::drop_picture(omma::Turn& turn) {
  if (picture_) turn.release(picture_->held, omma::Fate::filtered, "a newer one came");
  picture_.reset();
}

void DwellCounter::on_peer_lost(const omma::ActorId& peer, omma::Turn& turn) {
  end_.forget(peer);
  const auto tracker = turn.stage_of<omma::Tracker>(config_.as<Config>().getTracker());
  if (peer == tracker.id) meter_.tracker_lost();
}

// --- The heat map -------------------------------------------------------------------------------

HeatMapScene DwellCounter::scene() const {
  const auto config = config_.as<Config>();
  HeatMapScene scene;
  scene.heat = meter_.heat();
  const std::string camera = camera_of(config).getName();  // An own video is called by its path.
  scene.title = fs::path(camera).filename().string();
  if (picture_) {
    const auto frame = picture_->frame.as<omma::Frame>();
    scene.picture = {picture_->frame.payloads()[0], static_cast<int>(frame.getWidth()),
                     static_cast<int>(frame.getHeight())};
  }
  const auto totals = meter_.totals();
  for (unsigned i = 0; i < totals.size(); ++i) {
    HeatMapScene::Zone zone;
    for (const auto corner : config.getZones()[i].getCorners()) {
      zone.corners.push_back({corner.getX(), corner.getY()});
    }
    char stays[64];
    std::snprintf(stays, sizeof stays, ": %llu stays, mean %.1f s",
                  static_cast<unsigned long long>(totals[i].stays), seconds(totals[i].mean));
    zone.label = totals[i].zone + stays;
    scene.zones.push_back(std::move(zone));
  }
  return scene;
}

// Drawing takes 20 ms and a disk's time: a job's work, not a turn's.
void DwellCounter::draw(omma::Turn& turn) {
  drawing_ = true;
  next_heat_map_ = meter_.media_time();
  job_is_last_ = end_.reached();
  const std::string path = config_.as<Config>().getHeatMap();
  job_ = turn.run([scene = scene(), path]() -> omma::Result<omma::Message> {
    omma::BufferPool pool(0);  // One picture in 10 s: nothing to keep.
    auto picture = draw_heat_map(scene, pool);
    if (!picture) return picture.error();
    if (auto written = write_whole(path, *picture); !written) return written.error();
    return omma::Message::build<HeatMapDrawn>(
        [&](HeatMapDrawn::Builder out) { out.setPath(path); });
  });
}

void DwellCounter::on(HeatMapDrawn::Reader, omma::Turn& turn) {
  if (turn.job() != job_ || job_ == 0) return;  // Of before a restart.
  drawn("", turn);
}

void DwellCounter::on_job_failed(std::uint64_t job, const omma::Error& error, omma::Turn& turn) {
  if (job != job_) return;
  if (error.code == omma::Code::overloaded) return turn.set_timer(retry_timer, retry_after);
  drawn(error.describe(), turn);
}

void DwellCounter::drawn(const std::string& error, omma::Turn& turn) {
  job_ = 0;
  drawing_ = false;
  std::vector<omma::RowField> fields{{"path", std::string(config_.as<Config>().getHeatMap())}};
  if (!error.empty()) fields.emplace_back("error", error);
  tell("heat_map", fields, turn);
  if (!end_.reached()) return;
  if (!job_is_last_) return draw(turn);
  last_drawn_ = true;
  drop_picture(turn);
  tell_end(turn);
}

void DwellCounter::on_timer(std::uint64_t, omma::Turn& turn) {
  if (drawing_) draw(turn);
}

// The job that drew is gone.
void DwellCounter::on_resume(omma::Turn& turn) {
  if (drawing_) draw(turn);
}

// --- Rows ---------------------------------------------------------------------------------------

// Of the newest frame that was counted.
void DwellCounter::tell(const char* kind, const std::vector<omma::RowField>& fields,
                        omma::Turn& turn) {
  const std::uint64_t next = meter_.next_sequence();
  const omma::Message tag = omma::Message::build<omma::FrameTag>([&](omma::FrameTag::Builder out) {
    out.setCamera(camera_of(config_.as<Config>()).getName());
    out.setSequence(next == 0 ? 0 : next - 1);
    out.setMediaNs(meter_.media_time().count());
  });
  rows_.publish(turn, omma::result_row(kind, tag.as<omma::FrameTag>(), "dwell", turn, fields));
}

void DwellCounter::tell_stays(const std::vector<Stay>& stays, omma::Turn& turn) {
  for (const Stay& stay : stays) {
    tell("stay",
         {{"zone", stay.zone},
          {"track", stay.track},
          {"began", seconds(stay.began)},
          {"seconds", seconds(stay.length)}},
         turn);
  }
}

void DwellCounter::end(omma::FrameTag::Reader tag, omma::Turn& turn) {
  if (end_.reached()) return;
  end_.reach(tag);
  tell_stays(meter_.finish(), turn);
  if (!draws()) return tell_end(turn);
  if (!drawing_) draw(turn);  // Else when the one in hand is done.
}

void DwellCounter::tell_end(omma::Turn& turn) {
  if (draws() && !last_drawn_) return;
  std::vector<omma::RowField> fields;
  for (const ZoneTotals& zone : meter_.totals()) {
    fields.emplace_back(zone.zone + " stays", zone.stays);
    fields.emplace_back(zone.zone + " mean", seconds(zone.mean));
    fields.emplace_back(zone.zone + " longest", seconds(zone.longest));
  }
  const omma::Message row = omma::result_row("end", end_.tag(), "dwell", turn, fields);
  for (const omma::Subscriber& subscriber : rows_.subscribers()) {
    if (end_.must_tell(subscriber.id)) rows_.publish_to(turn, subscriber, row);
  }
}

// --- Life ---------------------------------------------------------------------------------------

void DwellCounter::save(State::Builder out) const {
  meter_.save(out.initMeter());
  end_.save(out.initEnd());
  out.setNextHeatMapNs(next_heat_map_.count());
  out.setDrawing(drawing_);
  out.setLastDrawn(last_drawn_);
}

omma::Result<void> DwellCounter::load(State::Reader in) {
  end_.load(in.getEnd());
  next_heat_map_ = omma::Duration(in.getNextHeatMapNs());
  drawing_ = in.getDrawing();
  last_drawn_ = in.getLastDrawn();
  return meter_.load(in.getMeter());
}

}  // namespace dwell
