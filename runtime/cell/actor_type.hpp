// ActorType: what the runtime knows of a class of actors, with its C++ type erased: how to make one
// from its configuration, hand it a message, and save and load its state.
//
// Wiring, not registration by magic: main() makes the types, with whatever they need captured in
// `make`, and hands them to the node.
#pragma once

#include "runtime/base/limits.hpp"
#include "runtime/base/message_check.hpp"
#include "runtime/cell/actor.hpp"
#include "runtime/cell/actor_check.hpp"
#include "runtime/cell/outlet.hpp"
#include "runtime/cell/turn.hpp"

#include <capnp/schema.h>

#include <concepts>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>

namespace omma {

struct ActorType {
  std::string name;
  std::function<std::unique_ptr<Actor>(std::span<const std::byte> config)> make;
  bool (*accepts)(std::uint64_t message_type) = nullptr;
  void (*dispatch)(Actor& actor, const Message& message, Turn& turn) = nullptr;
  // corrupt for bytes that are no configuration of this type; then nobody may make an actor of it.
  std::function<Result<void>(std::span<const std::byte> config)> check_config =
      [](std::span<const std::byte>) { return Result<void>(); };
  // A null message for an actor without state.
  Message (*save)(const Actor& actor) = nullptr;
  // unsupported for a state that a newer build wrote, whose fields this one would lose; corrupt for
  // what is no such state.
  Result<void> (*load)(Actor& actor, const Message& state) = nullptr;
  // Where an actor of this configuration should live; anywhere if it does not say.
  std::function<PlacementWish(std::span<const std::byte> config)> wish =
      [](std::span<const std::byte>) { return PlacementWish(); };
  // No crash loses or repeats what an actor of this configuration took in or gave out.
  std::function<bool(std::span<const std::byte> config)> durable = [](std::span<const std::byte>) {
    return false;
  };
  // Why an actor of this type cannot move to another node; null when it can.
  const char* stays = nullptr;
  // Gets ready, on the node that an actor is about to move to, what needs no state: a network, a
  // file. Returns at once; `done` is called once, from any thread, also when it comes to nothing.
  // Null: nothing to do.
  std::function<void(std::span<const std::byte> config, std::function<void(Result<void>)> done)>
      prewarm;
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
concept IsStage = requires {
  requires A::is_stage;
};

template <class A>
concept EndsFrames = requires {
  requires A::ends_frames;
};

template <class A>
concept HasWish = requires(typename A::Config::Reader config) {
  { A::wish(config) } -> std::convertible_to<PlacementWish>;
};

template <class A>
concept HasDurable = requires(typename A::Config::Reader config) {
  { A::durable(config) } -> std::convertible_to<bool>;
};

template <class A>
concept Stays = requires {
  { A::stays } -> std::convertible_to<const char*>;
};

// Whether this build knows all fields of a state. A saved state's root is always as large as the
// schema of whoever saved it, unlike the structs in it, some of which are copies of messages: so
// who adds a field to a struct within a state adds one to the state as well.
Result<void> check_state(const char* type_name, const Message& state, capnp::StructSchema known);

template <class A>
Result<void> check_config(std::span<const std::byte> config) {
  return check_canonical(config, capnp::Schema::from<typename A::Config>(),
                         std::string("configuration of ") + A::type_name);
}

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

template <class A, class Make>
ActorType made_type(Make make) {
  ActorType type;
  type.name = A::type_name;
  type.make = [make](std::span<const std::byte> config) -> std::unique_ptr<Actor> {
    ConfigReader reader(config);
    return make(reader.as<typename A::Config>());
  };
  type.accepts = [](std::uint64_t message_type) {
    return accepts_any<A>(message_type, typename A::Accepts{});
  };
  type.dispatch = [](Actor& actor, const Message& message, Turn& turn) {
    dispatch_any(static_cast<A&>(actor), message, turn, typename A::Accepts{});
  };
  type.save = [](const Actor& actor) -> Message {
    if constexpr (HasState<A>) {
      return Message::build<typename A::State>(
          [&](typename A::State::Builder out) { static_cast<const A&>(actor).save(out); });
    } else {
      (void)actor;
      return {};
    }
  };
  type.load = [](Actor& actor, const Message& state) -> Result<void> {
    if constexpr (HasState<A>) {
      using State = typename A::State;
      auto known = check_state(A::type_name, state, capnp::Schema::from<State>());
      if (!known) return known;
      return static_cast<A&>(actor).load(state.as<State>());
    } else {
      (void)actor;
      (void)state;
      return {};
    }
  };
  type.check_config = check_config<A>;
  // A record in the directory may hold anything: what nobody could make wishes nothing.
  if constexpr (HasWish<A>) {
    type.wish = [](std::span<const std::byte> config) -> PlacementWish {
      if (!check_config<A>(config)) return {};
      return A::wish(ConfigReader(config).as<typename A::Config>());
    };
  }
  if constexpr (HasDurable<A>) {
    type.durable = [](std::span<const std::byte> config) -> bool {
      if (!check_config<A>(config)) return false;
      return A::durable(ConfigReader(config).as<typename A::Config>());
    };
  }
  if constexpr (Stays<A>) type.stays = A::stays;
  type.retire_when_unused = IsStage<A>;
  type.ends_frames = EndsFrames<A>;
  return type;
}

}  // namespace detail

// make: (A::Config::Reader) -> std::unique_ptr<A>
template <class A, class Make>
ActorType actor_type(Make make) {
  if constexpr (detail::check_actor<A>()) return detail::made_type<A>(std::move(make));
  return {};
}

template <class A>
ActorType actor_type() {
  if constexpr (detail::check_actor<A>()) {
    return detail::made_type<A>(
        [](typename A::Config::Reader config) { return std::make_unique<A>(config); });
  }
  return {};
}

// The types that a node can host, by name. Thread-safe: an app module may add some while others
// look; a type that is there stays where it is.
class ActorTypes {
 public:
  ActorTypes() = default;
  ActorTypes(const ActorTypes& other) : types_(other.all()) {}
  ActorTypes& operator=(const ActorTypes&) = delete;

  void add(ActorType type) {
    std::lock_guard lock(mutex_);
    const std::string name = type.name;
    const bool fresh = types_.emplace(name, std::move(type)).second;
    OMMA_CHECK(fresh, name);
  }
  const ActorType* find(const std::string& name) const {
    std::lock_guard lock(mutex_);
    const auto found = types_.find(name);
    return found == types_.end() ? nullptr : &found->second;
  }
  std::map<std::string, ActorType> all() const {
    std::lock_guard lock(mutex_);
    return types_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, ActorType> types_;  // Guarded by mutex_.
};

}  // namespace omma
