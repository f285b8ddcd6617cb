// The door to SQLite: a database file that one process has to itself, prepared statements and
// transactions, with every failure as an Error that says what to do.
//
// Not thread-safe; a statement must not outlive its database. Private to runtime/directory.
#pragma once

#include "runtime/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace omma {

class SqliteDatabase;

class SqliteStatement {
 public:
  // One execution, from binding to the last row; ends with the scope. Indices of parameters and of
  // columns count from 0. A failed bind shows at step().
  class Run {
   public:
    explicit Run(const SqliteStatement& statement) : statement_(statement) {}
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;
    ~Run();

    Run& bind(int index, std::uint64_t value);
    Run& bind(int index, std::string_view text);
    Run& bind(int index, std::span<const std::byte> blob);
    // True while there is a row to read.
    Result<bool> step();

    std::uint64_t number(int column) const;
    std::string text(int column) const;
    std::vector<std::byte> blob(int column) const;
    // The same where it lies; gone with the next step.
    std::span<const std::byte> bytes(int column) const;

   private:
    const SqliteStatement& statement_;
    int failed_bind_ = 0;
  };

  SqliteStatement() = default;
  Run run() const { return Run(*this); }

 private:
  friend class SqliteDatabase;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  const SqliteDatabase* database_ = nullptr;
};

class SqliteDatabase {
 public:
  // Takes the advisory lock (a file beside it, "<file>.lock"), then opens or makes the file.
  // unavailable when another process has it, or it cannot be opened for writing.
  static Result<std::unique_ptr<SqliteDatabase>> open(const std::filesystem::path& file);
  ~SqliteDatabase();
  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;

  Result<SqliteStatement> prepare(std::string_view sql) const;
  // Statements without parameters, any number of them.
  Result<void> execute(const std::string& sql) const;
  // The first column of the first row of a query without parameters.
  Result<std::string> value_of(const std::string& sql) const;
  bool is_read_only() const;
  bool in_transaction() const;

  // unavailable, corrupt or internal, by SQLite's result code.
  Error error_of(int result) const;
  // corrupt: a row that was read makes no sense.
  Error bad_row(const std::string& what) const;
  std::string describe() const { return "directory " + file_.string(); }

 private:
  explicit SqliteDatabase(std::filesystem::path file) : file_(std::move(file)) {}
  Result<void> take_lock();

  std::filesystem::path file_;
  int lock_file_ = -1;
  sqlite3* database_ = nullptr;
};

// Begins at once (so that what it reads is what it replaces) and is undone unless committed.
class SqliteTransaction {
 public:
  explicit SqliteTransaction(const SqliteDatabase& database) : database_(database) {}
  SqliteTransaction(const SqliteTransaction&) = delete;
  SqliteTransaction& operator=(const SqliteTransaction&) = delete;
  ~SqliteTransaction();

  Result<void> begin();
  Result<void> commit();

 private:
  const SqliteDatabase& database_;
  bool open_ = false;
};

}  // namespace omma
