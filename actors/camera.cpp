#include "actors/camera.hpp"

#include <algorithm>
#include <utility>

#include "actors/frame_tag.hpp"

namespace omma {
namespace {

constexpr std::uint64_t capture_timer = 1;
constexpr std::uint64_t retry_timer = 2;
// The executor was full: its queue has moved on by then.
constexpr Duration retry_after = std::chrono::milliseconds(100);

SourceSpec source_spec_of(CameraConfig::Reader config) {
  SourceSpec spec;
  spec.url = config.getSource();
  if (config.getWindowWidth() > 0) {
    spec.window = PixelWindow{
        static_cast<int>(config.getWindowX()), static_cast<int>(config.getWindowY()),
        static_cast<int>(config.getWindowWidth()), static_cast<int>(config.getWindowHeight())};
  }
  if (config.getFramesMax() > 0) spec.frames_max = config.getFramesMax();
  return spec;
}

}  // namespace

// Whoever asks for a durable camera must not get one that is not.
std::string Camera::key(CameraConfig::Reader config) {
  return std::string(config.getName()) + (config.getDurable() ? " (durable)" : "");
}

PlacementWish Camera::wish(CameraConfig::Reader config) {
  PlacementWish wish;
  wish.node = config.getNode();
  wish.role = "camera";
  return wish;
}

Camera::Camera(CameraConfig::Reader config, OpenSource open)
    : name_(config.getName()),
      every_frame_(config.getMode() == CaptureMode::EVERY_FRAME),
      source_(std::make_shared<CameraSource>(source_spec_of(config), std::move(open))),
      pace_(config.getPace() == Pace::BY_TIMESTAMPS, !every_frame_) {}

void Camera::on_subscribers_changed(Turn& turn) {
  end_.keep_told(frames_.subscribers());
  if (end_.reached()) {
    if (watched()) return tell_end(turn);
    end_.reset();
    next_ = 0;
    return;
  }
  if (!watched() || reading_ != 0) return;
  pace_.restart();
  if (waiting_.is_null()) return read_next(turn);
  consider_waiting(turn);
}

void Camera::read_next(Turn& turn) {
  if (!watched()) return;
  reading_ = turn.run([source = source_, sequence = next_] { return source->read(sequence); },
                      {ExecutorKind::io, every_frame_});
}

void Camera::on(FrameRead::Reader read, Turn& turn) {
  if (turn.job() != reading_ || turn.job() == 0) return;  // Of before a restart.
  reading_ = 0;
  switch (read.getOutcome()) {
    case FrameRead::Outcome::PICTURE:
      waiting_ = turn.message();
      return consider_waiting(turn);
    case FrameRead::Outcome::DAMAGED:
      turn.captured(name_, next_++);
      turn.failed("corrupt");
      return read_next(turn);
    case FrameRead::Outcome::END:
      return end("", turn);
  }
}

void Camera::on_timer(std::uint64_t timer, Turn& turn) {
  if (timer == capture_timer) return consider_waiting(turn);
  if (reading_ == 0 && waiting_.is_null() && !end_.reached()) read_next(turn);
}

void Camera::consider_waiting(Turn& turn) {
  if (waiting_.is_null() || !watched()) return;
  const auto read = waiting_.as<FrameRead>();
  const auto verdict =
      pace_.decide(Duration(read.getMediaNs()), Duration(read.getFrameIntervalNs()), turn.now());
  switch (verdict.action) {
    case CapturePace::Action::wait:
      return turn.set_timer(capture_timer, verdict.wait);
    case CapturePace::Action::drop:
      turn.captured(name_, next_++);
      turn.filtered("late");
      break;
    case CapturePace::Action::capture:
      publish_waiting(turn);
      break;
  }
  waiting_ = {};
  read_next(turn);
}

void Camera::publish_waiting(Turn& turn) {
  const auto read = waiting_.as<FrameRead>();
  turn.captured(name_, next_);
  const auto payloads = waiting_.payloads();
  frames_.publish(turn,
                  [&](Frame::Builder out) {
                    auto tag = out.initTag();
                    tag.setCamera(name_);
                    tag.setSequence(next_);
                    tag.setCaptureNs(nanoseconds_of(turn.wall_now()));
                    tag.setMediaNs(read.getMediaNs());
                    auto hop = tag.initHops(1)[0];
                    hop.setStage("capture");
                    hop.setEnterNs(nanoseconds_of(turn.wall_now()));
                    hop.setLeaveNs(nanoseconds_of(turn.wall_now()));
                    out.setWidth(read.getWidth());
                    out.setHeight(read.getHeight());
                    out.setFormat(PixelFormat::BGR24);
                    out.setSourceWidth(read.getWidth());
                    out.setSourceHeight(read.getHeight());
                  },
                  {payloads.begin(), payloads.end()});
  ++next_;
}

void Camera::on_job_failed(std::uint64_t job, const Error& error, Turn& turn) {
  if (job != reading_) return;
  reading_ = 0;
  if (error.code == Code::overloaded) return turn.set_timer(retry_timer, retry_after);
  end(error.describe(), turn);
}

void Camera::end(const std::string& error, Turn& turn) {
  const Message tag = Message::build<FrameTag>([&](FrameTag::Builder out) {
    out.setCamera(name_);
    out.setSequence(next_);
    out.setCaptureNs(nanoseconds_of(turn.wall_now()));
    out.setEnd(true);
    if (!error.empty()) out.setError(error);
  });
  end_.reach(tag.as<FrameTag>());
  tell_end(turn);
}

void Camera::tell_end(Turn& turn) {
  turn.set_trace({});  // The end is no frame and counts as none.
  const Message message = Message::build<Frame>([&](Frame::Builder out) {
    const WallTime now = turn.wall_now();
    pass_on_tag(end_.tag(), out.initTag(), "capture", {now, now});
  });
  for (const Subscriber& subscriber : frames_.subscribers()) {
    if (end_.must_tell(subscriber.id)) frames_.publish_to(turn, subscriber, message);
  }
}

// The job that ran is gone, and so is the frame that waited: it is read again.
void Camera::on_resume(Turn& turn) {
  reading_ = 0;
  waiting_ = {};
  pace_.restart();
  if (!end_.reached()) read_next(turn);
}

void Camera::on_peer_lost(const ActorId& peer, Turn&) {
  end_.forget(peer);
}

void Camera::save(CameraState::Builder out) const {
  out.setNextSequence(next_);
  out.setReading(reading_);
  end_.save(out.initEnd());
}

Result<void> Camera::load(CameraState::Reader in) {
  next_ = in.getNextSequence();
  reading_ = in.getReading();
  end_.load(in.getEnd());
  return {};
}

}  // namespace omma
