// Directory: who lives where. One interface; engines behind it (memory for tests and one-process
// clusters, SQLite for the head node, others later).
//
// Calls block for as long as the engine does (a disk write for SQLite): the node calls it from an
// executor, never from a turn. Thread-safe.
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/protocol/directory_record.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

namespace omma {

// What became of a compare-and-set.
struct ChangeOutcome {
  bool applied = false;
  // After the call: `next` if applied, what stood in the way if not.
  std::optional<ActorRecord> current;
};

class Directory {
 public:
  virtual ~Directory() = default;

  virtual Result<std::optional<ActorRecord>> actor(const ActorId& id) = 0;
  // Applies permits() and the epoch comparison in one step.
  virtual Result<ChangeOutcome> compare_and_set(const RecordChange& change) = 0;
  // Sorted by type, then name.
  virtual Result<std::vector<ActorRecord>> actors() = 0;

  // A node begins. A new incarnation of a name means that the earlier ones are dead: what still
  // counts as living there is retired with them, in the same step.
  virtual Result<NodeRecord> register_node(const std::string& name, const Incarnation& incarnation,
                                           const std::string& address,
                                           std::vector<std::string> roles) = 0;
  virtual Result<std::vector<NodeRecord>> nodes() = 0;  // Sorted by name.
  // The node is gone in good order: marks it not alive and retires all its actors.
  // conflict when the incarnation is not the registered one.
  virtual Result<void> deregister_node(const NodeId& node) = 0;
};

std::unique_ptr<Directory> make_memory_directory();

// Opens or makes the file (WAL). A restart keeps every epoch. Errors: unavailable (cannot be
// opened, read-only), corrupt (damaged), unsupported (written by a newer version); each says what
// to do. One process at a time may have it open.
Result<std::unique_ptr<Directory>> open_sqlite_directory(const std::filesystem::path& file);

}  // namespace omma
