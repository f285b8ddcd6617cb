// ReplayLog: how an actor whose turn threw gets back to the state before that turn, without paying
// for a snapshot each turn. It keeps one snapshot and the inputs since; restoring loads the one and
// repeats the others with their effects thrown away. Exact, because a turn depends on the state and
// its input alone (time, chance and ids are part of the recorded input).
//
// A plain class, owned by one cell.
#pragma once

#include "runtime/base/limits.hpp"
#include "runtime/cell/turn.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace omma {

// One thing that made an actor run.
struct Input {
  enum class Kind : std::uint8_t {
    start,
    resume,
    message,
    timer,
    job_done,
    job_failed,
    subscribers_changed,
    request_failed,
    peer_lost,
    command,
  };
  Kind kind = Kind::message;
  Envelope envelope;                   // Of a message; its message also for job_done.
  std::uint64_t id = 0;                // Timer, job or correlation.
  ActorId peer;                        // peer_lost.
  Error error;                         // job_failed, request_failed.
  std::function<void(Turn&)> command;  // command.
  unsigned attempts = 0;

  static Input of(Kind kind) {
    Input input;
    input.kind = kind;
    return input;
  }
};

class ReplayLog {
 public:
  struct Entry {
    Input input;
    Turn::Context context;
  };

  // From here on restoring begins with this state (null: a newly made actor).
  void set_snapshot(Message state);
  void record(Input input, Turn::Context context);
  // False when the log would become longer than it may: take a snapshot instead of recording.
  bool has_room_for(const Input& input) const {
    return entries_.size() < limits::replay_messages_max &&
           bytes_ + input.envelope.message.size_bytes() <= limits::replay_bytes_max;
  }

  const Message& snapshot() const { return snapshot_; }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  Message snapshot_;
  std::vector<Entry> entries_;
  std::size_t bytes_ = 0;
};

}  // namespace omma
