// MoveRecord: one line of the directory's log of moves and take-overs, for people. Revival: what a
// take-over came to.
#pragma once

#include "runtime/base/ids.hpp"
#include "runtime/base/time.hpp"
#include "runtime/protocol/directory_record.hpp"

#include <cstdint>
#include <string>

namespace omma {

struct MoveRecord {
  enum class Outcome : std::uint8_t {
    moved,       // The target won the compare-and-set.
    refused,     // The target would not have it; nothing was paused.
    aborted,     // The source won it back after a pause.
    taken_over,  // Its node was lost; another goes on with it.
  };

  WallTime when{};
  ActorId id;
  std::string type;
  std::string name;
  std::string from;  // Names of nodes.
  std::string to;
  Outcome outcome = Outcome::moved;
  std::string reason;  // Why it was wanted, or why it came to nothing.
  // Of a move: from the last turn at the source to the first at the target. Of a take-over: from
  // the last that the head heard of the lost node (its last renewed lease; where this head never
  // heard of it, from its own first look) to the word that the actor is live on the other.
  Duration pause{};
  std::uint64_t bytes = 0;  // Of the snapshot; of the checkpoint, 0 where the actor began anew.

  friend bool operator==(const MoveRecord&, const MoveRecord&) = default;
};

struct Revival {
  ActorRecord record;                  // As it is now.
  std::uint64_t checkpoint_bytes = 0;  // Of what it goes on from; 0: it began anew.
};

}  // namespace omma
