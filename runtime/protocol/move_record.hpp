// MoveRecord: one line of the directory's log of moves and take-overs, for people.
#pragma once

#include "runtime/base/ids.hpp"
#include "runtime/base/time.hpp"

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
  std::string reason;       // Why it was wanted, or why it came to nothing.
  Duration pause{};         // From the last turn at the source to the first at the target.
  std::uint64_t bytes = 0;  // Of the snapshot, or of the checkpoint.

  friend bool operator==(const MoveRecord&, const MoveRecord&) = default;
};

}  // namespace omma
