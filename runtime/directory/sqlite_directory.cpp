// The directory in one SQLite file.
//
// Durability: WAL with synchronous=FULL, so that a compare-and-set is on the disk before anybody
// acts on it. NORMAL would be several times faster and survive a crash of the process, but a power
// cut could take back an epoch that was already handed out, and two nodes would own one actor.
#include "runtime/directory/directory.hpp"
#include "runtime/directory/request_rules.hpp"
#include "runtime/directory/sqlite_door.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>

namespace omma {
namespace {

// Grows with every change of the tables; a file of a higher version is refused.
constexpr int schema_version = 1;
// "OMMA": tells our file from any other SQLite database.
constexpr int application_id = 0x4f4d4d41;

// Ids and incarnations: 16 bytes, high half first, so that they sort as numbers do.
// state: 0 active, 1 retired. roles: one a line.
constexpr const char* schema = R"sql(
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
)sql";

constexpr const char* select_actor = "SELECT * FROM actors WHERE id = ?";
constexpr const char* select_actors = "SELECT * FROM actors ORDER BY type, name, id";
constexpr const char* select_active_on = "SELECT * FROM actors WHERE state = 0 AND node_name = ?";
constexpr const char* replace_actor =
    "INSERT OR REPLACE INTO actors VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr const char* select_node = "SELECT * FROM nodes WHERE name = ?";
constexpr const char* select_nodes = "SELECT * FROM nodes ORDER BY name";
constexpr const char* replace_node = "INSERT OR REPLACE INTO nodes VALUES (?, ?, ?, ?, ?, ?)";

using Bytes16 = std::array<std::byte, 16>;

Bytes16 bytes_of(std::uint64_t high, std::uint64_t low) {
  Bytes16 bytes;
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::byte>(high >> (56 - 8 * i));
    bytes[8 + i] = static_cast<std::byte>(low >> (56 - 8 * i));
  }
  return bytes;
}

// ActorId or Incarnation; null from a blob of another size, which no record has.
template <class Id>
Id id_of(const std::vector<std::byte>& bytes) {
  Id id;
  if (bytes.size() != 16) return id;
  for (std::size_t i = 0; i < 8; ++i) {
    id.high = id.high << 8 | std::to_integer<std::uint64_t>(bytes[i]);
    id.low = id.low << 8 | std::to_integer<std::uint64_t>(bytes[8 + i]);
  }
  return id;
}

std::string lines_of(const std::vector<std::string>& roles) {
  std::string lines;
  for (const std::string& role : roles) lines += role + '\n';
  return lines;
}

std::vector<std::string> roles_of(const std::string& lines) {
  std::vector<std::string> roles;
  for (std::size_t begin = 0; begin < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', begin), lines.size());
    roles.push_back(lines.substr(begin, end - begin));
    begin = end + 1;
  }
  return roles;
}

class SqliteDirectory final : public Directory {
 public:
  // Checks what is in the file, makes the tables if it is new, prepares the statements.
  static Result<std::unique_ptr<Directory>> open(std::unique_ptr<SqliteDatabase> database);

  Result<std::optional<ActorRecord>> actor(const ActorId& id) override;
  Result<ChangeOutcome> compare_and_set(const RecordChange& change) override;
  Result<std::vector<ActorRecord>> actors() override;
  Result<NodeRecord> register_node(const std::string& name, const Incarnation& incarnation,
                                   const std::string& address,
                                   std::vector<std::string> roles) override;
  Result<std::vector<NodeRecord>> nodes() override;
  Result<void> deregister_node(const NodeId& node) override;

 private:
  explicit SqliteDirectory(std::unique_ptr<SqliteDatabase> database)
      : database_(std::move(database)) {}
  Result<void> check_file();
  Result<void> set_up_file();
  Result<void> prepare_statements();

  Result<std::optional<ActorRecord>> find_actor(const ActorId& id);
  Result<std::optional<NodeRecord>> find_node(const std::string& name);
  // Ends the lives on the node of this name, in those of its incarnations that are meant.
  template <class IsMeant>
  Result<void> retire_residents(const std::string& name, IsMeant is_meant);
  Result<void> store(const ActorRecord& record);
  Result<void> store(const NodeRecord& record);
  Result<ActorRecord> actor_in(const SqliteStatement::Run& row) const;
  Result<NodeRecord> node_in(const SqliteStatement::Run& row) const;
  Result<std::vector<ActorRecord>> actors_in(SqliteStatement::Run& rows);
  Error bad_row(const char* table, const std::string& name) const;

