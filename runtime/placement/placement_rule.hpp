// The rule by which an actor gets its first node. It looks at what is known and answers; the
// directory's compare-and-set decides, should two nodes answer differently.
//
// Pure.
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/protocol/directory_record.hpp"

#include <cstddef>
#include <map>
#include <span>
#include <string>

namespace omma {

struct NodeLoad {
  NodeRecord node;
  std::size_t actors = 0;                            // Active on it.
  std::map<std::string, std::size_t> by_spread_key;  // Of these, those with each spread key.
  std::size_t actors_max = limits::actors_per_node_max;
};

struct NodeWish {
  std::string preferred_node;  // If it takes actors, whatever its roles; empty for none.
  std::string needed_role;     // Of any other node; empty: none but the preferred one will do.
  std::string spread_key;      // Actors that share it keep apart, "model_shard"; empty for none.
  bool anywhere = false;       // Else a node of any role.
};

// Alive, not cordoned, not full.
bool takes_actors(const NodeLoad& load);
// "cam-east (camera), cloud (head, cloud; not alive)": for messages.
std::string list_of(std::span<const NodeLoad> nodes);

// The preferred node; else, of the nodes with the needed role, the one with the fewest actors of
// the spread key, then the fewest actors, then the smallest name. Only nodes that take actors. The
// same answer in any order of `nodes`. unavailable when there is none: says which nodes there are
// and what to do; invalid_argument when the wish names neither node nor role.
Result<NodeRecord> choose_node(std::span<const NodeLoad> nodes, const NodeWish& wish);

}  // namespace omma
