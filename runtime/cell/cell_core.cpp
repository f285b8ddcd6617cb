#include "runtime/cell/cell_core.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/limits.hpp"
#include "schemas/system.capnp.h"

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

void CellCore::on_job(std::uint64_t job, Result<Message> result) {
  const auto found = jobs_.find(job);
  if (found == jobs_.end()) return;  // Of before a restart.
  Input input;
  input.id = job;
  input.envelope.trace = found->second;
  jobs_.erase(found);
  if (result && !type_.accepts(result->type_id())) {
    result =
        Error{Code::internal, "job gave a message of type " + std::to_string(result->type_id()) +
                                  ", which " + identity_.type + " does not accept"};
  }
  if (result) {
    input.kind = Input::Kind::job_done;
    input.envelope.message = *std::move(result);
  } else {
    input.kind = Input::Kind::job_failed;
    input.error = result.error();
    ++health_.jobs_failed;
    note_error(input.error.describe());
  }
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
    Input input;
    input.kind = Input::Kind::request_failed;
    input.id = it->first;
    input.error = why;
    enqueue_control(std::move(input));
    it = requests_.erase(it);
  }
  run_ready();
  continue_draining();
}

void CellCore::on_command(std::function<void(Turn&)> command) {
  Input input;
  input.kind = Input::Kind::command;
  input.command = std::move(command);
  enqueue_control(std::move(input));
  run_ready();
  continue_draining();
}

// --- Subscriptions from others ------------------------------------------------------------------

bool CellCore::handle_system(const Envelope& envelope) {
  const Message& message = envelope.message;
  if (message.is<Subscribe>()) {
    on_subscribe(envelope);
  } else if (message.is<Unsubscribe>()) {
    on_unsubscribe(envelope);
  } else {
    return false;
  }
  streams_.finished(envelope);
  return true;
}

void CellCore::on_subscribe(const Envelope& envelope) {
  const auto request = envelope.message.as<Subscribe>();
  Subscriber subscriber;
  subscriber.id = envelope.stream.sender;
  subscriber.delivery = request.getReliable() ? DeliveryClass::reliable : DeliveryClass::fresh;
  subscriber.window_bytes = request.getWindowBytes();
  subscriber.waiting_messages_max = request.getWaitingMessagesMax();
  if (request.getFormType() != 0) subscriber.form = envelope.message;
  for (OutletBase* outlet : actor_->outlets()) {
    if (outlet->message_type() != request.getMessageType()) continue;
    if (auto added = outlet->add(std::move(subscriber)); !added) {
      port_.log("subscription refused: " + added.error().describe());
      return;
    }
    if (phase_ == Phase::draining) {  // Wanted again: take the inputs back up.
      phase_ = Phase::active;
      Streams::Effects effects;
      for (const auto& [key, subscribed] : subscribed_) {
        send_subscribe(key.first, key.second, subscribed, effects);
      }
      carry_out(std::move(effects));
    }
    update_linger();
    enqueue_control(Input::of(Input::Kind::subscribers_changed));
    return;
  }
  port_.log("subscription refused: " + identity_.type + " has no outlet of type " +
            std::to_string(request.getMessageType()));
}

void CellCore::on_unsubscribe(const Envelope& envelope) {
  const ActorId& who = envelope.stream.sender;
  drop_subscriber(who, envelope.message.as<Unsubscribe>().getMessageType());
  for (const OutletBase* outlet : actor_->outlets()) {
    for (const Subscriber& subscriber : outlet->subscribers()) {
      if (subscriber.id == who) return;
    }
  }
  Streams::Effects effects;
  streams_.on_unsubscribed(who, port_.now(), effects);
  carry_out(std::move(effects));
}

void CellCore::drop_subscriber(const ActorId& id, std::uint64_t message_type) {
  for (OutletBase* outlet : actor_->outlets()) {
    if (outlet->message_type() != message_type || !outlet->remove(id)) continue;
    update_linger();
    enqueue_control(Input::of(Input::Kind::subscribers_changed));
  }
}

