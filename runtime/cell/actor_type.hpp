// ActorType: what the runtime knows of a class of actors, with its C++ type erased: how to make one
// from its configuration, hand it a message, and save and load its state.
//
// Wiring, not registration by magic: main() makes the types, with whatever they need captured in
// `make`, and hands them to the node.
#pragma once

#include "runtime/base/limits.hpp"
#include "runtime/cell/actor.hpp"
#include "runtime/cell/outlet.hpp"
#include "runtime/cell/turn.hpp"

#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace omma {

struct ActorType {
  std::string name;
  std::function<std::unique_ptr<Actor>(std::span<const std::byte> config)> make;
  bool (*accepts)(std::uint64_t message_type) = nullptr;
  void (*dispatch)(Actor& actor, const Message& message, Turn& turn) = nullptr;
  // A null message for an actor without state.
  Message (*save)(const Actor& actor) = nullptr;
  Result<void> (*load)(Actor& actor, const Message& state) = nullptr;
  // It lives for its subscribers only, and is retired `linger` after the last has gone.
  bool retire_when_unused = false;
  Duration linger = limits::stage_linger;
  // It makes results of frames, not something of each frame: the ledger's ways end here.
  bool ends_frames = false;
};

// Reads a configuration in its canonical encoding; the words must outlive the reader.
class ConfigReader {
 public:
  explicit ConfigReader(std::span<const std::byte> config);
  template <class Config>
  typename Config::Reader as() {
    return reader_->getRoot<Config>();
  }

 private:
  kj::Array<capnp::word> words_;
  kj::ArrayPtr<const capnp::word> segment_;
  std::unique_ptr<capnp::SegmentArrayMessageReader> reader_;
};

namespace detail {

template <class A>
concept HasState = requires {
  typename A::State;
};

template <class A>
concept IsStage = requires {
  requires A::is_stage;
};

template <class A>
concept EndsFrames = requires {
  requires A::ends_frames;
};

template <class A, class... Messages>
bool accepts_any([[maybe_unused]] std::uint64_t type, Accepts<Messages...>) {
  return ((type == type_id_of<Messages>()) || ...);
}

template <class A, class... Messages>
void dispatch_any([[maybe_unused]] A& actor, [[maybe_unused]] const Message& message,
                  [[maybe_unused]] Turn& turn, Accepts<Messages...>) {
  static_cast<void>(
      ((message.is<Messages>() ? (actor.on(message.as<Messages>(), turn), true) : false) || ...));
}

}  // namespace detail

// make: (A::Config::Reader) -> std::unique_ptr<A>
template <class A, class Make>
ActorType actor_type(Make make) {
  ActorType type;
  type.name = A::type_name;
  type.make = [make](std::span<const std::byte> config) -> std::unique_ptr<Actor> {
    ConfigReader reader(config);
    return make(reader.as<typename A::Config>());
  };
  type.accepts = [](std::uint64_t message_type) {
    return detail::accepts_any<A>(message_type, typename A::Accepts{});
  };
  type.dispatch = [](Actor& actor, const Message& message, Turn& turn) {
    detail::dispatch_any(static_cast<A&>(actor), message, turn, typename A::Accepts{});
  };
  type.save = [](const Actor& actor) -> Message {
    if constexpr (detail::HasState<A>) {
      return Message::build<typename A::State>(
          [&](typename A::State::Builder out) { static_cast<const A&>(actor).save(out); });
    } else {
      (void)actor;
      return {};
    }
  };
  type.load = [](Actor& actor, const Message& state) -> Result<void> {
    if constexpr (detail::HasState<A>) {
      return static_cast<A&>(actor).load(state.as<typename A::State>());
    } else {
      (void)actor;
      (void)state;
      return {};
    }
  };
  type.retire_when_unused = detail::IsStage<A>;
  type.ends_frames = detail::EndsFrames<A>;
  return type;
}

template <class A>
ActorType actor_type() {
  return actor_type<A>(
      [](typename A::Config::Reader config) { return std::make_unique<A>(config); });
}

// The types that a node can host, by name.
class ActorTypes {
 public:
  void add(ActorType type) {
    const std::string name = type.name;
    const bool fresh = types_.emplace(name, std::move(type)).second;
    OMMA_CHECK(fresh, name);
  }
  const ActorType* find(const std::string& name) const {
    const auto found = types_.find(name);
    return found == types_.end() ? nullptr : &found->second;
  }

 private:
  std::map<std::string, ActorType> types_;
};

}  // namespace omma
