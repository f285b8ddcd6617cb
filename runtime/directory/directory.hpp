// Directory: who lives where, and from what they go on after a loss. One interface; engines behind
// it (memory for tests and one-process clusters, SQLite for the head node, others later).
//
// Calls block for as long as the engine does (a disk write for SQLite): the node calls it from an
// executor, never from a turn. Thread-safe.
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/protocol/checkpoint.hpp"
#include "runtime/protocol/directory_record.hpp"
#include "runtime/protocol/move_record.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace omma {

// What became of a compare-and-set.
struct ChangeOutcome {
  bool applied = false;
  // After the call: `next` if applied, what stood in the way if not.
  std::optional<ActorRecord> current;
};

// Which actors a listing is about, and where it goes on.
struct ActorQuery {
  enum class Which : std::uint8_t {
    all,  // The retired too.
    active,
    orphaned,  // Active on a node that is not live (unknown, marked dead, or replaced by a new
               // incarnation): what a fail-over is to take over.
  };
  Which which = Which::all;
  std::string node{};  // Only the active ones on a node of this name; empty: any.
  std::string type{};  // Only those; empty: any.
  ActorId after{};     // Only larger ids: the last one of the page before; null: from the first.
  std::size_t count_max = limits::actors_per_page_max;
};

// By id. Ends after `count_max` records, or with the one that passes
// limits::listed_records_bytes_max.
struct ActorPage {
  std::vector<ActorRecord> actors;
  bool more = false;  // There may be others after these.
};

// A node and how many actors are active on this incarnation of it.
struct CountedNode {
  NodeRecord node;
  std::size_t actors = 0;
};

class Directory {
 public:
  virtual ~Directory() = default;

  virtual Result<std::optional<ActorRecord>> actor(const ActorId& id) = 0;
  // Applies permits() and the epoch comparison in one step. A retired actor's checkpoint is
  // dropped.
  virtual Result<ChangeOutcome> compare_and_set(const RecordChange& change) = 0;
  virtual Result<ActorPage> actors(const ActorQuery& query) = 0;
  // The active ones that somebody may mean by `wanted`: of this NAME or TYPE/NAME; if there are
  // none, those whose id begins with these digits; if there are none of them either, some, so that
  // a near name can be told. One page.
  virtual Result<ActorPage> candidates(const std::string& wanted) = 0;

  // A node begins. What lived on earlier incarnations of the name is orphaned by it.
  virtual Result<NodeRecord> register_node(const std::string& name, const Incarnation& incarnation,
                                           const std::string& address,
                                           std::vector<std::string> roles) = 0;
  virtual Result<std::vector<NodeRecord>> nodes() = 0;  // Sorted by name.
  // The same. Costs nothing for each actor: the counts are kept.
  virtual Result<std::vector<CountedNode>> counted_nodes() = 0;
  // The node is gone in good order: marks it not alive and retires all its actors. One that was
  // declared dead before retires nothing: its orphans are the fail-over's.
  // not_found for an unknown name, conflict when the incarnation is not the registered one.
  virtual Result<void> deregister_node(const NodeId& node) = 0;
  // The node is declared dead, which fences it: from now on it changes no record and saves no
  // checkpoint. Its actors are orphans. Once more changes nothing. Errors as deregister_node().
  virtual Result<NodeRecord> mark_dead(const NodeId& node) = 0;
  // not_found for a name that is not registered. The name stays cordoned over restarts.
  virtual Result<NodeRecord> set_cordoned(const std::string& node_name, bool cordoned) = 0;

  // A pinned actor is not moved by the planner. The pin is beside the record, so that it changes no
  // epoch, and outlives retirement. not_found for an actor without a record, over_limit past
  // limits::pinned_actors_max.
  virtual Result<void> set_pinned(const ActorId& id, bool pinned) = 0;
  virtual Result<std::vector<ActorId>> pinned() = 0;  // Sorted.

  // Saves many in one transaction, each in the place of its actor's earlier one. Nothing is saved
  // and the whole is refused when `by` is not live (conflict) or the batch is over a limit. One
  // answer a checkpoint otherwise: conflict when its actor is not active on `by` at its epoch or a
  // later checkpoint is there. Saving the same number again is no error and changes nothing.
  virtual Result<std::vector<Result<void>>> save_checkpoints(
      const NodeId& by, std::span<const Checkpoint> checkpoints) = 0;
  // The latest; it stays through moves and take-overs until the next is saved.
  virtual Result<std::optional<Checkpoint>> checkpoint(const ActorId& id) = 0;

  // The log keeps limits::moves_kept_max; the oldest goes. A reason that is too long is cut off.
  virtual Result<void> append_move(const MoveRecord& move) = 0;
  virtual Result<std::vector<MoveRecord>> moves(std::size_t count_max) = 0;  // Latest first.

  // Runs `body`; what it calls on this directory is one transaction. An operation that fails is
  // undone alone. No answer may be believed before together() has returned: on its error none of
  // the operations happened. Others wait meanwhile. `body` does not call together().
  virtual Result<void> together(const std::function<void()>& body) = 0;
};

std::unique_ptr<Directory> make_memory_directory();

// Opens or makes the file (WAL). A restart keeps every epoch. A file of an older version is brought
// up to date. Errors: unavailable (cannot be opened, read-only), corrupt (damaged), unsupported
// (written by a newer version); each says what to do. One process at a time may have it open.
Result<std::unique_ptr<Directory>> open_sqlite_directory(const std::filesystem::path& file);

}  // namespace omma
