// PuppetWorld: a VirtualWorld whose actors are puppets.
#pragma once

#include "tests/support/puppet.hpp"
#include "tests/support/virtual_world.hpp"

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace omma::test {

struct PuppetWorld : VirtualWorld {
  PuppetWorld() {
    types.add(puppet_type(scripts));
    types.add(puppet_type<StagePuppet>(scripts));
  }
  ~PuppetWorld() { end_all(); }  // Puppets write into their scripts as they go.

  template <class A>
  void send_number(const Ref<A>& to, std::uint64_t value) {
    send<Number>(to, number(value));
    settle();
  }
  template <class A>
  void run(const Ref<A>& in, std::function<void(Turn&)> turn) {
    command(in, std::move(turn));
    settle();
  }
  template <class A>
  CellReport report(const Ref<A>& of) {
    const CellCore* cell = find(of.id);
    OMMA_CHECK(cell != nullptr, of.id.text());
    return cell->report();
  }
  // Of the stream from one to the other; nothing of it: all zeros.
  template <class A, class B>
  Streams::OutAccount stream(const Ref<A>& from, const Ref<B>& to, Channel channel) {
    for (const auto& account : report(from).out) {
      if (account.stream.target == to.id && account.stream.channel == channel) return account;
    }
    return {};
  }
  template <class A, class B>
  void subscribe(const Ref<A>& subscriber, const Ref<B>& publisher, SubscribeOptions options) {
    run(subscriber, [&](Turn& turn) { turn.subscribe<Number>(publisher, options); });
  }

  Scripts scripts;
};

inline SubscribeOptions reliably(std::uint64_t window_bytes = 0) {
  return {.delivery = DeliveryClass::reliable,
          .window_bytes = window_bytes,
          .waiting_messages_max = 0,
          .form = {}};
}
inline SubscribeOptions freshly(std::uint64_t window_bytes = 0, std::uint32_t waiting = 0) {
  return {.delivery = DeliveryClass::fresh,
          .window_bytes = window_bytes,
          .waiting_messages_max = waiting,
          .form = {}};
}

// What a small message counts: a window of n times this holds n of them.
inline constexpr std::uint64_t small_message_bytes = limits::credit_bytes_min;

}  // namespace omma::test
