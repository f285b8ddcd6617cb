#include "runtime/directory/sqlite_door.hpp"

#include "runtime/base/check.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace omma {
namespace {

// Somebody may look into the file with the sqlite3 tool while we write; longer than this is
// refused.
constexpr int busy_timeout_ms = 2000;

// The process that holds the lock wrote its number into the lock file.
std::string holder_of(int lock_file) {
  std::array<char, 24> text{};
  const ssize_t got = pread(lock_file, text.data(), text.size() - 1, 0);
  const std::string digits(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  return digits.empty() ? "another process" : "process " + digits;
}

}  // namespace

SqliteStatement::Run::~Run() {
  sqlite3_reset(statement_.statement_.get());
  sqlite3_clear_bindings(statement_.statement_.get());
}

SqliteStatement::Run& SqliteStatement::Run::bind(int index, std::uint64_t value) {
  // The same 64 bits; the schema compares numbers for equality only.
  const int result =
      sqlite3_bind_int64(statement_.statement_.get(), index + 1, static_cast<sqlite3_int64>(value));
  if (result != SQLITE_OK) failed_bind_ = result;
  return *this;
}

SqliteStatement::Run& SqliteStatement::Run::bind(int index, std::string_view text) {
  const int result = sqlite3_bind_text64(statement_.statement_.get(), index + 1, text.data(),
                                         text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (result != SQLITE_OK) failed_bind_ = result;
  return *this;
}

SqliteStatement::Run& SqliteStatement::Run::bind(int index, std::span<const std::byte> blob) {
  // A null pointer would be stored as NULL rather than as no bytes.
  const void* const begin = blob.empty() ? "" : static_cast<const void*>(blob.data());
  const int result = sqlite3_bind_blob64(statement_.statement_.get(), index + 1, begin, blob.size(),
                                         SQLITE_TRANSIENT);
  if (result != SQLITE_OK) failed_bind_ = result;
  return *this;
}

Result<bool> SqliteStatement::Run::step() {
  if (failed_bind_ != SQLITE_OK) return statement_.database_->error_of(failed_bind_);
  const int result = sqlite3_step(statement_.statement_.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  return statement_.database_->error_of(result);
}

std::uint64_t SqliteStatement::Run::number(int column) const {
  return static_cast<std::uint64_t>(sqlite3_column_int64(statement_.statement_.get(), column));
}

std::string SqliteStatement::Run::text(int column) const {
  sqlite3_stmt* const statement = statement_.statement_.get();
  const auto* const begin = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
  return begin == nullptr ? std::string() : std::string(begin, size);
}

std::vector<std::byte> SqliteStatement::Run::blob(int column) const {
  const std::span<const std::byte> there = bytes(column);
  return {there.begin(), there.end()};
}

std::span<const std::byte> SqliteStatement::Run::bytes(int column) const {
  sqlite3_stmt* const statement = statement_.statement_.get();
  const auto* const begin = static_cast<const std::byte*>(sqlite3_column_blob(statement, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
  return begin == nullptr ? std::span<const std::byte>() : std::span(begin, size);
}

void SqliteStatement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::open(const std::filesystem::path& file) {
  std::unique_ptr<SqliteDatabase> made(new SqliteDatabase(file));
  if (auto locked = made->take_lock(); !locked.ok()) return locked.error();
  // No mutex of SQLite's own: the directory has one around everything.
  const int result =
      sqlite3_open_v2(file.c_str(), &made->database_,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  if (made->database_ == nullptr) {
    return Error{Code::unavailable, made->describe() + ": no memory to open it"};
  }
  if (result != SQLITE_OK) return made->error_of(result);
  sqlite3_extended_result_codes(made->database_, 1);
  sqlite3_busy_timeout(made->database_, busy_timeout_ms);
  return made;
}

SqliteDatabase::~SqliteDatabase() {
  const int closed = sqlite3_close(database_);
  OMMA_CHECK(closed == SQLITE_OK, closed, file_);  // A statement outlived its database.
  if (lock_file_ >= 0) ::close(lock_file_);  // Gives the lock back; the file stays, without a race.
}

Result<void> SqliteDatabase::take_lock() {
  const std::string path = file_.string() + ".lock";
  lock_file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_file_ < 0) {
    return Error{Code::unavailable, describe() + ": cannot make its lock file " + path + " (" +
                                        std::strerror(errno) +
                                        "); the folder must exist and be writable"};
  }
  if (flock(lock_file_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return Error{Code::unavailable, describe() + ": cannot lock " + path + " (" +
                                          std::strerror(errno) + "); use a local disk"};
    }
    return Error{Code::unavailable, describe() + " is in use by " + holder_of(lock_file_) +
                                        "; stop that head node or use another file"};
  }
  const std::string self = std::to_string(getpid());
  const bool written =
      ftruncate(lock_file_, 0) == 0 &&
      pwrite(lock_file_, self.data(), self.size(), 0) == static_cast<ssize_t>(self.size());
  if (!written) {
    return Error{Code::unavailable, describe() + ": cannot write " + path + " (" +
                                        std::strerror(errno) + "); make room on the disk"};
  }
  return {};
}

Result<SqliteStatement> SqliteDatabase::prepare(std::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  const int result = sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (result != SQLITE_OK) return error_of(result);
  SqliteStatement made;
  made.statement_.reset(statement);
  made.database_ = this;
  return made;
}

Result<void> SqliteDatabase::execute(const std::string& sql) const {
  const int result = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) return error_of(result);
  return {};
}

Result<std::string> SqliteDatabase::value_of(const std::string& sql) const {
  auto statement = prepare(sql);
  if (!statement.ok()) return statement.error();
  auto run = statement->run();
  auto row = run.step();
  if (!row.ok()) return row.error();
  return *row ? run.text(0) : std::string();
}

bool SqliteDatabase::is_read_only() const {
  return sqlite3_db_readonly(database_, "main") != 0;
}

bool SqliteDatabase::in_transaction() const {
  return sqlite3_get_autocommit(database_) == 0;
}

Error SqliteDatabase::bad_row(const std::string& what) const {
  return {Code::corrupt, describe() + ": the record of " + what +
                             " makes no sense; put back a copy, or stop all nodes, move the file "
                             "away and start with an empty directory"};
}

Error SqliteDatabase::error_of(int result) const {
  const std::string why = " (SQLite: " + std::string(sqlite3_errmsg(database_)) + ")";
  switch (result & 0xff) {  // The primary code; the rest of the bits only refine it.
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {Code::corrupt, describe() + " is damaged" + why +
                                 "; put back a copy, or stop all nodes, move the file away and "
                                 "start with an empty directory"};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
      return {Code::unavailable, describe() + " cannot be opened for writing" + why +
                                     "; make the file and its folder writable for this user"};
    case SQLITE_FULL:
    case SQLITE_IOERR:
      return {Code::unavailable,
              describe() + " cannot be written" + why + "; make room on the disk or check it"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {Code::unavailable,
              describe() + " is held by another program" + why + "; close what else has it open"};
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
      return {Code::unavailable, describe() + ": not enough memory" + why + "; try again later"};
    default:
      return {Code::internal, describe() + ": unexpected failure " + std::to_string(result) + why +
                                  "; please report it"};
  }
}

SqliteTransaction::~SqliteTransaction() {
  // A failed rollback means that SQLite has rolled back by itself.
  if (open_) static_cast<void>(database_.execute("ROLLBACK"));
}

Result<void> SqliteTransaction::begin() {
  auto begun = database_.execute("BEGIN IMMEDIATE");
  open_ = begun.ok();
  return begun;
}

Result<void> SqliteTransaction::commit() {
  auto committed = database_.execute("COMMIT");
  if (committed.ok()) open_ = false;
  return committed;
}

}  // namespace omma
