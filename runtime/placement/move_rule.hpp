// The rule by which a wish to move an actor is refused before anything is paused: everything that
// can be seen without its state. Whether the target can take the state, the target itself says.
//
// Pure.
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/placement/placement_rule.hpp"
#include "runtime/protocol/directory_record.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace omma {

struct MoveWish {
  const ActorRecord& actor;
  bool pinned = false;
  const char* stays = nullptr;  // Why actors of its type do not move; null when they do.
  std::string to;
};

// An error that says what, with which number and limit, and what to do. not_found: no such node, or
// the actor lives nowhere. conflict: it is there already, it is pinned, its node is dead.
// unavailable: the target is dead or cordoned. over_limit: the target is full. unsupported: the
// type stays. The roles of the target are not asked for: whoever names a node means it.
Result<void> check_move(const MoveWish& wish, std::span<const NodeLoad> nodes);
// The part of it that no other target would change: whether the actor may leave where it is.
Result<void> check_leave(const MoveWish& wish, std::span<const NodeLoad> nodes);

// The active actor that a person means by TYPE/NAME, NAME, or the first digits of its id (four at
// least). not_found names the nearest, invalid_argument lists those that it could be.
Result<ActorRecord> find_actor(std::string_view wanted, std::span<const ActorRecord> actors);

}  // namespace omma
