#include "runtime/directory/sqlite_schema.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <string>

namespace omma {
namespace {

// "OMMA": tells our file from any other SQLite database.
constexpr int application_id = 0x4f4d4d41;

// What each version added; a file of version n has had the first n. A step that files were written
// with is never changed: they would differ from new ones.
//
// Ids and incarnations: 16 bytes, high half first, so that they sort as numbers do.
// state: 0 active, 1 retired. roles: one a line. when_ns: since the Unix epoch.
constexpr std::array steps = {
    R"sql(
CREATE TABLE actors (
  id BLOB NOT NULL PRIMARY KEY,
  type TEXT NOT NULL,
  name TEXT NOT NULL,
  config BLOB NOT NULL,
  epoch INTEGER NOT NULL,
  life INTEGER NOT NULL,
  state INTEGER NOT NULL,
  node_name TEXT NOT NULL,
  node_incarnation BLOB NOT NULL,
  node_epoch INTEGER NOT NULL
) STRICT;
CREATE INDEX active_actors_by_node ON actors (node_name) WHERE state = 0;
CREATE TABLE nodes (
  name TEXT NOT NULL PRIMARY KEY,
  incarnation BLOB NOT NULL,
  epoch INTEGER NOT NULL,
  address TEXT NOT NULL,
  roles TEXT NOT NULL,
  alive INTEGER NOT NULL
) STRICT;
)sql",
    R"sql(
ALTER TABLE nodes ADD COLUMN cordoned INTEGER NOT NULL DEFAULT 0;
CREATE TABLE pins (id BLOB NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoints (
  id BLOB NOT NULL PRIMARY KEY,
  epoch INTEGER NOT NULL,
  number INTEGER NOT NULL,
  keeps_life INTEGER NOT NULL,
  state BLOB NOT NULL
) STRICT;
CREATE TABLE moves (
  number INTEGER NOT NULL PRIMARY KEY,
  when_ns INTEGER NOT NULL,
  id BLOB NOT NULL,
  type TEXT NOT NULL,
  name TEXT NOT NULL,
  from_node TEXT NOT NULL,
  to_node TEXT NOT NULL,
  outcome INTEGER NOT NULL,
  reason TEXT NOT NULL,
  pause_ns INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT;
)sql",
    R"sql(
DROP INDEX active_actors_by_node;
CREATE INDEX active_actors_by_node ON actors (node_name, id) WHERE state = 0;
CREATE INDEX active_actors_by_name ON actors (name) WHERE state = 0;
)sql"};
constexpr std::size_t schema_version = steps.size();

// The log's size from the start: SQLite begins it anew after 4 MiB, and a transaction may be as
// much again.
constexpr const char* grow_log_sql =
    "PRAGMA cache_size = 10; BEGIN IMMEDIATE; CREATE TABLE ballast (bytes BLOB); "
    "INSERT INTO ballast VALUES (zeroblob(8 << 20)); ROLLBACK; PRAGMA cache_size = -2000;";

// How many of the steps the file has had; none: it is new.
Result<std::size_t> version_of(const SqliteDatabase& database) {
  auto tables = database.value_of("SELECT count(*) FROM sqlite_schema");
  if (!tables.ok()) return tables.error();
  if (*tables == "0") return std::size_t{0};
  auto application = database.value_of("PRAGMA application_id");
  if (!application.ok()) return application.error();
  if (*application != std::to_string(application_id)) {
    return Error{Code::unsupported,
                 database.describe() + " is the database of another program; name another file"};
  }
  auto text = database.value_of("PRAGMA user_version");
  if (!text.ok()) return text.error();
  std::size_t version = 0;
  std::from_chars(text->data(), text->data() + text->size(), version);
  if (version < 1 || version > schema_version) {
    return Error{Code::unsupported, database.describe() + " has version " + *text +
                                        ", this program writes " + std::to_string(schema_version) +
                                        "; use the newer program that wrote it"};
  }
  return version;
}

Result<void> check_whole(const SqliteDatabase& database) {
  auto verdict = database.value_of("PRAGMA quick_check(1)");
  if (!verdict.ok()) return verdict.error();
  if (*verdict == "ok") return {};
  return Error{Code::corrupt, database.describe() + " is damaged (" + *verdict +
                                  "); put back a copy, or stop all nodes, move the file away and "
                                  "start with an empty directory"};
}

// Durability: with FULL, a compare-and-set is on the disk before anybody acts on it. NORMAL would
// be several times faster and survive a crash of the process, but a power cut could take back an
// epoch that was already handed out, and two nodes would own one actor.
Result<void> set_durability(const SqliteDatabase& database) {
  auto mode = database.value_of("PRAGMA journal_mode = WAL");
  if (!mode.ok()) return mode.error();
  if (*mode != "wal") {
    return Error{Code::unavailable, database.describe() +
                                        ": no write-ahead log on this file system (journal mode " +
                                        *mode + "); use a local disk"};
  }
  return database.execute("PRAGMA synchronous = FULL");
}

// A commit that makes the log longer changes the file's size, which costs a commit of the file
// system's own journal: 3.5 ms here, where writing over the log's old bytes costs 0.16 ms. So the
// log gets its length at the start: what does not fit into the cache is written out, and is no more
// than unused space once the transaction is undone.
Result<void> grow_log(const SqliteDatabase& database) {
  return database.execute(grow_log_sql);
}

}  // namespace

Result<void> prepare_file(const SqliteDatabase& database) {
  if (database.is_read_only()) {
    return Error{Code::unavailable, database.describe() +
                                        " is read-only; make the file and its folder writable for "
                                        "this user"};
  }
  auto version = version_of(database);
  if (!version.ok()) return version.error();
  if (*version > 0) {
    if (auto whole = check_whole(database); !whole.ok()) return whole;
  }
  if (auto durable = set_durability(database); !durable.ok()) return durable;
  if (auto grown = grow_log(database); !grown.ok()) return grown;
  if (*version == schema_version) return {};

  SqliteTransaction transaction(database);
  if (auto begun = transaction.begin(); !begun.ok()) return begun;
  for (std::size_t i = *version; i < schema_version; ++i) {
    if (auto made = database.execute(steps[i]); !made.ok()) return made;
  }
  const std::string marks = "PRAGMA application_id = " + std::to_string(application_id) +
                            "; PRAGMA user_version = " + std::to_string(schema_version) + ";";
  if (auto marked = database.execute(marks); !marked.ok()) return marked;
  return transaction.commit();
}

}  // namespace omma
