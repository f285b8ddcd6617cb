#include "actors/recorder.hpp"

#include <algorithm>
#include <utility>

#include "actors/frame_tag.hpp"
#include "actors/result_row.hpp"
#include "actors/track_boxes.hpp"

namespace omma {
namespace {

constexpr std::uint64_t patience_timer = 1;
constexpr std::uint64_t retry_timer = 2;
constexpr Duration retry_after = std::chrono::milliseconds(100);

std::vector<LineCrossing> lines_of(RecorderConfig::Reader config) {
  std::vector<LineCrossing> lines;
  for (const auto line : config.getLines()) {
    LineCrossing::Options options;
    options.from = {line.getA().getX(), line.getA().getY()};
    options.to = {line.getB().getX(), line.getB().getY()};
    lines.emplace_back(options);
  }
  return lines;
}

std::vector<ZoneOccupancy> zones_of(RecorderConfig::Reader config) {
  std::vector<ZoneOccupancy> zones;
  for (const auto zone : config.getZones()) {
    std::vector<kernels::Point> corners;
    for (const auto corner : zone.getCorners()) corners.push_back({corner.getX(), corner.getY()});
    zones.emplace_back(std::move(corners));
  }
  return zones;
}

std::uint64_t sequence_of(const Message& frame) {
  return frame.as<Frame>().getTag().getSequence();
}

}  // namespace

PlacementWish Recorder::wish(RecorderConfig::Reader config) {
  PlacementWish wish;
  wish.node = config.getRouter().getCamera().getNode();
  wish.near_camera = config.getRouter().getCamera().getName();
  wish.role = "camera";
  return wish;
}

Recorder::Recorder(RecorderConfig::Reader config, OpenRecordings& recordings)
    : config_(Message::copy_of<RecorderConfig>(config)),
      live_(config.getRouter().getCamera().getMode() == CaptureMode::LIVE),
      recordings_(recordings),
      recording_(recordings.at(config.getPath())),
      lines_(lines_of(config)),
      zones_(zones_of(config)),
      pictures_seen_(!live_) {}

// --- Inputs -------------------------------------------------------------------------------------

void Recorder::on_subscribers_changed(Turn& turn) {
  end_.keep_told(rows_.subscribers());
  if (rows_.subscribers().empty()) {
    if (end_.reached()) {
      end_.reset();
    } else if (subscribed_) {
      stop_inputs(turn);
      let_go(Fate::filtered, "nobody subscribes", turn);
      start_closing(turn);
    }
    return;
  }
  if (end_.reached()) return tell_end(turn);
  if (!subscribed_ && !closing_) begin(turn);
}

void Recorder::begin(Turn& turn) {
  const auto config = config_.as<RecorderConfig>();
  const auto router = turn.stage_of<StreamRouter>(config.getRouter());
  const auto tracker = turn.stage_of<Tracker>(config.getTracker());
  const auto shard = turn.stage_of<ModelShard>(config.getTracker().getShard());
  if (turn.stage_of<StreamRouter>(config.getTracker().getDetect().getRouter()).id != router.id) {
    return end("invalid_argument: the recorder's tracker follows another stream", turn);
  }
  recording_ = recordings_.begin(config.getPath());
  lines_ = lines_of(config);
  subscribed_ = true;

  SubscribeOptions options;
  options.delivery = delivery_of(config.getRouter().getCamera());
  turn.subscribe<Tracks>(tracker, options);
  options.window_bytes = limits::recorder_window_bytes;
  options.form = Message::build<FrameForm>([&](FrameForm::Builder form) {
    form.setCompanionHigh(shard.id.high);
    form.setCompanionLow(shard.id.low);
  });
  turn.subscribe<Frame>(router, std::move(options));
}

void Recorder::stop_inputs(Turn& turn) {
  const auto config = config_.as<RecorderConfig>();
  turn.unsubscribe<Frame>(turn.stage_of<StreamRouter>(config.getRouter()));
  turn.unsubscribe<Tracks>(turn.stage_of<Tracker>(config.getTracker()));
  subscribed_ = false;
}

void Recorder::on(Frame::Reader frame, Turn& turn) {
  if (!subscribed_) return turn.filtered("nobody subscribes");
  if (frame.getTag().getEnd()) {
    if (pictures_end_) return;
    pictures_end_ = Pending{turn.hold(), turn.message(), turn.now()};
    return step(turn);
  }
  const std::size_t bytes = std::size_t{frame.getWidth()} * frame.getHeight() * 3;
  if (turn.payloads().size() != 1 || turn.payloads()[0].size() != bytes || bytes == 0) {
    return turn.failed("not a picture");
  }
  if (pictures_seen_.see(frame.getTag().getSequence()) == FrameProgress::Verdict::repeated) {
    return turn.filtered("recorded already");  // A camera that came back from a crash.
  }
  pictures_.push_back({turn.hold(), turn.message(), turn.now()});
  step(turn);
}

void Recorder::on(Tracks::Reader tracks, Turn& turn) {
  if (!subscribed_) return turn.filtered("nobody subscribes");
  const auto tag = tracks.getTag();
  if (tag.getEnd()) {
    if (tracks_end_) return;
    tracks_end_ = Pending{turn.hold(), turn.message(), turn.now()};
    // No more tracks, before their time: the file ends here too.
    if (tag.getError().size() > 0 && !pictures_end_) pictures_end_ = tracks_end_;
    return step(turn);
  }
  tracks_seen_ = tag.getSequence() + 1;
  tracks_[tag.getSequence()] = {turn.hold(), turn.message(), turn.now()};
  step(turn);
}

// --- Joining and writing ------------------------------------------------------------------------

Recorder::Outlook Recorder::outlook(const Pending& frame, Turn& turn) const {
  const std::uint64_t sequence = sequence_of(frame.message);
  if (tracks_.contains(sequence) || tracks_end_) return Outlook::write;
  if (!frame.message.as<Frame>().getCompanionToo()) return Outlook::write;
  if (tracks_seen_ > sequence) return live_ ? Outlook::give_up : Outlook::write;
  const bool late = turn.now() - frame.arrived >= limits::recorder_tracks_wait;
  return live_ && late ? Outlook::give_up : Outlook::wait;
}

void Recorder::step(Turn& turn) {
  while (job_ == 0 && !pictures_.empty()) {
    Pending& frame = pictures_.front();
    drop_lone_tracks(sequence_of(frame.message), turn);
    switch (outlook(frame, turn)) {
      case Outlook::write:
        return write_front(turn);
      case Outlook::wait:
        if (!live_) return;
        return turn.set_timer(patience_timer,
                              frame.arrived + limits::recorder_tracks_wait - turn.now());
      case Outlook::give_up:
        turn.release(frame.held, Fate::filtered, "no tracks");
        pictures_.pop_front();
    }
  }
  if (job_ == 0 && pictures_end_ && pictures_.empty()) start_closing(turn);
}

void Recorder::drop_lone_tracks(std::uint64_t before_sequence, Turn& turn) {
  while (!tracks_.empty() && tracks_.begin()->first < before_sequence) {
    turn.release(tracks_.begin()->second.held, Fate::filtered, "no frame");
    tracks_.erase(tracks_.begin());
  }
}

void Recorder::write_front(Turn& turn) {
  const Message frame = pictures_.front().message;
  const auto own = tracks_.find(sequence_of(frame));
  const bool fresh = own != tracks_.end();
  if (fresh) {
    last_tracks_ = own->second.message;
  } else if (frame.as<Frame>().getCompanionToo() || tracks_end_) {
    last_tracks_ = {};  // What was seen then says nothing of now.
  }
  job_ = turn.run([recording = recording_, frame,
                   overlay = overlay_for(last_tracks_, fresh)]() -> Result<Message> {
    const auto reader = frame.as<Frame>();
    const Picture picture{frame.payloads()[0], static_cast<int>(reader.getWidth()),
                          static_cast<int>(reader.getHeight())};
    const auto tag = reader.getTag();
    auto written =
        recording->write(tag.getSequence(), Duration(tag.getMediaNs()), picture, overlay);
    if (!written) return written.error();
    return Message::build<FrameWritten>(
        [&](FrameWritten::Builder out) { out.setSequence(tag.getSequence()); });
  });
}

// The lines count only tracks that are about this very frame.
Overlay Recorder::overlay_for(const Message& tracks, bool fresh) {
  const auto config = config_.as<RecorderConfig>();
  std::vector<TrackBox> boxes;
  if (!tracks.is_null()) boxes = track_boxes(tracks.as<Tracks>());
  Overlay overlay;
  for (const TrackBox& track : boxes) overlay.tracks.push_back({track.id, track.box});
  lines_drawn_ = lines_;
  for (unsigned i = 0; i < lines_drawn_.size(); ++i) {
    if (fresh) lines_drawn_[i].update(boxes);
    const auto line = config.getLines()[i];
    overlay.lines.push_back({{line.getA().getX(), line.getA().getY()},
                             {line.getB().getX(), line.getB().getY()},
                             std::string(line.getName()) + ": " +
                                 std::to_string(lines_drawn_[i].to_right()) + " to_right, " +
                                 std::to_string(lines_drawn_[i].to_left()) + " to_left"});
  }
  for (unsigned i = 0; i < zones_.size(); ++i) {
    const auto zone = config.getZones()[i];
    Overlay::ZoneMark mark;
    for (const auto corner : zone.getCorners()) {
      mark.corners.push_back({corner.getX(), corner.getY()});
    }
    mark.label =
        std::string(zone.getName()) + ": " + std::to_string(zones_[i].update(boxes).size());
    overlay.zones.push_back(std::move(mark));
  }
  return overlay;
}

void Recorder::on(FrameWritten::Reader written, Turn& turn) {
  if (turn.job() != job_ || turn.job() == 0) return;  // Of before a restart.
  job_ = 0;
  if (closing_) return start_closing(turn);
  lines_ = lines_drawn_;
  turn.release(pictures_.front().held);
  pictures_.pop_front();
  const auto own = tracks_.find(written.getSequence());
  if (own != tracks_.end()) {
    turn.release(own->second.held);
    tracks_.erase(own);
  }
  step(turn);
}

// --- Ends ---------------------------------------------------------------------------------------

// All that is in hand goes, and is written no more.
void Recorder::let_go(Fate fate, const std::string& reason, Turn& turn) {
  for (const Pending& frame : pictures_) turn.release(frame.held, fate, reason);
  for (const auto& [sequence, pending] : tracks_) turn.release(pending.held, fate, reason);
  if (pictures_end_) turn.release(pictures_end_->held);
  if (tracks_end_) turn.release(tracks_end_->held);
  pictures_.clear();
  tracks_.clear();
  pictures_end_.reset();
  tracks_end_.reset();
  pictures_seen_.restore(0);
  tracks_seen_ = 0;
  last_tracks_ = {};
}

void Recorder::start_closing(Turn& turn) {
  closing_ = true;
  if (job_ != 0) return;  // When the picture in hand is written.
  job_ = turn.run([recording = recording_]() -> Result<Message> {
    auto frames = recording->close();
    if (!frames) return frames.error();
    return Message::build<RecordingClosed>(
        [&](RecordingClosed::Builder out) { out.setFrames(*frames); });
  });
}

void Recorder::on(RecordingClosed::Reader closed, Turn& turn) {
  if (turn.job() != job_ || turn.job() == 0) return;  // Of before a restart.
  job_ = 0;
  closing_ = false;
  frames_ = closed.getFrames();
  if (!subscribed_) {  // The last subscriber had left; another may have come since.
    if (!rows_.subscribers().empty()) begin(turn);
    return;
  }
  const auto pending = *pictures_end_;
  const auto tag = pending.message.is<Frame>() ? pending.message.as<Frame>().getTag()
                                               : pending.message.as<Tracks>().getTag();
  stop_inputs(turn);
  end_.reach(tag);
  let_go(Fate::filtered, "no frame", turn);
  tell_end(turn);
}

void Recorder::on_job_failed(std::uint64_t job, const Error& error, Turn& turn) {
  if (job != job_) return;
  job_ = 0;
  if (error.code == Code::overloaded) return turn.set_timer(retry_timer, retry_after);
  closing_ = false;
  if (subscribed_) stop_inputs(turn);
  let_go(Fate::failed, "not written", turn);
  end(error.describe(), turn);
}

void Recorder::end(const std::string& error, Turn& turn) {
  const Message tag = Message::build<FrameTag>([&](FrameTag::Builder out) {
    out.setCamera(config_.as<RecorderConfig>().getRouter().getCamera().getName());
    out.setEnd(true);
    out.setError(error);
  });
  end_.reach(tag.as<FrameTag>());
  tell_end(turn);
}

void Recorder::tell_end(Turn& turn) {
  turn.set_trace({});
  std::vector<RowField> fields{{"path", std::string(config_.as<RecorderConfig>().getPath())},
                               {"frames", frames_}};
  if (end_.failed()) fields.emplace_back("error", std::string(end_.tag().getError()));
  const Message row = result_row("recorded", end_.tag(), "record", turn, fields);
  for (const Subscriber& subscriber : rows_.subscribers()) {
    if (end_.must_tell(subscriber.id)) rows_.publish_to(turn, subscriber, row);
  }
}

// --- Life ---------------------------------------------------------------------------------------

void Recorder::on_timer(std::uint64_t timer, Turn& turn) {
  if (timer == retry_timer && closing_ && job_ == 0) return start_closing(turn);
  step(turn);
}

void Recorder::on_peer_lost(const ActorId& peer, Turn&) {
  end_.forget(peer);
}

void Recorder::save(RecorderState::Builder out) const {
  out.setRecording(subscribed_);
  end_.save(out.initEnd());
  out.setFrames(frames_);
  auto lines = out.initLines(static_cast<unsigned>(lines_.size()));
  for (unsigned i = 0; i < lines.size(); ++i) {
    const auto& state = lines_[i].state();
    lines[i].setToLeft(state.to_left);
    lines[i].setToRight(state.to_right);
    auto tracks = lines[i].initTracks(static_cast<unsigned>(state.tracks.size()));
    for (unsigned k = 0; k < tracks.size(); ++k) {
      tracks[k].setTrackId(state.tracks[k].track_id);
      tracks[k].initPoint().setX(state.tracks[k].point.x);
      tracks[k].getPoint().setY(state.tracks[k].point.y);
      tracks[k].setUnseenFrames(state.tracks[k].unseen_frames);
    }
  }
}

Result<void> Recorder::load(RecorderState::Reader in) {
  subscribed_ = in.getRecording();
  end_.load(in.getEnd());
  frames_ = in.getFrames();
  if (in.getLines().size() != lines_.size()) {
    return Error{Code::corrupt, "recorder state: " + std::to_string(in.getLines().size()) +
                                    " lines, the configuration has " +
                                    std::to_string(lines_.size())};
  }
  for (unsigned i = 0; i < lines_.size(); ++i) {
    const auto from = in.getLines()[i];
    LineCrossing::State state;
    state.to_left = from.getToLeft();
    state.to_right = from.getToRight();
    for (const auto standing : from.getTracks()) {
      state.tracks.push_back({standing.getTrackId(),
                              {standing.getPoint().getX(), standing.getPoint().getY()},
                              standing.getUnseenFrames()});
    }
    if (auto restored = lines_[i].restore(std::move(state)); !restored) return restored;
  }
  return {};
}

}  // namespace omma
