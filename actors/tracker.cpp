#include "actors/tracker.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "actors/frame_tag.hpp"

namespace omma {
namespace {

kernels::Box box_of(Box::Reader box) {
  return {box.getX1(), box.getY1(), box.getX2(), box.getY2()};
}

void set_box(Box::Builder out, const kernels::Box& box) {
  out.setX1(box.x1);
  out.setY1(box.y1);
  out.setX2(box.x2);
  out.setY2(box.y2);
}

}  // namespace

std::string Tracker::title(TrackerConfig::Reader config) {
  return config.getDetect().getRouter().getCamera().getName();
}

PlacementWish Tracker::wish(TrackerConfig::Reader) {
  PlacementWish wish;
  wish.role = "cloud";
  return wish;
}

Tracker::Tracker(TrackerConfig::Reader config)
    : config_(Message::copy_of<TrackerConfig>(config)),
      progress_(config.getDetect().getRouter().getCamera().getMode() == CaptureMode::EVERY_FRAME) {
  for (const auto label : config.getLabels()) labels_.emplace(label);
}

void Tracker::on_subscribers_changed(Turn& turn) {
  end_.keep_told(tracks_.subscribers());
  const auto config = config_.as<TrackerConfig>();
  if (tracks_.subscribers().empty()) {
    if (subscribed_) turn.unsubscribe<Detections>(turn.stage_of<ModelShard>(config.getShard()));
    subscribed_ = false;
    if (end_.reached()) begin_again();
    return;
  }
  if (end_.reached()) return tell_end(turn);
  if (subscribed_) return;
  subscribed_ = true;
  SubscribeOptions options;
  options.delivery = delivery_of(config.getDetect().getRouter().getCamera());
  options.window_bytes = limits::findings_window_bytes;
  options.form = Message::copy_of<DetectRequest>(config.getDetect());
  turn.subscribe<Detections>(turn.stage_of<ModelShard>(config.getShard()), std::move(options));
}

void Tracker::begin_again() {
  end_.reset();
  progress_.restore(0);
  tracker_ = MultiObjectTracker(MultiObjectTracker::Options{});
}

void Tracker::on(Detections::Reader detections, Turn& turn) {
  const auto tag = detections.getTag();
  if (tag.getEnd()) {
    end_.reach(tag);
    return tell_end(turn);
  }
  if (end_.reached()) return turn.filtered("after the end");
  const std::uint64_t before = progress_.next();
  const auto verdict = progress_.see(tag.getSequence());
  if (verdict == FrameProgress::Verdict::repeated) return turn.filtered("seen already");
  const bool first = before == 0 || verdict == FrameProgress::Verdict::begun_again;
  if (first) tracker_ = MultiObjectTracker(MultiObjectTracker::Options{});
  const std::uint64_t passed = first ? 1 : progress_.next() - before;
  tracker_.set_scores(ScoreLevels::around(detections.getScoreRecommended()));
  constexpr std::uint64_t passed_max = std::numeric_limits<std::uint32_t>::max() / 2;
  const auto tracks = tracker_.update(followed(detections),
                                      static_cast<std::uint32_t>(std::min(passed, passed_max)));
  tracks_.publish(turn, [&](Tracks::Builder out) {
    const WallTime now = turn.wall_now();
    pass_on_tag(tag, out.initTag(), "track", {now, now});
    out.setClasses(detections.getClasses());
    out.setSourceWidth(detections.getSourceWidth());
    out.setSourceHeight(detections.getSourceHeight());
    auto list = out.initTracks(static_cast<unsigned>(tracks.size()));
    for (unsigned i = 0; i < list.size(); ++i) {
      list[i].setId(tracks[i].id);
      set_box(list[i].initBox(), tracks[i].box);
      list[i].setScore(tracks[i].score);
      list[i].setLabel(tracks[i].label);
      list[i].setAgeFrames(tracks[i].age_frames);
    }
  });
}

std::vector<kernels::Detection> Tracker::followed(Detections::Reader detections) const {
  const auto classes = detections.getClasses();
  std::vector<kernels::Detection> found;
  for (const auto detection : detections.getDetections()) {
    const std::uint16_t label = detection.getLabel();
    const bool wanted =
        labels_.empty() || (label < classes.size() && labels_.contains(classes[label]));
    if (wanted) found.push_back({box_of(detection.getBox()), detection.getScore(), label});
  }
  return found;
}

void Tracker::tell_end(Turn& turn) {
  turn.set_trace({});
  const Message message = Message::build<Tracks>([&](Tracks::Builder out) {
    const WallTime now = turn.wall_now();
    pass_on_tag(end_.tag(), out.initTag(), "track", {now, now});
  });
  for (const Subscriber& subscriber : tracks_.subscribers()) {
    if (end_.must_tell(subscriber.id)) tracks_.publish_to(turn, subscriber, message);
  }
}

void Tracker::on_peer_lost(const ActorId& peer, Turn&) {
  end_.forget(peer);
}

void Tracker::save(TrackerState::Builder out) const {
  out.setSubscribed(subscribed_);
  end_.save(out.initEnd());
  out.setNextSequence(progress_.next());
  const auto& state = tracker_.state();
  out.setNextTrackId(state.next_id);
  auto tracks = out.initTracks(static_cast<unsigned>(state.tracks.size()));
  for (unsigned i = 0; i < tracks.size(); ++i) {
    const auto& from = state.tracks[i];
    auto to = tracks[i];
    to.setId(from.id);
    to.setLabel(from.label);
    to.setAgeFrames(from.age_frames);
    to.setHits(from.hits);
    to.setGapFrames(from.gap_frames);
    to.setScore(from.score);
    set_box(to.initBox(), from.box);
    auto motion = to.initMotion(static_cast<unsigned>(from.motion.size()));
    for (unsigned axis = 0; axis < motion.size(); ++axis) {
      motion[axis].setPosition(from.motion[axis].position);
      motion[axis].setVelocity(from.motion[axis].velocity);
      motion[axis].setPositionVariance(from.motion[axis].position_variance);
      motion[axis].setCovariance(from.motion[axis].covariance);
      motion[axis].setVelocityVariance(from.motion[axis].velocity_variance);
    }
  }
}

Result<void> Tracker::load(TrackerState::Reader in) {
  subscribed_ = in.getSubscribed();
  end_.load(in.getEnd());
  progress_.restore(in.getNextSequence());
  MultiObjectTracker::State state;
  state.next_id = in.getNextTrackId();
  for (const auto from : in.getTracks()) {
    auto& to = state.tracks.emplace_back();
    to.id = from.getId();
    to.label = from.getLabel();
    to.age_frames = from.getAgeFrames();
    to.hits = from.getHits();
    to.gap_frames = from.getGapFrames();
    to.score = from.getScore();
    to.box = box_of(from.getBox());
    const auto motion = from.getMotion();
    if (motion.size() != to.motion.size()) {
      return Error{Code::corrupt, "tracker state: a track with " + std::to_string(motion.size()) +
                                      " axes, 4 are needed"};
    }
    for (unsigned axis = 0; axis < motion.size(); ++axis) {
      to.motion[axis] = {motion[axis].getPosition(), motion[axis].getVelocity(),
                         motion[axis].getPositionVariance(), motion[axis].getCovariance(),
                         motion[axis].getVelocityVariance()};
    }
  }
  return tracker_.restore(std::move(state));
}

}  // namespace omma
