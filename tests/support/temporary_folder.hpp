// A folder of a test's own, gone with everything in it at the end of the scope.
#pragma once

#include "runtime/base/check.hpp"

#include <cstdlib>
#include <filesystem>
#include <string>

namespace omma {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "omma-test-XXXXXX").string();
    OMMA_CHECK(mkdtemp(pattern.data()) != nullptr, pattern);
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;  // A leftover in /tmp must not hide the test's own failure.
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace omma
