// The plan of a drain: for each actor of a node, where it is to go, or why it stays.
//
// Pure.
#pragma once

#include "runtime/node/home_choice.hpp"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace omma {

struct DrainStep {
  ActorRecord actor;
  std::string to;   // Empty: it stays,
  std::string why;  // for this reason.
};

// What a drain has to know of the directory.
struct DrainView {
  std::vector<CountedNode> nodes;   // The one that is drained is cordoned among them.
  std::vector<ActorRecord> actors;  // The active ones on it.
  std::set<ActorId> pinned;
  Homes cameras;  // Of the cameras that these follow: cameras_of().
  // Where a move of theirs came to nothing: not there again, if another node will do.
  std::map<ActorId, std::string> avoid = {};
};

// In the order to be carried out: cameras before what follows them. Each step counts in the load of
// its target, so that no node gets all of them.
std::vector<DrainStep> plan_drain(const DrainView& view, const ActorTypes& types,
                                  const std::function<std::size_t(const std::string&)>& actors_max);

}  // namespace omma
