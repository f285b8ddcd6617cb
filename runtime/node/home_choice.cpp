#include "runtime/node/home_choice.hpp"

#include <string_view>

namespace omma {

std::vector<NodeLoad> loads_of(std::span<const NodeRecord> nodes,
                               std::span<const ActorRecord> actors,
                               const std::function<std::size_t(const std::string&)>& actors_max) {
  std::map<Incarnation, std::size_t> on;
  for (const ActorRecord& actor : actors) {
    if (actor.state == ActorRecord::State::active) ++on[actor.node.incarnation];
  }
  std::vector<NodeLoad> loads;
  for (const NodeRecord& node : nodes) {
    loads.push_back({node, on[node.id.incarnation], {}, actors_max(node.id.name)});
  }
  return loads;
}

NodeWish home_wish(const ActorType& type, const ActorRecord& actor, const Homes& homes) {
  const PlacementWish wish = type.wish(actor.config);
  NodeWish rule;
  rule.preferred_node = wish.node;
  rule.needed_role = wish.role;
  rule.anywhere = wish.role.empty();
  const auto near = homes.find(ActorId::of("camera", std::string_view(wish.near_camera)));
  if (!wish.near_camera.empty() && near != homes.end()) rule.preferred_node = near->second;
  return rule;
}

bool follows_camera(const ActorType& type, const ActorRecord& actor) {
  return !type.wish(actor.config).near_camera.empty();
}

}  // namespace omma
