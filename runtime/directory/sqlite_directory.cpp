// The directory in one SQLite file; sqlite_schema.cpp says what is in it and how durable it is.
#include "runtime/base/limits.hpp"
#include "runtime/directory/directory.hpp"
#include "runtime/directory/sqlite_door.hpp"
#include "runtime/directory/sqlite_rows.hpp"
#include "runtime/directory/sqlite_schema.hpp"
#include "runtime/directory/store.hpp"
#include "runtime/directory/stored_directory.hpp"

#include <utility>

namespace omma {
namespace {

constexpr const char* select_actor = "SELECT * FROM actors WHERE id = ?";
// Pages: ?1 the last id of the page before, ?2 a type or "". The reader stops when it is full.
constexpr const char* select_actors =
    "SELECT * FROM actors WHERE id > ?1 AND (?2 = '' OR type = ?2) ORDER BY id";
constexpr const char* select_active =
    "SELECT * FROM actors WHERE state = 0 AND id > ?1 AND (?2 = '' OR type = ?2) ORDER BY id";
constexpr const char* select_resident =
    "SELECT * FROM actors WHERE state = 0 AND node_name = ?3 AND id > ?1 AND "
    "(?2 = '' OR type = ?2) ORDER BY id";
// A node that is not on record has nothing to compare with. ?3: a node's name or "".
constexpr const char* select_orphans =
    "SELECT actors.* FROM actors LEFT JOIN nodes ON nodes.name = node_name WHERE state = 0 AND "
    "id > ?1 AND (?2 = '' OR type = ?2) AND (?3 = '' OR node_name = ?3) AND "
    "(nodes.alive IS NOT 1 OR nodes.incarnation IS NOT node_incarnation) ORDER BY id";
constexpr const char* select_active_on =
    "SELECT * FROM actors WHERE state = 0 AND node_name = ? ORDER BY id";
constexpr const char* count_active_sql =
    "SELECT node_name, node_incarnation, count(*) FROM actors WHERE state = 0 "
    "GROUP BY node_name, node_incarnation";
constexpr const char* select_named =
    "SELECT * FROM actors WHERE state = 0 AND name IN (?1, ?3) AND "
    "(name = ?1 OR (type = ?2 AND ?2 <> '')) ORDER BY id";
constexpr const char* select_between =
    "SELECT * FROM actors WHERE state = 0 AND id BETWEEN ? AND ? ORDER BY id";
constexpr const char* replace_actor =
    "INSERT OR REPLACE INTO actors VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr const char* select_node = "SELECT * FROM nodes WHERE name = ?";
constexpr const char* select_nodes = "SELECT * FROM nodes ORDER BY name";
constexpr const char* replace_node = "INSERT OR REPLACE INTO nodes VALUES (?, ?, ?, ?, ?, ?, ?)";
constexpr const char* select_pin = "SELECT 1 FROM pins WHERE id = ?";
constexpr const char* count_pins = "SELECT count(*) FROM pins";
constexpr const char* select_pins = "SELECT id FROM pins ORDER BY id";
constexpr const char* insert_pin = "INSERT OR IGNORE INTO pins VALUES (?)";
constexpr const char* delete_pin = "DELETE FROM pins WHERE id = ?";
constexpr const char* select_checkpoint_mark = "SELECT epoch, number FROM checkpoints WHERE id = ?";
constexpr const char* select_checkpoint = "SELECT * FROM checkpoints WHERE id = ?";
constexpr const char* replace_checkpoint =
    "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?)";
constexpr const char* delete_checkpoint = "DELETE FROM checkpoints WHERE id = ?";
constexpr const char* insert_move = "INSERT INTO moves VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr const char* delete_moves =
    "DELETE FROM moves WHERE number <= (SELECT max(number) FROM moves) - ?";
constexpr const char* select_moves =
    "SELECT when_ns, id, type, name, from_node, to_node, outcome, reason, pause_ns, bytes "
    "FROM moves ORDER BY number DESC LIMIT ?";

class SqliteStore final : public Store {
 public:
  static Result<std::unique_ptr<Store>> open(std::unique_ptr<SqliteDatabase> database);

  Result<void> begin() override { return done(begin_); }
  Result<void> commit() override;
  // A failed rollback means that SQLite has rolled back by itself.
  void roll_back() override { static_cast<void>(done(roll_back_)); }
  Result<void> begin_step() override;
  Result<void> end_step() override { return done(end_step_); }
  void undo_step() override;