  std::mutex mutex_;  // Around everything below.
  std::unique_ptr<SqliteDatabase> database_;
  SqliteStatement select_actor_;
  SqliteStatement select_actors_;
  SqliteStatement select_active_on_;
  SqliteStatement replace_actor_;
  SqliteStatement select_node_;
  SqliteStatement select_nodes_;
  SqliteStatement replace_node_;
};

// --- Opening -------------------------------------------------------------------------------------

Result<std::unique_ptr<Directory>> SqliteDirectory::open(std::unique_ptr<SqliteDatabase> database) {
  std::unique_ptr<SqliteDirectory> made(new SqliteDirectory(std::move(database)));
  // Nothing is written before the file is known to be ours, whole and of our version.
  if (auto checked = made->check_file(); !checked.ok()) return checked.error();
  if (auto set_up = made->set_up_file(); !set_up.ok()) return set_up.error();
  if (auto prepared = made->prepare_statements(); !prepared.ok()) return prepared.error();
  return std::unique_ptr<Directory>(std::move(made));
}

Result<void> SqliteDirectory::check_file() {
  if (database_->is_read_only()) {
    return Error{Code::unavailable, database_->describe() +
                                        " is read-only; make the file and its folder writable for "
                                        "this user"};
  }
  auto tables = database_->value_of("SELECT count(*) FROM sqlite_schema");
  if (!tables.ok()) return tables.error();
  if (*tables == "0") return {};  // New.
  auto application = database_->value_of("PRAGMA application_id");
  if (!application.ok()) return application.error();
  if (*application != std::to_string(application_id)) {
    return Error{Code::unsupported,
                 database_->describe() + " is the database of another program; name another file"};
  }
  auto version = database_->value_of("PRAGMA user_version");
  if (!version.ok()) return version.error();
  if (*version != std::to_string(schema_version)) {
    return Error{Code::unsupported, database_->describe() + " has version " + *version +
                                        ", this program writes " + std::to_string(schema_version) +
                                        "; use the newer program that wrote it"};
  }
  auto verdict = database_->value_of("PRAGMA quick_check(1)");
  if (!verdict.ok()) return verdict.error();
  if (*verdict != "ok") {
    return Error{Code::corrupt, database_->describe() + " is damaged (" + *verdict +
                                    "); put back a copy, or stop all nodes, move the file away "
                                    "and start with an empty directory"};
  }
  return {};
}

Result<void> SqliteDirectory::set_up_file() {
  auto mode = database_->value_of("PRAGMA journal_mode = WAL");
  if (!mode.ok()) return mode.error();
  if (*mode != "wal") {
    return Error{Code::unavailable, database_->describe() +
                                        ": no write-ahead log on this file system (journal mode " +
                                        *mode + "); use a local disk"};
  }
  if (auto full = database_->execute("PRAGMA synchronous = FULL"); !full.ok()) return full;

  SqliteTransaction transaction(*database_);
  if (auto begun = transaction.begin(); !begun.ok()) return begun;
  auto tables = database_->value_of("SELECT count(*) FROM sqlite_schema");
  if (!tables.ok()) return tables.error();
  if (*tables != "0") return {};
  const std::string marks = "PRAGMA application_id = " + std::to_string(application_id) +
                            "; PRAGMA user_version = " + std::to_string(schema_version) + ";";
  if (auto made = database_->execute(schema + marks); !made.ok()) return made;
  return transaction.commit();
}

Result<void> SqliteDirectory::prepare_statements() {
  const std::pair<SqliteStatement*, const char*> wanted[] = {
      {&select_actor_, select_actor},         {&select_actors_, select_actors},
      {&select_active_on_, select_active_on}, {&replace_actor_, replace_actor},
      {&select_node_, select_node},           {&select_nodes_, select_nodes},
      {&replace_node_, replace_node}};
  for (const auto& [statement, sql] : wanted) {
    auto prepared = database_->prepare(sql);
    if (!prepared.ok()) return prepared.error();
    *statement = *std::move(prepared);
  }
  return {};
}

