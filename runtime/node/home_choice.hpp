// Where an actor goes that has lived already: when its node is lost (fail_over_plan.hpp) or drained
// (drain_plan.hpp). Its type's wish counts as it did for the first place; what wanted to be near a
// camera goes where the camera is now.
//
// Pure.
#pragma once

#include "runtime/cell/actor_type.hpp"
#include "runtime/directory/directory.hpp"
#include "runtime/placement/placement_rule.hpp"
#include "runtime/protocol/directory_record.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace omma {

// Which node an actor lives on, by name; cameras' are what a choice asks for.
using Homes = std::map<ActorId, std::string>;

std::vector<NodeLoad> loads_of(std::span<const CountedNode> nodes,
                               const std::function<std::size_t(const std::string&)>& actors_max);

// One actor more on that node.
void add_load(std::vector<NodeLoad>& loads, const std::string& node);

// An actor without any wish may live anywhere.
NodeWish home_wish(const ActorType& type, const ActorRecord& actor, const Homes& homes);

// Where it goes: to another node than `avoid` (empty: none), if another will do.
Result<NodeRecord> choose_home(const std::vector<NodeLoad>& loads, const NodeWish& wish,
                               const std::string& avoid);

// The camera that it wants to be near; it is placed after that one.
std::optional<ActorId> camera_of(const ActorType& type, const ActorRecord& actor);
// Those of all of these. What the types do not know follows none.
std::set<ActorId> cameras_of(std::span<const ActorRecord> actors, const ActorTypes& types);
// In the order in which they are placed: as they come, but those that follow a camera last.
std::vector<const ActorRecord*> in_placing_order(std::span<const ActorRecord> actors,
                                                 const ActorTypes& types);

}  // namespace omma
