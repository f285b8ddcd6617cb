// Checkpoint: an actor's state as the directory keeps it, for whoever continues the actor after the
// loss of its node. The directory has one an actor, the latest.
#pragma once

#include "runtime/base/blob.hpp"
#include "runtime/base/ids.hpp"

#include <cstdint>

namespace omma {

struct Checkpoint {
  ActorId id;
  std::uint64_t epoch = 0;  // Of the record under which it was taken: who wrote it is fenced by it.
  std::uint64_t number = 0;  // Grows within an epoch; one number never stands for two states.
  // Whatever the actor had acknowledged or sent is in it, so that the same life may go on from it.
  bool keeps_life = false;
  Blob state;
};

}  // namespace omma
