// TraceHop: one step on the way of what descends from a captured frame, as the node where it
// happened saw it. A frame's trace is all hops of its TraceId from all nodes, put together after
// the fact (runtime/observe/frame_trace.hpp); nothing of it travels with the messages.
//
//   departure --wire--> turn --> job --> turn --> departure --wire--> ...
//
// A plain value of fixed size. Times are of the node's steady clock.
#pragma once

#include "runtime/protocol/envelope.hpp"

#include <cstdint>

namespace omma {

struct TraceHop {
  enum class Kind : std::uint8_t {
    turn,       // A handler ran.
    job,        // An executor ran what a turn asked for.
    departure,  // A message left: handed to the cell or the link of its target.
  };

  TraceId trace{};
  ActorId actor{};             // Who ran, or who sent.
  ActorId peer{};              // Turn: who sent the message, if it was one. Departure: the target.
  std::uint64_t sequence = 0;  // Of the message in its stream, or the job's id; 0 for neither.
  Kind kind = Kind::turn;
  Channel channel = Channel::control;
  // Turn: the message came to this node. Job: it was started. Departure: as `begun`.
  Instant queued{};
  Instant begun{};
  Instant ended{};
  std::uint64_t bytes = 0;  // Of the message.

  friend bool operator==(const TraceHop&, const TraceHop&) = default;
};

// Takes hops from any thread; never blocks, never allocates.
class HopSink {
 public:
  virtual ~HopSink() = default;
  virtual void add(const TraceHop& hop) = 0;
};

}  // namespace omma
