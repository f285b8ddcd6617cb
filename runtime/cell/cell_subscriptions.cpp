// The subscriptions of a CellCore: its actor's own, to other actors' outlets, and others' to its.
#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/cell/cell_core.hpp"
#include "schemas/system.capnp.h"

namespace omma {

// --- To others -----------------------------------------------------------------------------------

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

// --- Subscriptions from others ------------------------------------------------------------------

bool CellCore::handle_system(const Envelope& envelope) {
  const bool subscribes = envelope.message.is<Subscribe>();
  if (!subscribes && !envelope.message.is<Unsubscribe>()) return false;
  // Read outside of a turn, so nobody would catch what a damaged one throws.
  const Result<void> sound =
      check_message(envelope.message, subscribes ? capnp::Schema::from<Subscribe>()
                                                 : capnp::Schema::from<Unsubscribe>());
  if (!sound) {
    ++health_.set_aside;
    note_error(sound.error().describe());
  } else if (subscribes) {
    on_subscribe(envelope);
  } else {
    on_unsubscribe(envelope);
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

}  // namespace omma
