// ResultWriter: results as JSON Lines or as a table, on the terminal or in a file. A file remembers
// by itself how far it got: opened again, it says which cursor comes next, so that a client that
// was killed goes on with no row lost and none written twice. Each row names itself for good, by
// session, life and cursor; so whoever reads it elsewhere can tell whether he has it already.
#pragma once

#include "runtime/base/error.hpp"
#include "schemas/results.capnp.h"

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace omma {

// Where a row's cursor counts: docs/decisions/0014.
struct RowOrigin {
  std::string session;     // ActorId::text().
  std::uint64_t life = 0;  // Of the session.

  friend bool operator==(const RowOrigin&, const RowOrigin&) = default;
};

// {"session":"5e1f...","life":1,"cursor":7,"kind":"crossing","camera":"east","frame":93,...}
std::string json_line(const RowOrigin& origin, CursorResult::Reader result);
// "     7  east        93  crossing   line=door direction=to_left ..."
std::string table_line(CursorResult::Reader result);

class ResultWriter {
 public:
  enum class Form { table, json_lines };

  // To standard output. Only these kinds; empty for all.
  ResultWriter(Form form, std::set<std::string> kinds) : form_(form), kinds_(std::move(kinds)) {}

  // To a file of JSON Lines, all kinds, in addition. Continues one that is there: a half line at
  // its end (of a client killed in mid-write) is cut off. corrupt when it is no such file, or not
  // one session's.
  Result<void> open_file(const std::filesystem::path& path);
  // The cursor of the last whole row in the file; 0 without a file.
  std::uint64_t last_cursor() const { return last_cursor_; }

  // conflict when the batch is not of the session and life of the rows so far: their cursors say
  // nothing about each other. over_limit when the disk is full, unavailable when the terminal is
  // gone; rows up to last_cursor() are safe.
  Result<void> write(ResultBatch::Reader batch);
  void be_silent() { silent_ = true; }

 private:
  Result<void> check_origin(ResultBatch::Reader batch);

  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  Form form_;
  std::set<std::string> kinds_;
  bool silent_ = false;  // No standard output.
  std::unique_ptr<std::FILE, CloseFile> file_;
  std::filesystem::path path_;
  std::optional<RowOrigin> origin_;  // Of the rows so far.
  std::uint64_t last_cursor_ = 0;
};

}  // namespace omma
