// Outlet<T>: an actor's named source of T messages. It knows its subscribers and what each wants;
// their credit and drops are kept by the cell's outboxes. Subscribing is the subscriber's call:
// turn.subscribe<T>(publisher, ...).
#pragma once

#include "runtime/cell/actor.hpp"
#include "runtime/cell/turn.hpp"

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <utility>
#include <vector>

namespace omma {

struct Subscriber {
  ActorId id;
  DeliveryClass delivery = DeliveryClass::fresh;
  std::uint64_t window_bytes = 0;
  std::uint32_t waiting_messages_max = 0;  // 0: the limit's default.
  Message form;                            // What it wants; null for nothing special.

  Channel channel() const {
    return delivery == DeliveryClass::fresh ? Channel::fresh : Channel::stream;
  }
};

class OutletBase {
 public:
  OutletBase(Actor& owner, std::uint64_t message_type) : message_type_(message_type) {
    owner.outlets_.push_back(this);
  }
  OutletBase(const OutletBase&) = delete;
  OutletBase& operator=(const OutletBase&) = delete;

  std::uint64_t message_type() const { return message_type_; }
  // In order of subscription.
  const std::vector<Subscriber>& subscribers() const { return subscribers_; }

  // The cell's side.
  Result<void> add(Subscriber subscriber);  // Replaces one with the same id.
  bool remove(const ActorId& id);
  void assign(std::vector<Subscriber> subscribers) { subscribers_ = std::move(subscribers); }

 private:
  std::uint64_t message_type_;
  std::vector<Subscriber> subscribers_;
};

template <class T>
class Outlet : public OutletBase {
 public:
  explicit Outlet(Actor& owner) : OutletBase(owner, type_id_of<T>()) {}

  // To every subscriber; the message is built once and shared.
  template <class Fill>
  requires std::invocable<Fill, typename T::Builder>
  void publish(Turn& turn, Fill&& fill, std::vector<Blob> payloads = {}) {
    if (subscribers().empty()) return;
    publish(turn, Message::build<T>(std::forward<Fill>(fill), std::move(payloads)));
  }
  void publish(Turn& turn, const Message& message) {
    for (const Subscriber& subscriber : subscribers()) publish_to(turn, subscriber, message);
  }
  // To one of them.
  void publish_to(Turn& turn, const Subscriber& subscriber, const Message& message) {
    OMMA_CHECK(message.is<T>(), message.type_id(), message_type());
    turn.publish_to(subscriber, message);
  }
};

}  // namespace omma
