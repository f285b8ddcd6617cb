// Store: the rows of a directory and nothing of its rules, which are in stored_directory.cpp once
// for every engine.
//
// Called by one thread at a time. What is read outside a transaction is what was committed last.
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/directory/directory.hpp"
#include "runtime/directory/listing.hpp"
#include "runtime/protocol/checkpoint.hpp"
#include "runtime/protocol/directory_record.hpp"
#include "runtime/protocol/move_record.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace omma {

// How many actors are active on each process that has any, by its name and incarnation.
using ActorCounts = std::map<std::pair<std::string, Incarnation>, std::size_t>;
inline ActorCounts::key_type process_of(const NodeId& node) {
  return {node.name, node.incarnation};
}

class Store {
 public:
  virtual ~Store() = default;

  // Transactions. A step is a transaction's part that can be undone alone. An engine whose writes
  // cannot fail needs none of it: the rules write nothing before all is checked.
  virtual Result<void> begin() { return {}; }
  virtual Result<void> commit() { return {}; }
  virtual void roll_back() {}
  virtual Result<void> begin_step() { return {}; }
  virtual Result<void> end_step() { return {}; }
  virtual void undo_step() {}

  virtual Result<std::optional<ActorRecord>> find_actor(const ActorId& id) = 0;
  virtual Result<ActorPage> actors(const ActorQuery& query) = 0;
  // All of them, by id.
  virtual Result<std::vector<ActorRecord>> active_on(const std::string& node_name) = 0;
  virtual Result<ActorCounts> count_active() = 0;
  // A page of the active ones of this name, or of the name beside its type; or with an id in this
  // range, ends included.
  virtual Result<ActorPage> named(const TitleWish& wanted) = 0;
  virtual Result<ActorPage> between(const ActorId& first, const ActorId& last) = 0;
  virtual Result<void> put(const ActorRecord& record) = 0;

  virtual Result<std::optional<NodeRecord>> find_node(const std::string& name) = 0;
  virtual Result<std::vector<NodeRecord>> nodes() = 0;  // Sorted by name.
  virtual Result<void> put(const NodeRecord& record) = 0;

  virtual Result<bool> is_pinned(const ActorId& id) = 0;
  virtual Result<std::size_t> pin_count() = 0;
  virtual Result<std::vector<ActorId>> pins() = 0;  // Sorted.
  virtual Result<void> put_pin(const ActorId& id) = 0;
  virtual Result<void> drop_pin(const ActorId& id) = 0;

  // Which checkpoint is there; without the state, which may be large.
  struct CheckpointMark {
    std::uint64_t epoch = 0;
    std::uint64_t number = 0;
  };
  virtual Result<std::optional<CheckpointMark>> find_checkpoint_mark(const ActorId& id) = 0;
  virtual Result<std::optional<Checkpoint>> find_checkpoint(const ActorId& id) = 0;
  virtual Result<void> put(const Checkpoint& checkpoint) = 0;
  virtual Result<void> drop_checkpoint(const ActorId& id) = 0;

  // Appends, and drops what is older than the last limits::moves_kept_max.
  virtual Result<void> append(const MoveRecord& move) = 0;
  virtual Result<std::vector<MoveRecord>> moves(std::size_t count_max) = 0;  // Latest first.
};

}  // namespace omma
