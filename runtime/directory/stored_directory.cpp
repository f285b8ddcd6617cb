#include "runtime/directory/stored_directory.hpp"

#include "runtime/base/check.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/mutants.hpp"
#include "runtime/directory/request_rules.hpp"

namespace omma {

class StoredDirectory::Operation {
 public:
  explicit Operation(StoredDirectory& directory)
      : directory_(directory),
        store_(*directory.store_),
        is_step_(directory.together_),
        count_changes_(directory.count_changes_) {}
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  ~Operation() {
    if (!open_) return;
    if (directory_.count_changes_ != count_changes_) directory_.counts_known_ = false;
    if (is_step_) {
      store_.undo_step();
    } else {
      store_.roll_back();
    }
  }

  Result<void> begin() {
    auto begun = is_step_ ? store_.begin_step() : store_.begin();
    open_ = begun.ok();
    return begun;
  }
  Result<void> keep() {
    auto kept = is_step_ ? store_.end_step() : store_.commit();
    if (kept.ok()) open_ = false;
    return kept;
  }

 private:
  StoredDirectory& directory_;
  Store& store_;
  const bool is_step_;
  const std::uint64_t count_changes_;  // When it began.
  bool open_ = false;
};

// --- Actors --------------------------------------------------------------------------------------

Result<std::optional<ActorRecord>> StoredDirectory::actor(const ActorId& id) {
  const std::lock_guard lock(mutex_);
  return store_->find_actor(id);
}

Result<ChangeOutcome> StoredDirectory::compare_and_set(const RecordChange& change) {
  if (auto fits = check_storable(change.next); !fits.ok()) return fits.error();
  const std::lock_guard lock(mutex_);
  Operation operation(*this);
  if (auto begun = operation.begin(); !begun.ok()) return begun.error();
  auto current = store_->find_actor(change.next.id);
  if (!current.ok()) return current.error();
  if ((*current ? (*current)->epoch : 0) != change.expected_epoch) {
    return ChangeOutcome{false, *std::move(current)};
  }
  auto nodes = nodes_of(*current, change);
  if (!nodes.ok()) return nodes.error();
  if (auto allowed = permits(*current, change, *nodes); !allowed.ok()) return allowed.error();
  if (auto stored = store_change(*current, change.next); !stored.ok()) return stored.error();
  if (auto kept = operation.keep(); !kept.ok()) return kept.error();
  return ChangeOutcome{true, change.next};
}

Result<NodesInvolved> StoredDirectory::nodes_of(const std::optional<ActorRecord>& current,
                                                const RecordChange& change) {
  NodesInvolved nodes;
  auto next = store_->find_node(change.next.node.name);
  if (!next.ok()) return next.error();
  nodes.next = *std::move(next);
  if (!current) return nodes;
  if (current->node.name == change.next.node.name) {
    nodes.current = nodes.next;
    return nodes;
  }
  auto holder = store_->find_node(current->node.name);
  if (!holder.ok()) return holder.error();
  nodes.current = *std::move(holder);
  return nodes;
}

Result<void> StoredDirectory::store_change(const std::optional<ActorRecord>& current,
                                           const ActorRecord& next) {
  if (auto stored = store_->put(next); !stored.ok()) return stored;
  recount(current, next);
  if (next.state == ActorRecord::State::active) return {};
  return store_->drop_checkpoint(next.id);
}

void StoredDirectory::recount(const std::optional<ActorRecord>& current, const ActorRecord& next) {
  if (!counts_known_) return;
  ++count_changes_;
  if (current && current->state == ActorRecord::State::active) {
    const auto before = counts_.find(process_of(current->node));
    OMMA_CHECK(before != counts_.end() && before->second > 0, current->node.name);
    if (--before->second == 0) counts_.erase(before);
  }
  if (next.state == ActorRecord::State::active) ++counts_[process_of(next.node)];
}

// Nobody is orphaned most of the time, and whether anybody is shows in the counts alone.
Result<ActorPage> StoredDirectory::actors(const ActorQuery& query) {
  const std::lock_guard lock(mutex_);
  if (query.which == ActorQuery::Which::orphaned) {
    const auto orphaned = any_orphaned();
    if (!orphaned.ok()) return orphaned.error();
    if (!*orphaned) return ActorPage();
  }
  return store_->actors(query);
}

Result<bool> StoredDirectory::any_orphaned() {
  if (auto counted = count(); !counted.ok()) return counted.error();
  auto nodes = store_->nodes();
  if (!nodes.ok()) return nodes.error();
  std::size_t live = 0;
  for (const NodeRecord& node : *nodes) {
    live += node.alive && counts_.contains(process_of(node.id)) ? 1 : 0;
  }
  return live < counts_.size();
}

Result<ActorPage> StoredDirectory::candidates(const std::string& wanted) {
  const std::lock_guard lock(mutex_);
  auto page = store_->named(TitleWish(wanted));
  if (!page.ok() || !page->actors.empty()) return page;
  if (const auto ids = ids_of(wanted)) {
    page = store_->between(ids->first, ids->second);
    if (!page.ok() || !page->actors.empty()) return page;
  }
  return store_->actors({.which = ActorQuery::Which::active});
}

Result<void> StoredDirectory::count() {
  if (counts_known_) return {};
  auto counts = store_->count_active();
  if (!counts.ok()) return counts.error();
  counts_ = *std::move(counts);
  counts_known_ = true;
  return {};
}

// --- Nodes ---------------------------------------------------------------------------------------

Result<NodeRecord> StoredDirectory::register_node(const std::string& name,
                                                  const Incarnation& incarnation,
                                                  const std::string& address,
                                                  std::vector<std::string> roles) {
  if (auto fits = check_storable(name, address, roles); !fits.ok()) return fits.error();
  const std::lock_guard lock(mutex_);
  Operation operation(*this);
  if (auto begun = operation.begin(); !begun.ok()) return begun.error();
  auto current = store_->find_node(name);
  if (!current.ok()) return current.error();
  auto next = omma::register_node(*current, name, incarnation, address, std::move(roles));
  if (!next.ok()) return next;
  if (auto stored = store_->put(*next); !stored.ok()) return stored.error();
  if (auto kept = operation.keep(); !kept.ok()) return kept.error();
  return next;
}

Result<std::vector<NodeRecord>> StoredDirectory::nodes() {
  const std::lock_guard lock(mutex_);
  return store_->nodes();
}

Result<std::vector<CountedNode>> StoredDirectory::counted_nodes() {
  const std::lock_guard lock(mutex_);
  if (auto counted = count(); !counted.ok()) return counted.error();
  auto nodes = store_->nodes();
  if (!nodes.ok()) return nodes.error();
  std::vector<CountedNode> all;
  all.reserve(nodes->size());
  for (NodeRecord& node : *nodes) {
    const auto found = counts_.find(process_of(node.id));
    all.push_back({std::move(node), found == counts_.end() ? 0 : found->second});
  }
  return all;
}

Result<NodeRecord> StoredDirectory::registered(const NodeId& node) {
  auto current = store_->find_node(node.name);
  if (!current.ok()) return current.error();
  if (auto known = check_registered(*current, node); !known.ok()) return known.error();
  return **std::move(current);
}

Result<void> StoredDirectory::deregister_node(const NodeId& node) {
  const std::lock_guard lock(mutex_);
  Operation operation(*this);
  if (auto begun = operation.begin(); !begun.ok()) return begun;
  auto leaving = registered(node);
  if (!leaving.ok()) return leaving.error();
  if (!leaving->alive) return {};

  auto residents = store_->active_on(node.name);
  if (!residents.ok()) return residents.error();
  for (const ActorRecord& resident : *residents) {
    // What an earlier incarnation left is orphaned: the fail-over's, not this node's to end.
    if (resident.node.incarnation != node.incarnation) continue;
    auto change = retire(resident, resident.id, resident.epoch, resident.node);
    if (!change.ok()) return change.error();
    if (auto stored = store_change(resident, change->next); !stored.ok()) return stored;
  }
  leaving->alive = false;
  if (auto stored = store_->put(*leaving); !stored.ok()) return stored;
  return operation.keep();
}

Result<NodeRecord> StoredDirectory::mark_dead(const NodeId& node) {
  const std::lock_guard lock(mutex_);
  Operation operation(*this);
  if (auto begun = operation.begin(); !begun.ok()) return begun.error();
  auto dead = registered(node);
  if (!dead.ok() || !dead->alive) return dead;
  dead->alive = false;
  if (auto stored = store_->put(*dead); !stored.ok()) return stored.error();
  if (auto kept = operation.keep(); !kept.ok()) return kept.error();
  return dead;
}

Result<NodeRecord> StoredDirectory::set_cordoned(const std::string& node_name, bool cordoned) {
  const std::lock_guard lock(mutex_);
  Operation operation(*this);
  if (auto begun = operation.begin(); !begun.ok()) return begun.error();
  auto found = store_->find_node(node_name);
  if (!found.ok()) return found.error();
  if (!*found) return no_such_node(node_name);
  NodeRecord node = **std::move(found);
  if (node.cordoned == cordoned) return node;
  node.cordoned = cordoned;
  if (auto stored = store_->put(node); !stored.ok()) return stored.error();
  if (auto kept = operation.keep(); !kept.ok()) return kept.error();
  return node;
}

// --- Pins ----------------------------------------------------------------------------------------

Result<void> StoredDirectory::set_pinned(const ActorId& id, bool pinned) {
  const std::lock_guard lock(mutex_);
  Operation operation(*this);
  if (auto begun = operation.begin(); !begun.ok()) return begun;
  auto is_pinned = store_->is_pinned(id);
  if (!is_pinned.ok()) return is_pinned.error();
  if (*is_pinned == pinned) return {};
  if (pinned) {
    auto found = store_->find_actor(id);
    if (!found.ok()) return found.error();
    auto count = store_->pin_count();
    if (!count.ok()) return count.error();
    if (auto fits = check_pinnable(*found, id, *count); !fits.ok()) return fits;
  }
  auto stored = pinned ? store_->put_pin(id) : store_->drop_pin(id);
  if (!stored.ok()) return stored;
  return operation.keep();
}

Result<std::vector<ActorId>> StoredDirectory::pinned() {
  const std::lock_guard lock(mutex_);
  return store_->pins();
}

// --- Checkpoints ---------------------------------------------------------------------------------

Result<std::vector<Result<void>>> StoredDirectory::save_checkpoints(
    const NodeId& by, std::span<const Checkpoint> checkpoints) {
  if (auto fits = check_batch(checkpoints); !fits.ok()) return fits.error();
  const std::lock_guard lock(mutex_);
  Operation operation(*this);
  if (auto begun = operation.begin(); !begun.ok()) return begun.error();
  auto writer = store_->find_node(by.name);
  if (!writer.ok()) return writer.error();
  if (auto live = check_live(*writer, by); !live.ok() && !OMMA_MUTANT(checkpoint_not_fenced)) {
    return Error{live.error().code,
                 std::to_string(checkpoints.size()) + " checkpoints: " + live.error().message};
  }
  std::vector<Result<void>> answers;
  answers.reserve(checkpoints.size());
  for (const Checkpoint& checkpoint : checkpoints) {
    auto refusal = save(by, checkpoint);
    if (!refusal.ok()) return refusal.error();
    answers.push_back(*refusal ? Result<void>(**refusal) : Result<void>());
  }
  if (auto kept = operation.keep(); !kept.ok()) return kept.error();
  return answers;
}

Result<std::optional<Error>> StoredDirectory::save(const NodeId& by, const Checkpoint& checkpoint) {
  if (auto fits = check_storable(checkpoint); !fits.ok()) return std::optional(fits.error());
  auto current = store_->find_actor(checkpoint.id);
  if (!current.ok()) return current.error();
  if (auto owned = check_owner(*current, by, checkpoint);
      !owned.ok() && !OMMA_MUTANT(checkpoint_not_fenced)) {
    return std::optional(owned.error());
  }
  auto mark = store_->find_checkpoint_mark(checkpoint.id);
  if (!mark.ok()) return mark.error();
  if (*mark && (*mark)->epoch == checkpoint.epoch) {
    // Saved already: its answer was lost on the way, or came late.
    if ((*mark)->number == checkpoint.number) return std::optional<Error>();
    if ((*mark)->number > checkpoint.number) {
      return std::optional(
          Error{Code::conflict, "checkpoint " + std::to_string(checkpoint.number) + " of actor " +
                                    checkpoint.id.short_text() + " comes after checkpoint " +
                                    std::to_string((*mark)->number) + "; drop the older one"});
    }
  }
  if (auto stored = store_->put(checkpoint); !stored.ok()) return stored.error();
  return std::optional<Error>();
}

Result<std::optional<Checkpoint>> StoredDirectory::checkpoint(const ActorId& id) {
  const std::lock_guard lock(mutex_);
  return store_->find_checkpoint(id);
}

// --- The log of moves ----------------------------------------------------------------------------

Result<void> StoredDirectory::append_move(const MoveRecord& move) {
  auto logged = loggable(move);
  if (!logged.ok()) return logged.error();
  const std::lock_guard lock(mutex_);
  Operation operation(*this);
  if (auto begun = operation.begin(); !begun.ok()) return begun;
  if (auto stored = store_->append(*logged); !stored.ok()) return stored;
  return operation.keep();
}

Result<std::vector<MoveRecord>> StoredDirectory::moves(std::size_t count_max) {
  const std::lock_guard lock(mutex_);
  return store_->moves(count_max);
}

// --- Together ------------------------------------------------------------------------------------

Result<void> StoredDirectory::together(const std::function<void()>& body) {
  const std::lock_guard lock(mutex_);
  OMMA_CHECK(!together_, "together() within together()");
  Operation operation(*this);
  if (auto begun = operation.begin(); !begun.ok()) return begun;
  struct Mark {  // Gone before the operation ends, also when the body throws.
    explicit Mark(bool& together) : set(together) { set = true; }
    ~Mark() { set = false; }
    bool& set;
  };
  {
    const Mark mark(together_);
    body();
  }
  return operation.keep();
}

}  // namespace omma
