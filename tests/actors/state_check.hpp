// StateCheck: whether what an actor saves is all that it has to save. After each message that it
// handles, a second actor is made of the first one's state, and what that one saves must be the
// same, byte for byte.
//
//   types.add(StateCheck<Tracker>::in(actor_type<Tracker>()));
//
// The tag type tells several checked types apart. Virtual time only: one thread.
#pragma once

#include "runtime/cell/actor_type.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace omma::test {

template <class Tag>
struct StateCheck {
  static inline ActorType type;
  static inline std::map<const Actor*, std::vector<std::byte>> configs;
  static inline std::uint64_t checks = 0;
  static inline const Actor* last = nullptr;  // The one that lives, of several the last made.

  static ActorType in(ActorType checked) {
    type = checked;
    checks = 0;
    checked.make = [](std::span<const std::byte> config) {
      auto actor = type.make(config);
      configs[actor.get()].assign(config.begin(), config.end());
      last = actor.get();
      return actor;
    };
    checked.dispatch = [](Actor& actor, const Message& message, Turn& turn) {
      type.dispatch(actor, message, turn);
      check(actor);
    };
    return checked;
  }

  static void check(const Actor& actor) {
    ++checks;
    const Message state = type.save(actor);
    const auto other = type.make(configs.at(&actor));
    const auto loaded = type.load(*other, state);
    const Message again = type.save(*other);
    const Blob words = state.flat_words();
    const Blob words_again = again.flat_words();
    const bool same =
        loaded.ok() && std::equal(words.bytes().begin(), words.bytes().end(),
                                  words_again.bytes().begin(), words_again.bytes().end());
    // One assertion for each would be most of a test's time.
    if (!same) FAIL_CHECK(type.name << ": what was loaded is not what was saved, check " << checks);
  }
};

}  // namespace omma::test
