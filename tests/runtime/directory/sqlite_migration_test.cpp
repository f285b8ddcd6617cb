// A file of an older version is brought up to date when it is opened, with all that is in it.
#include "tests/runtime/directory/records.hpp"
#include "tests/support/temporary_folder.hpp"

#include <sqlite3.h>

namespace omma {
namespace {

// What the first version wrote: never to be changed.
constexpr const char* first_version = R"sql(
PRAGMA journal_mode = WAL;
PRAGMA application_id = 1330466113;
CREATE TABLE actors (
  id BLOB NOT NULL PRIMARY KEY, type TEXT NOT NULL, name TEXT NOT NULL, config BLOB NOT NULL,
  epoch INTEGER NOT NULL, life INTEGER NOT NULL, state INTEGER NOT NULL, node_name TEXT NOT NULL,
  node_incarnation BLOB NOT NULL, node_epoch INTEGER NOT NULL
) STRICT;
CREATE INDEX active_actors_by_node ON actors (node_name) WHERE state = 0;
CREATE TABLE nodes (
  name TEXT NOT NULL PRIMARY KEY, incarnation BLOB NOT NULL, epoch INTEGER NOT NULL,
  address TEXT NOT NULL, roles TEXT NOT NULL, alive INTEGER NOT NULL
) STRICT;
INSERT INTO nodes VALUES
  ('a', x'00000000000000010000000000000002', 7, 'unix:/a', 'head' || char(10), 1);
INSERT INTO actors VALUES
  (x'00000000000000030000000000000004', 'camera', 'lobby', x'0102', 5, 3, 0,
   'a', x'00000000000000010000000000000002', 7),
  (x'00000000000000030000000000000005', 'camera', 'yard', x'', 2, 1, 1,
   'b', x'00000000000000090000000000000009', 1);
PRAGMA user_version = 1;
)sql";

void run(const std::filesystem::path& file, const std::string& sql) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &database) == SQLITE_OK);
  CHECK(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  REQUIRE(sqlite3_close(database) == SQLITE_OK);
}

// Every table and index as SQLite has them, and the version.
std::string shape_of(const std::filesystem::path& file) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &database) == SQLITE_OK);
  std::string shape;
  for (const char* sql : {"SELECT m.name, p.name, p.type, p.pk FROM sqlite_schema m JOIN "
                          "pragma_table_info(m.name) p ORDER BY m.name, p.cid",
                          "SELECT 'version', user_version, '', '' FROM pragma_user_version"}) {
    REQUIRE(sqlite3_exec(
                database, sql,
                [](void* out, int columns, char** values, char**) {
                  for (int i = 0; i < columns; ++i) {
                    *static_cast<std::string*>(out) += std::string(values[i]) + ' ';
                  }
                  *static_cast<std::string*>(out) += '\n';
                  return 0;
                },
                &shape, nullptr) == SQLITE_OK);
  }
  REQUIRE(sqlite3_close(database) == SQLITE_OK);
  return shape;
}

TEST_CASE("a file of the first version keeps all its records and gains what is new") {
  TemporaryFolder folder;
  const auto file = folder.file("directory.db");
  run(file, first_version);
  {
    auto directory = open_sqlite_directory(file);
    if (!directory.ok()) FAIL(directory.error().describe());
    const NodeRecord node = (*directory)->nodes()->front();
    CHECK(node == NodeRecord{{"a", {1, 2}, 7}, "unix:/a", {"head"}, true, false});
    const ActorRecord lobby = stored(**directory, {3, 4});
    CHECK(lobby.epoch == 5);
    CHECK(lobby.life == 3);
    CHECK(lobby.config == std::vector<std::byte>{std::byte{1}, std::byte{2}});
    CHECK(lobby.node == node.id);
    CHECK(stored(**directory, {3, 5}).state == ActorRecord::State::retired);
    CHECK(orphans_of(**directory).empty());

    REQUIRE((*directory)->set_cordoned("a", true).ok());
    REQUIRE((*directory)->set_pinned(lobby.id, true).ok());
    const ActorRecord moved = move_now(**directory, lobby, node.id);
    const Checkpoint checkpoint{moved.id, 6, 1, true, Blob::copy_of(config_of(3))};
    REQUIRE((*directory)->save_checkpoints(node.id, std::span(&checkpoint, 1))->front().ok());
    MoveRecord move;
    move.id = moved.id;
    REQUIRE((*directory)->append_move(move).ok());
  }
  auto directory = open_sqlite_directory(file);
  REQUIRE(directory.ok());
  CHECK((*directory)->nodes()->front().cordoned);
  CHECK(*(*directory)->pinned() == std::vector<ActorId>{{3, 4}});
  CHECK((**(*directory)->checkpoint({3, 4})).number == 1);
  CHECK((*directory)->moves(5)->size() == 1);
}

TEST_CASE("a file that was brought up to date has the shape of a new one") {
  TemporaryFolder folder;
  run(folder.file("old.db"), first_version);
  REQUIRE(open_sqlite_directory(folder.file("old.db")).ok());
  REQUIRE(open_sqlite_directory(folder.file("new.db")).ok());
  const std::string shape = shape_of(folder.file("new.db"));
  CHECK(shape.find("checkpoints state BLOB") != std::string::npos);
  CHECK(shape_of(folder.file("old.db")) == shape);
}

TEST_CASE("a file that cannot be brought up to date is left as it was") {
  TemporaryFolder folder;
  const auto file = folder.file("directory.db");
  run(file, std::string(first_version) + "CREATE TABLE moves (theirs);");
  const std::string before = shape_of(file);
  CHECK_FALSE(open_sqlite_directory(file).ok());
  CHECK(shape_of(file) == before);
}

}  // namespace
}  // namespace omma
