#include "runtime/node/drain_plan.hpp"

#include "runtime/placement/move_rule.hpp"

namespace omma {
namespace {

// The target's name, or why there is none.
Result<std::string> target_of(const ActorRecord& actor, const ActorType* type, bool pinned,
                              const std::string& avoid, const std::vector<NodeLoad>& loads,
                              const Homes& homes) {
  if (type == nullptr) {
    return Error{Code::unsupported, "this node knows no actor type '" + actor.type +
                                        "'; all nodes must run the same build"};
  }
  MoveWish wish{actor, pinned, type->stays, {}};
  const Result<NodeRecord> chosen = choose_home(loads, home_wish(*type, actor, homes), avoid);
  // What forbids every move is said rather than that no node has room.
  wish.to = chosen ? chosen->id.name : std::string();
  if (auto fits = check_leave(wish, loads); !fits) return fits.error();
  if (!chosen) return chosen.error();
  if (auto fits = check_move(wish, loads); !fits) return fits.error();
  return wish.to;
}

}  // namespace

std::vector<DrainStep> plan_drain(
    const DrainView& view, const ActorTypes& types,
    const std::function<std::size_t(const std::string&)>& actors_max) {
  std::vector<NodeLoad> loads = loads_of(view.nodes, actors_max);
  Homes homes = view.cameras;
  std::vector<DrainStep> steps;
  for (const ActorRecord* actor : in_placing_order(view.actors, types)) {
    const bool pinned = view.pinned.contains(actor->id);
    const auto failed = view.avoid.find(actor->id);
    const std::string avoid = failed == view.avoid.end() ? std::string() : failed->second;
    const auto to = target_of(*actor, types.find(actor->type), pinned, avoid, loads, homes);
    if (!to) {
      steps.push_back({*actor, {}, to.error().message});
      continue;
    }
    homes[actor->id] = *to;
    add_load(loads, *to);
    steps.push_back({*actor, *to, {}});
  }
  return steps;
}

}  // namespace omma
