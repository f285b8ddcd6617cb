// What `omma new` writes: an app of one's own that builds, passes its test and runs. The files are
// those of apps/omma/new_app, where the app is called my_app.
#pragma once

#include "runtime/base/error.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace omma {

struct NewAppFile {
  std::string name;
  std::string text;
};

// As they are in the tree; new_app_files.cpp is made of them.
const std::vector<NewAppFile>& new_app_template();

// The same, for an app of this name: my_app and MyApp replaced, and a schema file id of its own.
std::vector<NewAppFile> new_app_files(const std::string& name, std::uint64_t schema_id);

// Into <folder>/<name>; gives that. invalid_argument for a name that is none; conflict when the
// folder exists.
Result<std::filesystem::path> write_new_app(const std::string& name,
                                            const std::filesystem::path& folder,
                                            std::uint64_t schema_id);

}  // namespace omma
