// Where an actor goes that has lived already: when its node is lost (fail_over_plan.hpp) or drained
// (drain_plan.hpp). Its type's wish counts as it did for the first place; what wanted to be near a
// camera goes where the camera is now.
//
// Pure.
#pragma once

#include "runtime/cell/actor_type.hpp"
#include "runtime/placement/placement_rule.hpp"
#include "runtime/protocol/directory_record.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace omma {

// Which node each actor lives on, by name.
using Homes = std::map<ActorId, std::string>;

// The load of every node: how many actors live on this incarnation of it.
std::vector<NodeLoad> loads_of(std::span<const NodeRecord> nodes,
                               std::span<const ActorRecord> actors,
                               const std::function<std::size_t(const std::string&)>& actors_max);

// An actor without any wish may live anywhere.
NodeWish home_wish(const ActorType& type, const ActorRecord& actor, const Homes& homes);

// It wants to be near a camera, so it is placed after it.
bool follows_camera(const ActorType& type, const ActorRecord& actor);

}  // namespace omma
