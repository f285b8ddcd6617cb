// Each engine in turn, for tests of what all of them promise.
#pragma once

#include "runtime/directory/directory.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>

namespace omma {

struct Engine {
  Engine() : name(GENERATE("memory", "sqlite")) {
    if (name == "memory") {
      directory = make_memory_directory();
      return;
    }
    auto opened = open_sqlite_directory(folder.file("directory.db"));
    REQUIRE(opened.ok());
    directory = *std::move(opened);
  }

  TemporaryFolder folder;
  std::string name;
  std::unique_ptr<Directory> directory;
};

}  // namespace omma