// --- The interface -------------------------------------------------------------------------------

Result<std::optional<ActorRecord>> SqliteDirectory::actor(const ActorId& id) {
  const std::lock_guard lock(mutex_);
  return find_actor(id);
}

Result<ChangeOutcome> SqliteDirectory::compare_and_set(const RecordChange& change) {
  if (auto fits = check_storable(change.next); !fits.ok()) return fits.error();
  const std::lock_guard lock(mutex_);
  SqliteTransaction transaction(*database_);
  if (auto begun = transaction.begin(); !begun.ok()) return begun.error();
  auto current = find_actor(change.next.id);
  if (!current.ok()) return current.error();
  if ((*current ? (*current)->epoch : 0) != change.expected_epoch) {
    return ChangeOutcome{false, *std::move(current)};
  }
  if (auto allowed = permits(*current, change); !allowed.ok()) return allowed.error();
  if (auto stored = store(change.next); !stored.ok()) return stored.error();
  if (auto committed = transaction.commit(); !committed.ok()) return committed.error();
  return ChangeOutcome{true, change.next};
}

Result<std::vector<ActorRecord>> SqliteDirectory::actors() {
  const std::lock_guard lock(mutex_);
  auto rows = select_actors_.run();
  return actors_in(rows);
}

Result<NodeRecord> SqliteDirectory::register_node(const std::string& name,
                                                  const Incarnation& incarnation,
                                                  const std::string& address,
                                                  std::vector<std::string> roles) {
  if (auto fits = check_storable(name, address, roles); !fits.ok()) return fits.error();
  const std::lock_guard lock(mutex_);
  SqliteTransaction transaction(*database_);
  if (auto begun = transaction.begin(); !begun.ok()) return begun.error();
  auto current = find_node(name);
  if (!current.ok()) return current.error();
  auto next = omma::register_node(*current, name, incarnation, address, std::move(roles));
  if (!next.ok()) return next;
  auto retired =
      retire_residents(name, [&](const Incarnation& resident) { return resident != incarnation; });
  if (!retired.ok()) return retired.error();
  if (auto stored = store(*next); !stored.ok()) return stored.error();
  if (auto committed = transaction.commit(); !committed.ok()) return committed.error();
  return next;
}

Result<std::vector<NodeRecord>> SqliteDirectory::nodes() {
  const std::lock_guard lock(mutex_);
  std::vector<NodeRecord> all;
  auto rows = select_nodes_.run();
  while (true) {
    auto row = rows.step();
    if (!row.ok()) return row.error();
    if (!*row) return all;
    auto record = node_in(rows);
    if (!record.ok()) return record.error();
    all.push_back(*std::move(record));
  }
}

Result<void> SqliteDirectory::deregister_node(const NodeId& node) {
  const std::lock_guard lock(mutex_);
  SqliteTransaction transaction(*database_);
  if (auto begun = transaction.begin(); !begun.ok()) return begun;
  auto current = find_node(node.name);
  if (!current.ok()) return current.error();
  if (auto known = check_registered(*current, node); !known.ok()) return known;

  auto retired = retire_residents(
      node.name, [&](const Incarnation& resident) { return resident == node.incarnation; });
  if (!retired.ok()) return retired;
  (*current)->alive = false;
  if (auto stored = store(**current); !stored.ok()) return stored;
  return transaction.commit();
}

template <class IsMeant>
Result<void> SqliteDirectory::retire_residents(const std::string& name, IsMeant is_meant) {
  auto rows = select_active_on_.run();
  rows.bind(0, name);
  auto living = actors_in(rows);
  if (!living.ok()) return living.error();
  for (const ActorRecord& record : *living) {
    if (!is_meant(record.node.incarnation)) continue;
    auto change = retire(record, record.id, record.epoch, record.node);
    if (!change.ok()) return change.error();
    if (auto stored = store(change->next); !stored.ok()) return stored;
  }
  return {};
}

// --- Rows ----------------------------------------------------------------------------------------

