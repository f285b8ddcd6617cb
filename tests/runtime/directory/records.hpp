// Records that the directory tests write.
#pragma once

#include "runtime/directory/directory.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace omma {

inline NodeId node_of(const std::string& name, std::uint64_t incarnation = 1) {
  return {name, Incarnation{0xabcd, incarnation}, 1};
}

inline std::vector<std::byte> config_of(std::size_t size) {
  return std::vector<std::byte>(size, std::byte{7});
}

// The change that begins a life of camera `name`, on what the directory holds now.
inline Result<RecordChange> activation(Directory& directory, const std::string& name,
                                       const NodeId& node, const std::string& type = "camera") {
  const ActorId id = ActorId::of(type, name);
  auto current = directory.actor(id);
  REQUIRE(current.ok());
  return activate(*current, id, type, name, config_of(16), node);
}

inline ActorRecord activate_now(Directory& directory, const std::string& name, const NodeId& node,
                                const std::string& type = "camera") {
  auto change = activation(directory, name, node, type);
  REQUIRE(change.ok());
  auto outcome = directory.compare_and_set(*change);
  REQUIRE(outcome.ok());
  REQUIRE(outcome->applied);
  return change->next;
}

inline ActorRecord retire_now(Directory& directory, const ActorRecord& record) {
  auto change = retire(record, record.id, record.epoch, record.node);
  REQUIRE(change.ok());
  auto outcome = directory.compare_and_set(*change);
  REQUIRE(outcome.ok());
  REQUIRE(outcome->applied);
  return change->next;
}

inline ActorRecord stored(Directory& directory, const ActorId& id) {
  auto found = directory.actor(id);
  REQUIRE(found.ok());
  REQUIRE(found->has_value());
  return **found;
}

}  // namespace omma
