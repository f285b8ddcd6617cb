#include "runtime/node/home_choice.hpp"

#include <algorithm>
#include <string_view>

namespace omma {

std::vector<NodeLoad> loads_of(std::span<const CountedNode> nodes,
                               const std::function<std::size_t(const std::string&)>& actors_max) {
  std::vector<NodeLoad> loads;
  loads.reserve(nodes.size());
  for (const CountedNode& one : nodes) {
    loads.push_back({one.node, one.actors, {}, actors_max(one.node.id.name)});
  }
  return loads;
}

void add_load(std::vector<NodeLoad>& loads, const std::string& node) {
  for (NodeLoad& load : loads) load.actors += load.node.id.name == node ? 1 : 0;
}

NodeWish home_wish(const ActorType& type, const ActorRecord& actor, const Homes& homes) {
  const PlacementWish wish = type.wish(actor.config);
  NodeWish rule;
  rule.preferred_node = wish.node;
  rule.needed_role = wish.role;
  rule.anywhere = wish.role.empty();
  if (wish.near_camera.empty()) return rule;
  const auto near = homes.find(ActorId::of("camera", std::string_view(wish.near_camera)));
  if (near != homes.end()) rule.preferred_node = near->second;
  return rule;
}

Result<NodeRecord> choose_home(const std::vector<NodeLoad>& loads, const NodeWish& wish,
                               const std::string& avoid) {
  Result<NodeRecord> chosen = choose_node(loads, wish);
  if (!chosen || chosen->id.name != avoid) return chosen;
  std::vector<NodeLoad> others = loads;
  std::erase_if(others, [&](const NodeLoad& load) { return load.node.id.name == avoid; });
  Result<NodeRecord> other = choose_node(others, wish);
  return other ? other : chosen;
}

std::optional<ActorId> camera_of(const ActorType& type, const ActorRecord& actor) {
  const std::string camera = type.wish(actor.config).near_camera;
  if (camera.empty()) return std::nullopt;
  return ActorId::of("camera", std::string_view(camera));
}

std::set<ActorId> cameras_of(std::span<const ActorRecord> actors, const ActorTypes& types) {
  std::set<ActorId> cameras;
  for (const ActorRecord& actor : actors) {
    const ActorType* const type = types.find(actor.type);
    if (type == nullptr) continue;
    if (const auto camera = camera_of(*type, actor)) cameras.insert(*camera);
  }
  return cameras;
}

std::vector<const ActorRecord*> in_placing_order(std::span<const ActorRecord> actors,
                                                 const ActorTypes& types) {
  std::vector<const ActorRecord*> order;
  for (const ActorRecord& actor : actors) order.push_back(&actor);
  std::stable_partition(order.begin(), order.end(), [&](const ActorRecord* actor) {
    const ActorType* const type = types.find(actor->type);
    return type == nullptr || !camera_of(*type, *actor);
  });
  return order;
}

}  // namespace omma