  Result<std::optional<ActorRecord>> find_actor(const ActorId& id) override;
  Result<ActorPage> actors(const ActorQuery& query) override;
  Result<std::vector<ActorRecord>> active_on(const std::string& node_name) override;
  Result<ActorCounts> count_active() override;
  Result<ActorPage> named(const TitleWish& wanted) override;
  Result<ActorPage> between(const ActorId& first, const ActorId& last) override;
  Result<void> put(const ActorRecord& record) override { return put_row(replace_actor_, record); }

  Result<std::optional<NodeRecord>> find_node(const std::string& name) override;
  Result<std::vector<NodeRecord>> nodes() override;
  Result<void> put(const NodeRecord& record) override { return put_row(replace_node_, record); }

  Result<bool> is_pinned(const ActorId& id) override;
  Result<std::size_t> pin_count() override;
  Result<std::vector<ActorId>> pins() override;
  Result<void> put_pin(const ActorId& id) override { return done(insert_pin_, id); }
  Result<void> drop_pin(const ActorId& id) override { return done(delete_pin_, id); }

  Result<std::optional<CheckpointMark>> find_checkpoint_mark(const ActorId& id) override;
  Result<std::optional<Checkpoint>> find_checkpoint(const ActorId& id) override;
  Result<void> put(const Checkpoint& checkpoint) override {
    return put_row(replace_checkpoint_, checkpoint);
  }
  Result<void> drop_checkpoint(const ActorId& id) override { return done(delete_checkpoint_, id); }

  Result<void> append(const MoveRecord& move) override;
  Result<std::vector<MoveRecord>> moves(std::size_t count_max) override;

 private:
  explicit SqliteStore(std::unique_ptr<SqliteDatabase> database) : database_(std::move(database)) {}
  Result<void> prepare_statements();

  // After some failures (a full disk) SQLite has ended the transaction by itself.
  Result<void> check_open() const;
  // Runs a statement that gives no rows.
  Result<void> done(const SqliteStatement& statement) const;
  Result<void> done(const SqliteStatement& statement, const ActorId& id) const;
  template <class Record>
  Result<void> put_row(const SqliteStatement& statement, const Record& record) const;
  // `read` is one of sqlite_rows.hpp; what it cannot read is corrupt. The parameters are bound.
  template <class Record>
  Result<std::optional<Record>> row_in(SqliteStatement::Run& rows,
                                       Result<Record> (*read)(const SqliteStatement::Run&)) const;
  Result<ActorPage> page_in(SqliteStatement::Run& rows, PageFiller page = PageFiller()) const;
  template <class Record>
  Result<std::vector<Record>> rows_in(SqliteStatement::Run& rows,
                                      Result<Record> (*read)(const SqliteStatement::Run&)) const;

