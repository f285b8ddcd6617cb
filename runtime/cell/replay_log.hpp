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
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace omma {

// When a job was started, ran and ended, on its node; zero where it did not.
struct JobTimes {
  Instant queued{};
  Instant begun{};
  Instant ended{};
};

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
  // What messages, of which there are most, do not have: kept beside, so that they stay small.
  struct Details {
    ActorId peer{};                        // peer_lost.
    Error error{};                         // job_failed, request_failed.
    std::function<void(Turn&)> command{};  // command.
    JobTimes times{};                      // job_done, job_failed.
  };
  Kind kind = Kind::message;
  unsigned attempts = 0;
  std::uint64_t id = 0;  // Timer, job or correlation.
  Envelope envelope;     // Of a message; its message also for job_done.
  std::shared_ptr<const Details> details;

  static Input of(Kind kind, std::uint64_t id = 0) {
    Input input;
    input.kind = kind;
    input.id = id;
    return input;
  }
  static Input of(Kind kind, std::uint64_t id, Details details) {
    Input input = of(kind, id);
    input.details = std::make_shared<const Details>(std::move(details));
    return input;
  }
};

class ReplayLog {
 public:
  struct Entry {
    Input::Kind kind = Input::Kind::message;
    std::uint64_t id = 0;
    std::shared_ptr<const Input::Details> details;
    Turn::Context context;

    Input input() const;  // Without the parts of the envelope that no turn sees.
  };

  // From here on restoring begins with this state (null: a newly made actor).
  void set_snapshot(Message state);
  void record(const Input& input, Turn::Context context);
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
