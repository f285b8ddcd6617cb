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

// Registers the node unless its name is on record.
inline NodeId known(Directory& directory, const NodeId& node) {
  auto nodes = directory.nodes();
  REQUIRE(nodes.ok());
  for (const NodeRecord& record : *nodes) {
    if (record.id.name == node.name) return node;
  }
  REQUIRE(directory.register_node(node.name, node.incarnation, "unix:/" + node.name, {}).ok());
  return node;
}

// The change that begins a life of camera `name`, on what the directory holds now.
inline Result<RecordChange> activation(Directory& directory, const std::string& name,
                                       const NodeId& node, const std::string& type = "camera") {
  const ActorId id = ActorId::of(type, name);
  auto current = directory.actor(id);
  REQUIRE(current.ok());
  return activate(*current, id, type, name, config_of(16), known(directory, node));
}

inline ActorRecord applied(Directory& directory, const Result<RecordChange>& change) {
  REQUIRE(change.ok());
  auto outcome = directory.compare_and_set(*change);
  if (!outcome.ok()) FAIL(outcome.error().describe());
  REQUIRE(outcome->applied);
  return change->next;
}

inline ActorRecord activate_now(Directory& directory, const std::string& name, const NodeId& node,
                                const std::string& type = "camera") {
  return applied(directory, activation(directory, name, node, type));
}

inline ActorRecord retire_now(Directory& directory, const ActorRecord& record) {
  return applied(directory, retire(record, record.id, record.epoch, record.node));
}

inline ActorRecord move_now(Directory& directory, const ActorRecord& record, const NodeId& to) {
  return applied(directory, move_actor(record, record.id, record.epoch, record.node, to));
}

inline ActorRecord stored(Directory& directory, const ActorId& id) {
  auto found = directory.actor(id);
  REQUIRE(found.ok());
  REQUIRE(found->has_value());
  return **found;
}

// What the query means, from its first page to its last.
inline std::vector<ActorRecord> listed(Directory& directory, ActorQuery query = {}) {
  std::vector<ActorRecord> all;
  while (true) {
    const auto page = directory.actors(query);
    REQUIRE(page.ok());
    all.insert(all.end(), page->actors.begin(), page->actors.end());
    if (!page->more) return all;
    query.after = all.back().id;
  }
}

inline std::vector<ActorRecord> orphans_of(Directory& directory) {
  return listed(directory, {.which = ActorQuery::Which::orphaned});
}

}  // namespace omma
