// TurnWatch: which turns run right now, and since when. A turn should take microseconds; one that
// loops, or waits for something, keeps a thread of the node, and who suffers from that is somebody
// else. So every turn signs in and out, and one that stays is found and named.
//
//   turn, on any thread --> that thread's slot: a few stores, no lock
//   watcher, one thread --> look(now), several times a second
//
// Thread-safe as said at each call. Outlives the threads that run turns.
#pragma once

#include "runtime/base/ids.hpp"
#include "runtime/base/time.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace omma {

// A turn that has taken too long.
struct LongTurn {
  ActorId actor;
  std::string name;    // As given to enter(): "tracker 'east'".
  std::string doing;   // "a message of type 0x9f3e...", "timer 2".
  Duration running{};  // So far; for one that has ended, when it was last seen.
  bool ended = false;
};

// What a turn is about.
enum class TurnCause : std::uint8_t { other, message, timer, job };

class TurnWatch {
 public:
  TurnWatch();
  ~TurnWatch();
  TurnWatch(const TurnWatch&) = delete;
  TurnWatch& operator=(const TurnWatch&) = delete;

  // An actor begins and ends to live here; for its name. Any thread.
  void enter(const ActorId& actor, std::string name);
  void leave(const ActorId& actor);

  // On the thread that runs the turn. `number` is the message's type or the timer's number.
  void begin(const ActorId& actor, TurnCause cause, std::uint64_t number);
  void end();

  // Turns to tell of: one that has just passed limits::turn_alarm_after, again each time that it
  // has taken twice as long, and once more when it has ended. The watcher's thread only.
  std::vector<LongTurn> look(Instant now);
  // All that are past it at the moment, as of the last look. Any thread.
  std::vector<LongTurn> long_turns() const;

 private:
  struct Slot;
  struct Slots;
  struct Name {
    std::string text;
    unsigned lives = 0;  // Two while one comes back before its earlier cell has gone.
  };
  struct Seen;

  Slot& own_slot();
  std::string name_of(const ActorId& actor) const;

  const std::shared_ptr<Slots> slots_;
  mutable std::mutex mutex_;  // Around what follows.
  std::map<ActorId, Name> names_;
  std::map<const Slot*, Seen> seen_;
};

}  // namespace omma
