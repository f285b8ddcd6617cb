#include "actors/model_shard.hpp"

#include <algorithm>
#include <utility>

#include "actors/frame_tag.hpp"
#include "actors/score_levels.hpp"

namespace omma {
namespace {

constexpr std::uint64_t batch_timer = 1;
constexpr std::uint64_t retry_timer = 2;
constexpr Duration retry_after = std::chrono::milliseconds(100);
constexpr Duration load_again_after = std::chrono::milliseconds(500);
constexpr unsigned batch_frames_default = 8;
// What a Frame's struct adds to its pixels, generously: its tag and hops.
constexpr std::uint64_t frame_struct_bytes = 4096;
constexpr std::uint64_t live_window_frames = 2;
constexpr std::uint32_t live_waiting_frames = 2;

BatchPlanner planner_for(ShardConfig::Reader config) {
  BatchOptions options;
  const std::size_t frames =
      config.getBatchFramesMax() == 0 ? batch_frames_default : config.getBatchFramesMax();
  options.batch_frames_max = std::min(frames, limits::batch_frames_max);
  options.wait_max = std::chrono::milliseconds(config.getBatchDelayMs());
  options.frames_waiting_max = limits::shard_frames_waiting_max;
  auto planner = BatchPlanner::create(options);
  OMMA_CHECK(planner.ok(), options.batch_frames_max);
  return *std::move(planner);
}

StreamMode mode_of(const Message& router) {
  return router.as<RouterConfig>().getCamera().getMode() == CaptureMode::LIVE
             ? StreamMode::live
             : StreamMode::every_frame;
}

}  // namespace

PlacementWish ModelShard::wish(ShardConfig::Reader) {
  PlacementWish wish;
  wish.role = "cloud";
  return wish;
}

ModelShard::ModelShard(ShardConfig::Reader config, LoadDetector load)
    : config_(Message::copy_of<ShardConfig>(config)),
      load_(std::move(load)),
      resident_(std::make_shared<ResidentDetector>()),
      planner_(planner_for(config)) {}

// --- Streams ------------------------------------------------------------------------------------

float ModelShard::score_min_of(const Subscriber& subscriber) const {
  const float wanted = DetectDemand::request_of(subscriber).getScoreMin();
  return wanted > 0 ? wanted : ScoreLevels::around(network_.score_recommended).weak;
}

// A stream may be wanted again before its old frames are through.
std::uint64_t ModelShard::in_hand_of(const ActorId& router) const {
  return static_cast<std::uint64_t>(
      std::count_if(waiting_.begin(), waiting_.end(),
                    [&](const auto& entry) { return entry.second.router == router; }));
}

void ModelShard::follow_subscribers(Turn& turn) {
  std::map<ActorId, StreamDemand> wanted = demand_.of(detections_.subscribers());
  for (auto it = streams_.begin(); it != streams_.end();) {
    const auto next = std::next(it);
    if (!wanted.contains(it->first)) forget_stream(it, turn);
    it = next;
  }
  for (auto& [router, demand] : wanted) {
    const auto [found, fresh] = streams_.try_emplace(router);
    Stream& stream = found->second;
    stream.end.keep_told(detections_.subscribers());
    if (fresh) stream.in_hand = in_hand_of(router);
    const bool changed = fresh ||
                         stream.demand.frames_per_second_max != demand.frames_per_second_max ||
                         stream.demand.motion_threshold != demand.motion_threshold;
    stream.demand = std::move(demand);
    if (!failure_.empty()) {
      fail(stream);
    } else if (changed && !stream.end.reached()) {
      subscribe(stream, turn);
    }
  }
  tell_ends(turn);
}

void ModelShard::subscribe(const Stream& stream, Turn& turn) {
  if (network_.input_width == 0) return;  // Once the network is loaded.
  const auto router = stream.demand.router.as<RouterConfig>();
  SubscribeOptions options;
  options.delivery = delivery_of(router.getCamera());
  if (options.delivery == DeliveryClass::fresh) {
    const auto pixels = static_cast<std::uint64_t>(network_.input_width) *
                        static_cast<std::uint64_t>(network_.input_height);
    options.window_bytes = live_window_frames * (pixels * 3 + frame_struct_bytes);
    options.waiting_messages_max = live_waiting_frames;
  }
  options.form = Message::build<FrameForm>([&](FrameForm::Builder form) {
    form.setWidth(static_cast<std::uint32_t>(network_.input_width));
    form.setHeight(static_cast<std::uint32_t>(network_.input_height));
    form.setFramesPerSecondMax(stream.demand.frames_per_second_max);
    form.setMotionThreshold(stream.demand.motion_threshold);
  });
  turn.subscribe<Frame>(turn.stage_of<StreamRouter>(router), std::move(options));
}

void ModelShard::forget_stream(Streams::iterator stream, Turn& turn) {
  turn.unsubscribe<Frame>(
      turn.stage_of<StreamRouter>(stream->second.demand.router.as<RouterConfig>()));
  if (stream->second.last) turn.release(stream->second.last->held);
  planner_.close(stream->first);
  streams_.erase(stream);
}

// --- Frames in ----------------------------------------------------------------------------------

void ModelShard::on(Frame::Reader frame, Turn& turn) {
  const auto found = streams_.find(turn.sender());
  if (found == streams_.end()) return turn.filtered("nobody subscribes");
  Stream& stream = found->second;
  if (frame.getTag().getEnd()) return take_end(stream, turn);
  if (stream.end.reached()) return turn.filtered("after the end");
  const std::size_t bytes = std::size_t{frame.getWidth()} * frame.getHeight() * 3;
  if (turn.payloads().size() != 1 || turn.payloads()[0].size() != bytes || bytes == 0) {
    return turn.failed("not a picture");
  }
  const std::uint64_t ticket = next_ticket_++;
  auto dropped = planner_.add(turn.sender(), mode_of(stream.demand.router), ticket, turn.now());
  if (!dropped) {
    backlog_.push_back(ticket);
  } else {
    for (const DroppedFrame& drop : *dropped) {
      const std::string reason(to_string(drop.reason));
      if (drop.frame.ticket == ticket) return turn.filtered(reason);
      const auto old = waiting_.find(drop.frame.ticket);
      turn.release(old->second.held, Fate::filtered, reason);
      if (const auto of = streams_.find(old->second.router); of != streams_.end()) {
        --of->second.in_hand;
        end_if_done(of->second, turn);
      }
      waiting_.erase(old);
    }
  }
  ++stream.in_hand;
  waiting_[ticket] = {turn.hold(), turn.message(), turn.trace(), turn.sender(), turn.wall_now()};
  run_batches(turn);
  tell_ends(turn);
}

void ModelShard::take_end(Stream& stream, Turn& turn) {
  if (stream.end.reached() || stream.last) return;
  planner_.close(turn.sender());
  if (stream.in_hand == 0) {
    stream.end.reach(turn.message().as<Frame>().getTag());
    return tell_ends(turn);
  }
  stream.last = Waiting{turn.hold(), turn.message(), turn.trace(), turn.sender(), turn.wall_now()};
  run_batches(turn);  // Nobody is expected any more: what waits for company need not.
}

// --- The network --------------------------------------------------------------------------------

void ModelShard::start_loading(Turn& turn) {
  loaded_ = false;
  const auto config = config_.as<ShardConfig>();
  job_ = turn.run(
      [resident = resident_, load = load_, model = std::string(config.getModel()),
       hash = std::string(config.getModelHash())] { return resident->load(load, model, hash); },
      {ExecutorKind::compute, false});
}

void ModelShard::on(ModelLoaded::Reader loaded, Turn& turn) {
  if (turn.job() != job_ || turn.job() == 0) return;  // Of before a restart.
  job_ = 0;
  loaded_ = true;
  load_attempts_ = 0;
  const bool first = network_.input_width == 0;
  network_.input_width = static_cast<int>(loaded.getInputWidth());
  network_.input_height = static_cast<int>(loaded.getInputHeight());
  network_.score_recommended = loaded.getScoreRecommended();
  network_.classes.clear();
  for (const auto name : loaded.getClasses()) network_.classes.emplace_back(name);
  for (const auto& [router, stream] : streams_) {
    if (first && !stream.end.reached()) subscribe(stream, turn);
  }
  if (batch_.empty()) return run_batches(turn);
  start_batch(turn);
}

void ModelShard::run_batches(Turn& turn) {
  if (job_ != 0 || !loaded_ || !batch_.empty()) return;
  while (!backlog_.empty()) {
    const Waiting& waiting = waiting_.at(backlog_.front());
    if (!planner_.add(waiting.router, StreamMode::every_frame, backlog_.front(), turn.now())) break;
    if (!streams_.contains(waiting.router)) planner_.close(waiting.router);
    backlog_.pop_front();
  }
  auto decision = planner_.decide(turn.now());
  if (decision.wake_at) turn.set_timer(batch_timer, *decision.wake_at - turn.now());
  if (decision.run.empty()) return;
  for (const WaitingFrame& frame : decision.run) batch_.push_back(frame.ticket);
  batch_attempts_ = 0;
  start_batch(turn);
}

void ModelShard::start_batch(Turn& turn) {
  float score_min = 1;
  for (const Subscriber& subscriber : detections_.subscribers()) {
    score_min = std::min(score_min, score_min_of(subscriber));
  }
  std::vector<ResidentDetector::TicketedFrame> frames;
  for (const std::uint64_t ticket : batch_) {
    frames.emplace_back(ticket, waiting_.at(ticket).frame);
  }
  job_ = turn.run([resident = resident_, frames = std::move(frames),
                   score_min] { return resident->detect(frames, score_min); },
                  {ExecutorKind::compute, false});
}

void ModelShard::on(BatchDone::Reader done, Turn& turn) {
  if (turn.job() != job_ || turn.job() == 0) return;  // Of before a restart.
  job_ = 0;
  batch_.clear();
  for (const auto frame : done.getFrames()) finish(frame.getTicket(), frame.getDetections(), turn);
  tell_ends(turn);
  run_batches(turn);
}

void ModelShard::finish(std::uint64_t ticket, capnp::List<Detection>::Reader found, Turn& turn) {
  const auto at = waiting_.find(ticket);
  if (at == waiting_.end()) return;
  const Waiting waiting = std::move(at->second);
  waiting_.erase(at);
  const auto stream = streams_.find(waiting.router);
  if (stream == streams_.end()) {
    return turn.release(waiting.held, Fate::filtered, "nobody subscribes");
  }
  publish(waiting, found, turn);
  turn.release(waiting.held);
  --stream->second.in_hand;
  end_if_done(stream->second, turn);
}

void ModelShard::publish(const Waiting& waiting, capnp::List<Detection>::Reader found, Turn& turn) {
  turn.set_trace(waiting.trace);
  const auto frame = waiting.frame.as<Frame>();
  std::map<float, Message> by_score_min;
  for (const Subscriber& subscriber : detections_.subscribers()) {
    if (demand_.router_of(subscriber) != waiting.router) continue;
    const float score_min = score_min_of(subscriber);
    Message& message = by_score_min[score_min];
    if (message.is_null()) {
      unsigned count = 0;  // They are sorted by falling score.
      while (count < found.size() && found[count].getScore() >= score_min) ++count;
      message = Message::build<Detections>([&](Detections::Builder out) {
        pass_on_tag(frame.getTag(), out.initTag(), "infer", {waiting.entered, turn.wall_now()});
        out.setModel(config_.as<ShardConfig>().getModel());
        auto classes = out.initClasses(static_cast<unsigned>(network_.classes.size()));
        for (unsigned i = 0; i < classes.size(); ++i) classes.set(i, network_.classes[i]);
        auto detections = out.initDetections(count);
        for (unsigned i = 0; i < count; ++i) detections.setWithCaveats(i, found[i]);
        out.setSourceWidth(frame.getSourceWidth());
        out.setSourceHeight(frame.getSourceHeight());
        out.setScoreRecommended(network_.score_recommended);
      });
    }
    detections_.publish_to(turn, subscriber, message);
  }
}

// --- Ends ---------------------------------------------------------------------------------------

void ModelShard::end_if_done(Stream& stream, Turn& turn) {
  if (!stream.last || stream.in_hand > 0) return;
  stream.end.reach(stream.last->frame.as<Frame>().getTag());
  turn.release(stream.last->held);
  stream.last.reset();
}

void ModelShard::tell_ends(Turn& turn) {
  for (const Subscriber& subscriber : detections_.subscribers()) {
    const auto found = streams_.find(demand_.router_of(subscriber));
    if (found == streams_.end() || !found->second.end.must_tell(subscriber.id)) continue;
    turn.set_trace({});
    detections_.publish_to(
        turn, subscriber, Message::build<Detections>([&](auto out) {
          const WallTime now = turn.wall_now();
          pass_on_tag(found->second.end.tag(), out.initTag(), "infer", {now, now});
          out.setModel(config_.as<ShardConfig>().getModel());
        }));
  }
}

void ModelShard::fail(Stream& stream) {
  stream.end.reach(Message::build<FrameTag>([&](FrameTag::Builder tag) {
                     tag.setCamera(stream.demand.router.as<RouterConfig>().getCamera().getName());
                     tag.setEnd(true);
                     tag.setError(failure_);
                   }).as<FrameTag>());
}

void ModelShard::give_up(const std::string& error, Turn& turn) {
  failure_ = "model " + std::string(config_.as<ShardConfig>().getModel()) + ": " + error;
  for (const auto& [ticket, waiting] : waiting_) {
    turn.release(waiting.held, Fate::failed, "no network");
  }
  waiting_.clear();
  backlog_.clear();
  batch_.clear();
  planner_ = planner_for(config_.as<ShardConfig>());
  for (auto& [router, stream] : streams_) {
    turn.unsubscribe<Frame>(turn.stage_of<StreamRouter>(stream.demand.router.as<RouterConfig>()));
    if (stream.last) turn.release(stream.last->held);
    stream.last.reset();
    stream.in_hand = 0;
    fail(stream);
  }
  tell_ends(turn);
}

// --- Life ---------------------------------------------------------------------------------------

void ModelShard::on_start(Turn& turn) {
  start_loading(turn);
}

void ModelShard::on_resume(Turn& turn) {
  if (failure_.empty()) start_loading(turn);
  follow_subscribers(turn);
}

void ModelShard::on_subscribers_changed(Turn& turn) {
  follow_subscribers(turn);
  run_batches(turn);
}

void ModelShard::on_timer(std::uint64_t timer, Turn& turn) {
  if (timer == batch_timer) return run_batches(turn);
  if (job_ != 0 || !failure_.empty()) return;
  if (!loaded_) return start_loading(turn);
  if (!batch_.empty()) start_batch(turn);
}

void ModelShard::on_job_failed(std::uint64_t job, const Error& error, Turn& turn) {
  if (job != job_) return;
  job_ = 0;
  const bool crowded = error.code == Code::overloaded;
  if (crowded || (loaded_ && ++batch_attempts_ < limits::attempts_max)) {
    return turn.set_timer(retry_timer, retry_after);
  }
  if (!loaded_ && error.code == Code::unavailable &&
      ++load_attempts_ < limits::model_load_attempts_max) {
    return turn.set_timer(retry_timer, load_again_after);
  }
  give_up(error.describe(), turn);
}

void ModelShard::on_peer_lost(const ActorId& peer, Turn&) {
  for (auto& [router, stream] : streams_) stream.end.forget(peer);
}

}  // namespace omma
