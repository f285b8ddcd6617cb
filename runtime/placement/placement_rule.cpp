#include "runtime/placement/placement_rule.hpp"

#include <algorithm>
#include <tuple>

namespace omma {
namespace {

bool has_role(const NodeRecord& node, const std::string& role) {
  return std::find(node.roles.begin(), node.roles.end(), role) != node.roles.end();
}

Error no_node(std::span<const NodeLoad> nodes, const NodeWish& wish) {
  std::string message;
  if (!wish.preferred_node.empty()) {
    message = "node '" + wish.preferred_node + "' takes no actors now";
  }
  if (wish.anywhere || !wish.needed_role.empty()) {
    message += (message.empty() ? "" : " and ") + std::string("no node that takes any") +
               (wish.anywhere ? " is there" : " has the role '" + wish.needed_role + "'");
  }
  const std::string remedy = wish.anywhere ? "start one, or end a cordon"
                             : wish.needed_role.empty()
                                 ? "start node '" + wish.preferred_node + "', or end its cordon"
                                 : "start one, end a cordon, or give the role to a node in the "
                                   "cluster file";
  return {Code::unavailable, message + "; nodes are: " + list_of(nodes) + "; " + remedy};
}

}  // namespace

bool takes_actors(const NodeLoad& load) {
  return load.node.alive && !load.node.cordoned && load.actors < load.actors_max;
}

std::string list_of(std::span<const NodeLoad> nodes) {
  std::string list;
  for (const NodeLoad& load : nodes) {
    std::string roles;
    for (const std::string& role : load.node.roles) roles += (roles.empty() ? "" : ", ") + role;
    if (!load.node.alive) roles += "; not alive";
    if (load.node.cordoned) roles += "; cordoned";
    if (load.actors >= load.actors_max) {
      roles += "; full, " + std::to_string(load.actors) + " actors";
    }
    list += (list.empty() ? "" : ", ") + load.node.id.name + " (" + roles + ")";
  }
  return list.empty() ? "none" : list;
}

Result<NodeRecord> choose_node(std::span<const NodeLoad> nodes, const NodeWish& wish) {
  if (wish.preferred_node.empty() && wish.needed_role.empty() && !wish.anywhere) {
    return Error{Code::invalid_argument,
                 "a placement wish without node and role; name one of them"};
  }
  const auto preferred = std::find_if(nodes.begin(), nodes.end(), [&](const NodeLoad& load) {
    return load.node.id.name == wish.preferred_node && takes_actors(load);
  });
  if (preferred != nodes.end()) return preferred->node;

  const auto rank = [&](const NodeLoad& load) {
    const auto sharing = load.by_spread_key.find(wish.spread_key);
    const bool alone = wish.spread_key.empty() || sharing == load.by_spread_key.end();
    return std::make_tuple(alone ? 0 : sharing->second, load.actors, load.node.id.name);
  };
  const NodeLoad* best = nullptr;
  for (const NodeLoad& load : nodes) {
    const bool has_it =
        wish.anywhere || (!wish.needed_role.empty() && has_role(load.node, wish.needed_role));
    const bool fit = has_it && takes_actors(load);
    if (fit && (best == nullptr || rank(load) < rank(*best))) best = &load;
  }
  if (best == nullptr) return no_node(nodes, wish);
  return best->node;
}

}  // namespace omma
