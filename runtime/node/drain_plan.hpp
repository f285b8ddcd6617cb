// The plan of a drain: for each actor of a node, where it is to go, or why it stays.
//
// Pure.
#pragma once

#include "runtime/node/home_choice.hpp"

#include <set>
#include <span>
#include <string>
#include <vector>

namespace omma {

struct DrainStep {
  ActorRecord actor;
  std::string to;   // Empty: it stays,
  std::string why;  // for this reason.
};

// `from` is cordoned in `nodes`. In the order to be carried out: cameras before what follows them.
// Each step counts in the load of its target, so that no node gets all of them.
std::vector<DrainStep> plan_drain(const std::string& from, std::span<const NodeRecord> nodes,
                                  std::span<const ActorRecord> actors,
                                  const std::set<ActorId>& pinned, const ActorTypes& types,
                                  const std::function<std::size_t(const std::string&)>& actors_max);

}  // namespace omma
