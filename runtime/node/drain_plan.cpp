#include "runtime/node/drain_plan.hpp"

#include <algorithm>

#include "runtime/placement/move_rule.hpp"

namespace omma {
namespace {

// The target's name, or why there is none.
Result<std::string> target_of(const ActorRecord& actor, const ActorType* type, bool pinned,
                              const std::vector<NodeLoad>& loads, const Homes& homes) {
  if (type == nullptr) {
    return Error{Code::unsupported, "this node knows no actor type '" + actor.type +
                                        "'; all nodes must run the same build"};
  }
  MoveWish wish{actor, pinned, type->stays, {}};
  const Result<NodeRecord> chosen = choose_node(loads, home_wish(*type, actor, homes));
  // What forbids every move is said rather than that no node has room.
  wish.to = chosen ? chosen->id.name : std::string();
  if (auto fits = check_leave(wish, loads); !fits) return fits.error();
  if (!chosen) return chosen.error();
  if (auto fits = check_move(wish, loads); !fits) return fits.error();
  return wish.to;
}

}  // namespace

std::vector<DrainStep> plan_drain(
    const std::string& from, std::span<const NodeRecord> nodes, std::span<const ActorRecord> actors,
    const std::set<ActorId>& pinned, const ActorTypes& types,
    const std::function<std::size_t(const std::string&)>& actors_max) {
  std::vector<NodeLoad> loads = loads_of(nodes, actors, actors_max);
  Homes homes;
  std::vector<const ActorRecord*> order;
  for (const ActorRecord& actor : actors) {
    if (actor.state != ActorRecord::State::active) continue;
    homes[actor.id] = actor.node.name;
    if (actor.node.name == from) order.push_back(&actor);
  }
  std::stable_partition(order.begin(), order.end(), [&](const ActorRecord* actor) {
    const ActorType* type = types.find(actor->type);
    return type == nullptr || !follows_camera(*type, *actor);
  });
  std::vector<DrainStep> steps;
  for (const ActorRecord* actor : order) {
    const auto to =
        target_of(*actor, types.find(actor->type), pinned.contains(actor->id), loads, homes);
    if (!to) {
      steps.push_back({*actor, {}, to.error().message});
      continue;
    }
    homes[actor->id] = *to;
    for (NodeLoad& load : loads) load.actors += load.node.id.name == *to ? 1 : 0;
    steps.push_back({*actor, *to, {}});
  }
  return steps;
}

}  // namespace omma
