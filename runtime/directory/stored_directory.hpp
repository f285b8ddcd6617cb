// StoredDirectory: the directory's rules over the rows of any engine.
//
// Thread-safe by one mutex around everything. Private to runtime/directory.
#pragma once

#include "runtime/directory/directory.hpp"
#include "runtime/directory/store.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace omma {

class StoredDirectory final : public Directory {
 public:
  explicit StoredDirectory(std::unique_ptr<Store> store) : store_(std::move(store)) {}

  Result<std::optional<ActorRecord>> actor(const ActorId& id) override;
  Result<ChangeOutcome> compare_and_set(const RecordChange& change) override;
  Result<ActorPage> actors(const ActorQuery& query) override;
  Result<ActorPage> candidates(const std::string& wanted) override;

  Result<NodeRecord> register_node(const std::string& name, const Incarnation& incarnation,
                                   const std::string& address,
                                   std::vector<std::string> roles) override;
  Result<std::vector<NodeRecord>> nodes() override;
  Result<std::vector<CountedNode>> counted_nodes() override;
  Result<void> deregister_node(const NodeId& node) override;
  Result<NodeRecord> mark_dead(const NodeId& node) override;
  Result<NodeRecord> set_cordoned(const std::string& node_name, bool cordoned) override;

  Result<void> set_pinned(const ActorId& id, bool pinned) override;
  Result<std::vector<ActorId>> pinned() override;

  Result<std::vector<Result<void>>> save_checkpoints(
      const NodeId& by, std::span<const Checkpoint> checkpoints) override;
  Result<std::optional<Checkpoint>> checkpoint(const ActorId& id) override;

  Result<void> append_move(const MoveRecord& move) override;
  Result<std::vector<MoveRecord>> moves(std::size_t count_max) override;

  Result<void> together(const std::function<void()>& body) override;

 private:
  // One operation: a transaction, or inside together() a step of it; undone unless kept.
  class Operation;

  Result<NodesInvolved> nodes_of(const std::optional<ActorRecord>& current,
                                 const RecordChange& change);
  // The record of a node that asks to be taken out of service.
  Result<NodeRecord> registered(const NodeId& node);
  Result<void> store_change(const std::optional<ActorRecord>& current, const ActorRecord& next);
  // Reads the counts unless they are known.
  Result<void> count();
  void recount(const std::optional<ActorRecord>& current, const ActorRecord& next);
  Result<bool> any_orphaned();
  // Why it was not saved; none when it was. An error is the engine's.
  Result<std::optional<Error>> save(const NodeId& by, const Checkpoint& checkpoint);

  std::recursive_mutex mutex_;  // Recursive for together(), whose body calls the operations.
  std::unique_ptr<Store> store_;
  bool together_ = false;
  ActorCounts counts_;
  bool counts_known_ = false;  // Not at first, and not after some of their changes were undone.
  std::uint64_t count_changes_ = 0;
};

}  // namespace omma
