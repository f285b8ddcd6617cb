#include "runtime/cell/cell_core.hpp"

#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/base/message_check.hpp"

namespace omma {
namespace {

// How long a retiring cell waits for its last messages to be acknowledged.
constexpr Duration drain_time_max = std::chrono::seconds(5);

Streams::Window window_of(const TurnEffects::Send& send) {
  return {send.window_bytes, send.waiting_messages_max};
}

}  // namespace

CellCore::CellCore(Identity identity, const ActorType& type, CellPort& port)
    : identity_(std::move(identity)),
      type_(type),
      port_(port),
      hops_(port.hops()),
      turn_times_(port.turn_times()),
      streams_(identity_.id, identity_.life, identity_.epoch),
      // A reply to an earlier life's request must not pass for one to ours.
      next_id_((identity_.life << 32) + 1),
      durable_(type.durable(identity_.config)) {
  if (durable_) streams_.hold_until_committed();
}

void CellCore::start() {
  actor_ = rebuild({}, false);
  if (!actor_) return break_down();
  replay_.set_snapshot({});
  update_linger();
  enqueue_control(Input::of(Input::Kind::start));
  run_ready();
}

// --- Inputs -----------------------------------------------------------------------------------

void CellCore::on_packet(Packet packet) {
  if (phase_ == Phase::retired || phase_ == Phase::broken) return;
  Streams::Effects effects;
  streams_.on_packet(std::move(packet), port_.now(), effects);
  carry_out(std::move(effects));
  run_ready();
  continue_draining();
}

void CellCore::on_packets(std::vector<Packet>& packets) {
  // The two clocks do not part within a burst.
  const Duration wall_ahead = port_.wall_now().time_since_epoch() - port_.now().time_since_epoch();
  Streams::Effects effects;
  auto next = packets.begin();
  for (; next != packets.end(); ++next) {
    const Instant now = port_.now();
    if (!port_.may_work(now)) break;
    if (phase_ == Phase::retired || phase_ == Phase::broken) return packets.clear();
    streams_.on_packet(std::move(*next), now, effects);
    carry_out(effects);
    next_turn_ = Moment{now, WallTime(now.time_since_epoch() + wall_ahead)};
    run_ready();
    next_turn_.reset();
  }
  packets.erase(packets.begin(), next);
  continue_draining();
}

void CellCore::enqueue(Envelope envelope) {
  if (handle_system(envelope)) return;
  if (envelope.is_reply) {
    const auto asked = requests_.find(envelope.correlation);
    if (asked == requests_.end() || asked->second.target != envelope.stream.sender) {
      ++health_.late_replies;
      streams_.finished(envelope);
      return;
    }
    requests_.erase(asked);
  }
  Input input;
  input.kind = Input::Kind::message;
  input.envelope = std::move(envelope);
  if (!type_.accepts(input.envelope.message.type_id())) {
    set_aside(input, "a message of type " + std::to_string(input.envelope.message.type_id()) +
                         ", which " + identity_.type + " does not accept");
    return;
  }
  if (input.envelope.stream.channel == Channel::control) {
    control_inputs_.push_back(std::move(input));
  } else {
    stream_inputs_.push_back(std::move(input));
  }
}

void CellCore::enqueue_control(Input input) {
  control_inputs_.push_back(std::move(input));
}

void CellCore::on_job(std::uint64_t job, Result<Message> result, JobTimes times) {
  const auto found = jobs_.find(job);
  if (found == jobs_.end()) return;  // Of before a restart.
  const TraceId trace = found->second;
  jobs_.erase(found);
  if (result && !type_.accepts(result->type_id())) {
    result =
        Error{Code::internal, "job gave a message of type " + std::to_string(result->type_id()) +
                                  ", which " + identity_.type + " does not accept"};
  }
  if (!result) {
    ++health_.jobs_failed;
    note_error(result.error().describe());
  }
  Input input = Input::of(result ? Input::Kind::job_done : Input::Kind::job_failed, job,
                          {.error = result ? Error{} : result.error(), .times = times});
  input.envelope.trace = trace;
  if (result) input.envelope.message = *std::move(result);
  enqueue_control(std::move(input));
  run_ready();
  continue_draining();
}

void CellCore::on_route(const ActorId& target, std::uint64_t epoch, std::uint64_t life) {
  if (phase_ == Phase::retired || phase_ == Phase::broken) return;
  Streams::Effects effects;
  streams_.on_route_changed(target, epoch, port_.now(), effects);
  if (life != 0) streams_.on_life(target, life, port_.now(), effects);
  carry_out(std::move(effects));
  run_ready();
}

void CellCore::on_not_reached(const ActorId& target, const Error& why, bool gone) {
  if (phase_ == Phase::retired || phase_ == Phase::broken) return;
  if (gone) {
    streams_.on_target_gone(target);
    for (OutletBase* outlet : actor_->outlets()) drop_subscriber(target, outlet->message_type());
  } else {
    note_error(why.describe());
  }
  for (auto it = requests_.begin(); it != requests_.end();) {
    if (it->second.target != target) {
      ++it;
      continue;
    }
    enqueue_control(Input::of(Input::Kind::request_failed, it->first, {.error = why}));
    it = requests_.erase(it);
  }
  run_ready();
  continue_draining();
}

void CellCore::on_command(std::function<void(Turn&)> command) {
  enqueue_control(Input::of(Input::Kind::command, 0, {.command = std::move(command)}));
  run_ready();
  continue_draining();
}

// --- Life and time ------------------------------------------------------------------------------

void CellCore::update_linger() {
  if (!type_.retire_when_unused) return;
  if (subscriber_count() > 0) {
    linger_until_.reset();
  } else if (!linger_until_) {
    linger_until_ = port_.now() + type_.linger;
  }
}

void CellCore::begin_draining() {
  phase_ = Phase::draining;
  linger_until_.reset();
  drain_until_ = port_.now() + drain_time_max;
  Streams::Effects effects;
  for (const auto& [key, subscribed] : subscribed_) {
    send_unsubscribe(key.first, key.second, effects);
  }
  carry_out(std::move(effects));
}

void CellCore::continue_draining() {
  if (phase_ != Phase::draining) return;
  // What is not finished would be sent again, and begin the next life.
  const bool quiet = streams_.quiet() && control_inputs_.empty() && stream_inputs_.empty() &&
                     held_.empty() && !(durable_ && streams_.withholds());
  if (!quiet && port_.now() < *drain_until_) return;
  phase_ = Phase::retired;
  flush_acks();
  port_.retire();
}

void CellCore::on_time() {
  const Instant now = port_.now();
  Streams::Effects effects;
  streams_.on_time(now, port_.wall_now(), effects);
  carry_out(std::move(effects));

  for (auto it = timers_.begin(); it != timers_.end();) {
    if (it->second > now) {
      ++it;
      continue;
    }
    enqueue_control(Input::of(Input::Kind::timer, it->first));
    it = timers_.erase(it);
  }
  for (auto it = requests_.begin(); it != requests_.end();) {
    if (it->second.deadline > now) {
      ++it;
      continue;
    }
    const Error late{Code::unavailable, "no reply from " + it->second.target.short_text() +
                                            " within the time; ask again"};
    enqueue_control(Input::of(Input::Kind::request_failed, it->first, {.error = late}));
    it = requests_.erase(it);
  }
  run_ready();
  if (checkpoint_wanted()) take_checkpoint();
  if (phase_ == Phase::active && linger_until_ && *linger_until_ <= now) begin_draining();
  continue_draining();
}

std::optional<Instant> CellCore::next_deadline() const {
  std::optional<Instant> first = streams_.next_deadline();
  const auto consider = [&](Instant when) {
    if (!first || when < *first) first = when;
  };
  for (const auto& [timer, when] : timers_) consider(when);
  for (const auto& [correlation, request] : requests_) consider(request.deadline);
  if (linger_until_) consider(*linger_until_);
  if (may_checkpoint()) consider(next_checkpoint_);
  if (phase_ == Phase::draining) consider(*drain_until_);
  return first;
}

void CellCore::flush_acks() {
  if (phase_ != Phase::retired && phase_ != Phase::broken && checkpoint_wanted()) take_checkpoint();
  Streams::Effects effects;
  streams_.flush_acks(effects);
  carry_out(std::move(effects));
}

// --- Effects ------------------------------------------------------------------------------------

void CellCore::carry_out(Streams::Effects&& effects) {
  carry_out(effects);
}

// Leaves them empty, for more of them.
void CellCore::carry_out(Streams::Effects& effects) {
  if (hops_ != nullptr) note_departures(effects.packets);
  if (!effects.packets.empty()) port_.send_all(std::exchange(effects.packets, {}));
  for (const ActorId& target : effects.ask_directory) port_.ask_directory(target);
  for (const ActorId& peer : effects.peers_lost) {
    enqueue_control(Input::of(Input::Kind::peer_lost, 0, {.peer = peer}));
    // A publisher that lost its state lost our subscription with it.
    Streams::Effects again;
    for (const auto& [key, subscribed] : subscribed_) {
      if (key.first == peer) send_subscribe(peer, key.second, subscribed, again);
    }
    carry_out(std::move(again));
  }
  for (Envelope& envelope : effects.deliver) enqueue(std::move(envelope));
  effects.ask_directory.clear();
  effects.peers_lost.clear();
  effects.deliver.clear();
  start_waiting_jobs();
}

void CellCore::send(TurnEffects::Send send, Streams::Effects& effects) {
  this->send(std::move(send), Moment{port_.now(), port_.wall_now()}, effects);
}

void CellCore::send(TurnEffects::Send send, const Moment& moment, Streams::Effects& effects) {
  if (send.spec) port_.remember(send.spec);
  Outgoing outgoing;
  outgoing.message = std::move(send.message);
  outgoing.correlation = send.correlation;
  outgoing.is_reply = send.is_reply;
  outgoing.trace = send.trace;
  if (send.is_request) {
    requests_[send.correlation] = {send.target, moment.now + limits::request_timeout};
  }
  const auto sent = streams_.send(send.target, send.channel, std::move(outgoing), window_of(send),
                                  moment.now, moment.wall_now, effects);
  // affordable() has made sure of room; what is left is a message no stream could ever carry.
  if (!sent) {
    ++health_.set_aside;
    port_.log("not sent to " + send.target.short_text() + ": " + sent.error().describe());
  }
}

void CellCore::start_job(StoppedJob job) {
  port_.run(job.executor, job.id, std::move(job.work));
}

void CellCore::start_waiting_jobs() {
  while (!waiting_jobs_.empty() && !streams_.blocked()) {
    start_job(waiting_jobs_.take_front());
  }
}

CellReport CellCore::report() const {
  CellReport report;
  report.id = identity_.id;
  report.type = identity_.type;
  report.name = identity_.name;
  report.epoch = identity_.epoch;
  report.life = identity_.life;
  report.durable = durable_;
  report.died_with = died_with_;
  report.checkpoints = checkpoints_;
  report.phase = phase_ == Phase::active   ? "active"
                 : phase_ == Phase::broken ? "broken"
                                           : "retiring";
  report.health = health_;
  report.health.turns = turns_;
  report.inputs_waiting = control_inputs_.size() + stream_inputs_.size();
  report.subscribers = subscriber_count();
  report.messages_held = held_.size();
  report.ends_frames = type_.ends_frames;
  report.blocked = streams_.blocked();
  report.captured = captured_;
  report.stage = stage_;
  report.out = streams_.out_accounts();
  report.in = streams_.in_accounts();
  return report;
}

}  // namespace omma