  std::unique_ptr<SqliteDatabase> database_;
  SqliteStatement begin_, commit_, roll_back_, begin_step_, end_step_, undo_step_;
  SqliteStatement select_actor_, select_actors_, select_active_, select_resident_, select_orphans_;
  SqliteStatement select_active_on_, count_active_, select_named_, select_between_;
  SqliteStatement select_node_, select_nodes_, replace_actor_, replace_node_;
  SqliteStatement select_pin_, count_pins_, select_pins_, insert_pin_, delete_pin_;
  SqliteStatement select_checkpoint_mark_, select_checkpoint_, replace_checkpoint_;
  SqliteStatement delete_checkpoint_, insert_move_, delete_moves_, select_moves_;
};

Result<std::unique_ptr<Store>> SqliteStore::open(std::unique_ptr<SqliteDatabase> database) {
  if (auto prepared = prepare_file(*database); !prepared.ok()) return prepared.error();
  std::unique_ptr<SqliteStore> made(new SqliteStore(std::move(database)));
  if (auto prepared = made->prepare_statements(); !prepared.ok()) return prepared.error();
  return std::unique_ptr<Store>(std::move(made));
}

Result<void> SqliteStore::prepare_statements() {
  const std::pair<SqliteStatement*, const char*> wanted[] = {
      // Immediate: what a transaction reads is what it replaces.
      {&begin_, "BEGIN IMMEDIATE"},
      {&commit_, "COMMIT"},
      {&roll_back_, "ROLLBACK"},
      {&begin_step_, "SAVEPOINT step"},
      {&end_step_, "RELEASE step"},
      {&undo_step_, "ROLLBACK TO step"},
      {&select_actor_, select_actor},
      {&select_actors_, select_actors},
      {&select_active_, select_active},
      {&select_resident_, select_resident},
      {&select_orphans_, select_orphans},
      {&select_active_on_, select_active_on},
      {&count_active_, count_active_sql},
      {&select_named_, select_named},
      {&select_between_, select_between},
      {&replace_actor_, replace_actor},
      {&select_node_, select_node},
      {&select_nodes_, select_nodes},
      {&replace_node_, replace_node},
      {&select_pin_, select_pin},
      {&count_pins_, count_pins},
      {&select_pins_, select_pins},
      {&insert_pin_, insert_pin},
      {&delete_pin_, delete_pin},
      {&select_checkpoint_mark_, select_checkpoint_mark},
      {&select_checkpoint_, select_checkpoint},
      {&replace_checkpoint_, replace_checkpoint},
      {&delete_checkpoint_, delete_checkpoint},
      {&insert_move_, insert_move},
      {&delete_moves_, delete_moves},
      {&select_moves_, select_moves}};
  for (const auto& [statement, sql] : wanted) {
    auto prepared = database_->prepare(sql);
    if (!prepared.ok()) return prepared.error();
    *statement = *std::move(prepared);
  }
  return {};
}

// --- Transactions --------------------------------------------------------------------------------

Result<void> SqliteStore::check_open() const {
  if (database_->in_transaction()) return {};
  return Error{Code::unavailable, database_->describe() +
                                      ": an earlier failure has undone this transaction; make "
                                      "room on the disk or check it, then try again"};
}

Result<void> SqliteStore::commit() {
  if (auto open = check_open(); !open.ok()) return open;
  return done(commit_);
}

Result<void> SqliteStore::begin_step() {
  // Without a transaction around it a step would be one of its own, and be committed alone.
  if (auto open = check_open(); !open.ok()) return open;
  return done(begin_step_);
}

void SqliteStore::undo_step() {
  // They fail only where SQLite has undone everything by itself.
  static_cast<void>(done(undo_step_));
  static_cast<void>(done(end_step_));
}

// --- Actors and nodes ----------------------------------------------------------------------------

Result<std::optional<ActorRecord>> SqliteStore::find_actor(const ActorId& id) {
  auto rows = select_actor_.run();
  rows.bind(0, bytes_of(id));
  return row_in(rows, actor_in);
}

Result<ActorPage> SqliteStore::actors(const ActorQuery& query) {
  using Which = ActorQuery::Which;
  const bool orphaned = query.which == Which::orphaned;
  const SqliteStatement& of_any_node = query.which == Which::all ? select_actors_ : select_active_;
  auto rows = (orphaned             ? select_orphans_
               : query.node.empty() ? of_any_node
                                    : select_resident_)
                  .run();
  rows.bind(0, bytes_of(query.after)).bind(1, query.type);
  if (orphaned || !query.node.empty()) rows.bind(2, query.node);
  return page_in(rows, PageFiller(query.count_max));
}

Result<std::vector<ActorRecord>> SqliteStore::active_on(const std::string& node_name) {
  auto rows = select_active_on_.run();
  rows.bind(0, node_name);
  return rows_in(rows, actor_in);
}

Result<ActorCounts> SqliteStore::count_active() {
  ActorCounts counts;
  auto rows = count_active_.run();
  while (true) {
    auto row = rows.step();
    if (!row.ok()) return row.error();
    if (!*row) return counts;
    const ActorId incarnation = actor_id_in(rows, 1);  // Stored alike.
    counts[{rows.text(0), {incarnation.high, incarnation.low}}] =
        static_cast<std::size_t>(rows.number(2));
  }
}

Result<ActorPage> SqliteStore::named(const TitleWish& wanted) {
  auto rows = select_named_.run();
  rows.bind(0, wanted.name).bind(1, wanted.type).bind(2, wanted.type_name);
  return page_in(rows);
}

Result<ActorPage> SqliteStore::between(const ActorId& first, const ActorId& last) {
  auto rows = select_between_.run();
  rows.bind(0, bytes_of(first)).bind(1, bytes_of(last));
  return page_in(rows);
}

Result<std::optional<NodeRecord>> SqliteStore::find_node(const std::string& name) {
  auto rows = select_node_.run();
  rows.bind(0, name);
  return row_in(rows, node_in);
}

Result<std::vector<NodeRecord>> SqliteStore::nodes() {
  auto rows = select_nodes_.run();
  return rows_in(rows, node_in);
}

// --- Pins ----------------------------------------------------------------------------------------

Result<bool> SqliteStore::is_pinned(const ActorId& id) {
  auto rows = select_pin_.run();
  rows.bind(0, bytes_of(id));
  return rows.step();
}

Result<std::size_t> SqliteStore::pin_count() {
  auto rows = count_pins_.run();
  auto row = rows.step();
  if (!row.ok()) return row.error();
  return static_cast<std::size_t>(rows.number(0));
}

Result<std::vector<ActorId>> SqliteStore::pins() {
  auto rows = select_pins_.run();
  return rows_in<ActorId>(rows, [](const SqliteStatement::Run& row) {
    const ActorId id = actor_id_in(row, 0);
    return id.is_null() ? Result<ActorId>(Error{Code::corrupt, "a pin"}) : Result<ActorId>(id);
  });
}

// --- Checkpoints and moves -----------------------------------------------------------------------

Result<std::optional<Store::CheckpointMark>> SqliteStore::find_checkpoint_mark(const ActorId& id) {
  auto rows = select_checkpoint_mark_.run();
  rows.bind(0, bytes_of(id));
  auto row = rows.step();
  if (!row.ok()) return row.error();
  if (!*row) return std::optional<CheckpointMark>();
  return std::optional(CheckpointMark{rows.number(0), rows.number(1)});
}

Result<std::optional<Checkpoint>> SqliteStore::find_checkpoint(const ActorId& id) {
  auto rows = select_checkpoint_.run();
  rows.bind(0, bytes_of(id));
  return row_in(rows, checkpoint_in);
}

Result<void> SqliteStore::append(const MoveRecord& move) {
  if (auto put = put_row(insert_move_, move); !put.ok()) return put;
  auto row = delete_moves_.run();
  row.bind(0, limits::moves_kept_max);
  auto gone = row.step();
  return gone.ok() ? Result<void>() : gone.error();
}

Result<std::vector<MoveRecord>> SqliteStore::moves(std::size_t count_max) {
  auto rows = select_moves_.run();
  rows.bind(0, static_cast<std::uint64_t>(count_max));
  return rows_in(rows, move_in);
}

// --- Rows ----------------------------------------------------------------------------------------

Result<void> SqliteStore::done(const SqliteStatement& statement) const {
  auto row = statement.run().step();
  return row.ok() ? Result<void>() : row.error();
}

Result<void> SqliteStore::done(const SqliteStatement& statement, const ActorId& id) const {
  auto run = statement.run();
  auto row = run.bind(0, bytes_of(id)).step();
  return row.ok() ? Result<void>() : row.error();
}

template <class Record>
Result<void> SqliteStore::put_row(const SqliteStatement& statement, const Record& record) const {
  auto run = statement.run();
  bind(run, record);
  auto row = run.step();
  return row.ok() ? Result<void>() : row.error();
}

template <class Record>
Result<std::optional<Record>> SqliteStore::row_in(
    SqliteStatement::Run& rows, Result<Record> (*read)(const SqliteStatement::Run&)) const {
  auto row = rows.step();
  if (!row.ok()) return row.error();
  if (!*row) return std::optional<Record>();
  auto record = read(rows);
  if (!record.ok()) return database_->bad_row(record.error().message);
  return std::optional(*std::move(record));
}

Result<ActorPage> SqliteStore::page_in(SqliteStatement::Run& rows, PageFiller page) const {
  while (true) {
    auto record = row_in(rows, actor_in);
    if (!record.ok()) return record.error();
    if (!*record || !page.add(**std::move(record))) return page.take();
  }
}

template <class Record>
Result<std::vector<Record>> SqliteStore::rows_in(
    SqliteStatement::Run& rows, Result<Record> (*read)(const SqliteStatement::Run&)) const {
  std::vector<Record> all;
  while (true) {
    auto record = row_in(rows, read);
    if (!record.ok()) return record.error();
    if (!*record) return all;
    all.push_back(**std::move(record));
  }
}

}  // namespace

Result<std::unique_ptr<Directory>> open_sqlite_directory(const std::filesystem::path& file) {
  auto database = SqliteDatabase::open(file);
  if (!database.ok()) return database.error();
  auto store = SqliteStore::open(*std::move(database));
  if (!store.ok()) return store.error();
  return std::unique_ptr<Directory>(std::make_unique<StoredDirectory>(*std::move(store)));
}

}  // namespace omma