Result<std::optional<ActorRecord>> SqliteDirectory::find_actor(const ActorId& id) {
  auto rows = select_actor_.run();
  rows.bind(0, bytes_of(id.high, id.low));
  auto row = rows.step();
  if (!row.ok()) return row.error();
  if (!*row) return std::optional<ActorRecord>();
  auto record = actor_in(rows);
  if (!record.ok()) return record.error();
  return std::optional(*std::move(record));
}

Result<std::optional<NodeRecord>> SqliteDirectory::find_node(const std::string& name) {
  auto rows = select_node_.run();
  rows.bind(0, name);
  auto row = rows.step();
  if (!row.ok()) return row.error();
  if (!*row) return std::optional<NodeRecord>();
  auto record = node_in(rows);
  if (!record.ok()) return record.error();
  return std::optional(*std::move(record));
}

Result<void> SqliteDirectory::store(const ActorRecord& record) {
  const Incarnation& incarnation = record.node.incarnation;
  auto row = replace_actor_.run();
  row.bind(0, bytes_of(record.id.high, record.id.low))
      .bind(1, record.type)
      .bind(2, record.name)
      .bind(3, record.config)
      .bind(4, record.epoch)
      .bind(5, record.life)
      .bind(6, record.state == ActorRecord::State::active ? 0 : 1)
      .bind(7, record.node.name)
      .bind(8, bytes_of(incarnation.high, incarnation.low))
      .bind(9, record.node.epoch);
  if (auto done = row.step(); !done.ok()) return done.error();
  return {};
}

Result<void> SqliteDirectory::store(const NodeRecord& record) {
  const Incarnation& incarnation = record.id.incarnation;
  auto row = replace_node_.run();
  row.bind(0, record.id.name)
      .bind(1, bytes_of(incarnation.high, incarnation.low))
      .bind(2, record.id.epoch)
      .bind(3, record.address)
      .bind(4, lines_of(record.roles))
      .bind(5, record.alive ? 1 : 0);
  if (auto done = row.step(); !done.ok()) return done.error();
  return {};
}

Result<ActorRecord> SqliteDirectory::actor_in(const SqliteStatement::Run& row) const {
  ActorRecord record;
  record.id = id_of<ActorId>(row.blob(0));
  record.type = row.text(1);
  record.name = row.text(2);
  record.config = row.blob(3);
  record.epoch = row.number(4);
  record.life = row.number(5);
  const std::uint64_t state = row.number(6);
  record.state = state == 0 ? ActorRecord::State::active : ActorRecord::State::retired;
  record.node.name = row.text(7);
  record.node.incarnation = id_of<Incarnation>(row.blob(8));
  record.node.epoch = row.number(9);
  const bool sound = !record.id.is_null() && record.epoch > 0 && record.life > 0 &&
                     record.life <= record.epoch && state <= 1;
  if (!sound) return bad_row("actor", record.type + "/" + record.name);
  return record;
}

Result<NodeRecord> SqliteDirectory::node_in(const SqliteStatement::Run& row) const {
  NodeRecord record;
  record.id.name = row.text(0);
  record.id.incarnation = id_of<Incarnation>(row.blob(1));
  record.id.epoch = row.number(2);
  record.address = row.text(3);
  record.roles = roles_of(row.text(4));
  record.alive = row.number(5) != 0;
  if (record.id.incarnation.is_null() || record.id.epoch == 0) {
    return bad_row("node", record.id.name);
  }
  return record;
}

Result<std::vector<ActorRecord>> SqliteDirectory::actors_in(SqliteStatement::Run& rows) {
  std::vector<ActorRecord> all;
  while (true) {
    auto row = rows.step();
    if (!row.ok()) return row.error();
    if (!*row) return all;
    auto record = actor_in(rows);
    if (!record.ok()) return record.error();
    all.push_back(*std::move(record));
  }
}

Error SqliteDirectory::bad_row(const char* table, const std::string& name) const {
  return {Code::corrupt, database_->describe() + ": the record of " + table + " " + name +
                             " makes no sense; put back a copy, or stop all nodes, move the file "
                             "away and start with an empty directory"};
}

}  // namespace

Result<std::unique_ptr<Directory>> open_sqlite_directory(const std::filesystem::path& file) {
  auto database = SqliteDatabase::open(file);
  if (!database.ok()) return database.error();
  return SqliteDirectory::open(*std::move(database));
}

}  // namespace omma
