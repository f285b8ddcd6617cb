// Probe: an actor that keeps what it is sent, for tests to look at. It may be told to hold all it
// gets, as an actor that cannot keep up would.
#pragma once

#include "runtime/cell/actor.hpp"
#include "runtime/cell/turn.hpp"
#include "schemas/detections.capnp.h"
#include "schemas/frame.capnp.h"
#include "schemas/results.capnp.h"
#include "schemas/stages.capnp.h"

#include <cstdint>
#include <string>
#include <vector>

namespace omma::test {

struct ProbeNotes {
  std::vector<Message> messages;
  bool holds = false;
  std::vector<HeldMessage> held;

  template <class T>
  std::vector<std::uint64_t> sequences() const {
    std::vector<std::uint64_t> all;
    for (const Message& message : messages) {
      if (message.is<T>() && !message.as<T>().getTag().getEnd()) {
        all.push_back(message.as<T>().getTag().getSequence());
      }
    }
    return all;
  }
  template <class T>
  std::size_t ends() const {
    std::size_t count = 0;
    for (const Message& message : messages) {
      if (message.is<T>() && message.as<T>().getTag().getEnd()) ++count;
    }
    return count;
  }
};

class Probe final : public Actor {
 public:
  static constexpr const char* type_name = "probe";
  using Config = HelloConfig;  // Its name is the greeting.
  using Accepts = omma::Accepts<Frame, Detections, Tracks, ResultRow>;
  using Publishes = omma::Publishes<>;

  static std::string title(HelloConfig::Reader config) { return config.getGreeting(); }
  static PlacementWish wish(HelloConfig::Reader) { return {}; }

  explicit Probe(ProbeNotes& notes) : notes_(notes) {}

  template <class Reader>
  void on(Reader, Turn& turn) {
    notes_.messages.push_back(turn.message());
    if (notes_.holds) notes_.held.push_back(turn.hold());
  }

 private:
  ProbeNotes& notes_;
};

}  // namespace omma::test
