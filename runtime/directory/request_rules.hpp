// What every directory engine asks of a request on top of the rules of the records themselves
// (permits, register_node): that it can be written down and read back, that a node which takes
// leave is the one on record, and that who writes a checkpoint owns the actor.
//
// Pure.
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/protocol/checkpoint.hpp"
#include "runtime/protocol/directory_record.hpp"
#include "runtime/protocol/move_record.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace omma {

// invalid_argument without id, type or node, over_limit for a node name that is too long.
Result<void> check_storable(const ActorRecord& record);

// over_limit for too many roles or a long address or role, invalid_argument for an empty role or
// one with a line break.
Result<void> check_storable(const std::string& node_name, const std::string& address,
                            const std::vector<std::string>& roles);

// May `node` leave or be declared dead, with `current` on record under its name? not_found for an
// unknown name, conflict for another incarnation than the registered one.
Result<void> check_registered(const std::optional<NodeRecord>& current, const NodeId& node);

Error no_such_node(const std::string& name);

// May the actor with record `current` be pinned beside `pin_count` others?
Result<void> check_pinnable(const std::optional<ActorRecord>& current, const ActorId& id,
                            std::size_t pin_count);

// over_limit for too many checkpoints at once, or too large ones together.
Result<void> check_batch(std::span<const Checkpoint> checkpoints);
// over_limit for a state that is too large, invalid_argument for a null id.
Result<void> check_storable(const Checkpoint& checkpoint);
// May `checkpoint`, written by `by`, become the latest of the actor with record `current`? conflict
// when the actor is not active on `by` at the checkpoint's epoch.
Result<void> check_owner(const std::optional<ActorRecord>& current, const NodeId& by,
                         const Checkpoint& checkpoint);

// As it is logged: the reason cut off at limits::move_reason_bytes_max. over_limit for names that
// are too long.
Result<MoveRecord> loggable(const MoveRecord& move);

}  // namespace omma