std::size_t CellCore::subscriber_count() const {
  if (!actor_) return 0;
  std::size_t count = 0;
  for (const OutletBase* outlet : actor_->outlets()) count += outlet->subscribers().size();
  return count;
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
    Input input;
    input.kind = Input::Kind::timer;
    input.id = it->first;
    enqueue_control(std::move(input));
    it = timers_.erase(it);
  }
  for (auto it = requests_.begin(); it != requests_.end();) {
    if (it->second.deadline > now) {
      ++it;
      continue;
    }
    Input input;
    input.kind = Input::Kind::request_failed;
    input.id = it->first;
    input.error = Error{Code::unavailable, "no reply from " + it->second.target.short_text() +
                                               " within the time; ask again"};
    enqueue_control(std::move(input));
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

void CellCore::carry_out(Streams::Effects effects) {
  for (Packet& packet : effects.packets) port_.send(std::move(packet));
  for (const ActorId& target : effects.ask_directory) port_.ask_directory(target);
  for (const ActorId& peer : effects.peers_lost) {
    Input input;
    input.kind = Input::Kind::peer_lost;
    input.peer = peer;
    enqueue_control(std::move(input));
    // A publisher that lost its state lost our subscription with it.
    Streams::Effects again;
    for (const auto& [key, subscribed] : subscribed_) {
      if (key.first == peer) send_subscribe(peer, key.second, subscribed, again);
    }
    carry_out(std::move(again));
  }
  for (Envelope& envelope : effects.deliver) enqueue(std::move(envelope));
  start_waiting_jobs();
}

void CellCore::send(TurnEffects::Send send, Streams::Effects& effects) {
  if (send.spec) port_.remember(send.spec);
  Outgoing outgoing;
  outgoing.message = std::move(send.message);
  outgoing.correlation = send.correlation;
  outgoing.is_reply = send.is_reply;
  outgoing.trace = send.trace;
  if (send.is_request) {
    requests_[send.correlation] = {send.target, port_.now() + limits::request_timeout};
  }
  const auto sent = streams_.send(send.target, send.channel, std::move(outgoing), window_of(send),
                                  port_.now(), port_.wall_now(), effects);
  // affordable() has made sure of room; what is left is a message no stream could ever carry.
  if (!sent) {
    ++health_.set_aside;
    port_.log("not sent to " + send.target.short_text() + ": " + sent.error().describe());
  }
}

void CellCore::subscribe(const TurnEffects::Subscription& change, Streams::Effects& effects) {
  const auto key = std::pair(change.publisher, change.message_type);
  if (!change.wanted) {
    if (subscribed_.erase(key) > 0) send_unsubscribe(key.first, key.second, effects);
    return;
  }
  if (change.spec) port_.remember(change.spec);
  Subscribed& subscribed = subscribed_[key];
  subscribed = {change.spec, change.options};
  if (subscribed.options.window_bytes == 0) {
    subscribed.options.window_bytes = limits::stream_window_bytes;
  }
  const Channel channel =
      change.options.delivery == DeliveryClass::fresh ? Channel::fresh : Channel::stream;
  streams_.expect(change.publisher, channel, subscribed.options.window_bytes);
  send_subscribe(key.first, key.second, subscribed, effects);
}

void CellCore::send_subscribe(const ActorId& publisher, std::uint64_t type,
                              const Subscribed& subscribed, Streams::Effects& effects) {
  TurnEffects::Send out;
  out.target = publisher;
  out.spec = subscribed.spec;
  out.message = Message::build<Subscribe>([&](Subscribe::Builder request) {
    request.setMessageType(type);
    request.setReliable(subscribed.options.delivery != DeliveryClass::fresh);
    request.setWindowBytes(subscribed.options.window_bytes);
    request.setWaitingMessagesMax(subscribed.options.waiting_messages_max);
    if (!subscribed.options.form.is_null()) {
      request.setFormType(subscribed.options.form.type_id());
      request.getForm().set(subscribed.options.form.root());
    }
  });
  send(std::move(out), effects);
}

void CellCore::send_unsubscribe(const ActorId& publisher, std::uint64_t type,
                                Streams::Effects& effects) {
  TurnEffects::Send out;
  out.target = publisher;
  out.message = Message::build<Unsubscribe>(
      [&](Unsubscribe::Builder request) { request.setMessageType(type); });
  send(std::move(out), effects);
}

void CellCore::start_job(StoppedJob job) {
  port_.run(job.executor, job.id, std::move(job.work));
}

void CellCore::start_waiting_jobs() {
  while (!waiting_jobs_.empty() && !streams_.blocked()) {
    StoppedJob job = std::move(waiting_jobs_.front());
    waiting_jobs_.pop_front();
    start_job(std::move(job));
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
