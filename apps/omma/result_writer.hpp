// ResultWriter: results as JSON Lines or as a table, on the terminal or in a file. A file remembers
// by itself how far it got: opened again, it says which cursor comes next, so that a client that
// was killed goes on with no row lost and none written twice.
#pragma once

#include "runtime/base/error.hpp"
#include "schemas/results.capnp.h"

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>
#include <string>

namespace omma {

// {"cursor":7,"kind":"crossing","camera":"east","frame":93,"media_s":9.3,"line":"door",...}
std::string json_line(CursorResult::Reader result);
// "     7  east        93  crossing   line=door direction=to_left ..."
std::string table_line(CursorResult::Reader result);

class ResultWriter {
 public:
  enum class Form { table, json_lines };

  // To standard output. Only these kinds; empty for all.
  ResultWriter(Form form, std::set<std::string> kinds) : form_(form), kinds_(std::move(kinds)) {}

  // To a file of JSON Lines, all kinds, in addition. Continues one that is there: a half line at
  // its end (of a client killed in mid-write) is cut off. corrupt when it is no such file.
  Result<void> open_file(const std::filesystem::path& path);
  // The cursor of the last whole row in the file; 0 without a file.
  std::uint64_t last_cursor() const { return last_cursor_; }

  // unavailable when the disk is full or the terminal is gone; rows up to last_cursor() are safe.
  Result<void> write(capnp::List<CursorResult>::Reader results);
  void be_silent() { silent_ = true; }

 private:
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  Form form_;
  std::set<std::string> kinds_;
  bool silent_ = false;  // No standard output.
  std::unique_ptr<std::FILE, CloseFile> file_;
  std::filesystem::path path_;
  std::uint64_t last_cursor_ = 0;
};

}  // namespace omma
