// What every directory engine asks of a request on top of the rules of the records themselves
// (permits, register_node): that it can be written down and read back, and that a node which takes
// leave is the one on record.
//
// Pure.
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/protocol/directory_record.hpp"

#include <optional>
#include <string>
#include <vector>

namespace omma {

// invalid_argument without id, type or node, over_limit for a node name that is too long.
Result<void> check_storable(const ActorRecord& record);

// over_limit for too many roles or a long address or role, invalid_argument for an empty role or
// one with a line break.
Result<void> check_storable(const std::string& node_name, const std::string& address,
                            const std::vector<std::string>& roles);

// May `node` deregister, with `current` on record under its name? not_found for an unknown name,
// conflict for another incarnation than the registered one.
Result<void> check_registered(const std::optional<NodeRecord>& current, const NodeId& node);

}  // namespace omma
