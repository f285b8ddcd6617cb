#include "runtime/base/library_version.hpp"

#include <capnp/common.h>
#include <link.h>

#include <filesystem>

namespace omma {
namespace {

struct Search {
  std::string_view stem;
  std::filesystem::path found;
};

bool is_file_of(std::string_view file, std::string_view stem) {
  if (!file.starts_with(stem)) return false;
  const std::string_view rest = file.substr(stem.size());
  return rest.starts_with('.') || rest.starts_with('-');
}

int look_at(dl_phdr_info* library, std::size_t, void* context) {
  Search& search = *static_cast<Search*>(context);
  const std::filesystem::path path(library->dlpi_name);
  if (!is_file_of(path.filename().native(), search.stem)) return 0;
  search.found = path;
  return 1;
}

}  // namespace

std::string version_of_loaded_file(std::string_view stem) {
  Search search{stem, {}};
  dl_iterate_phdr(&look_at, &search);
  std::error_code ignored;
  // What is loaded is a link as a rule, libx.so.1, to the file with the whole version.
  const auto whole = std::filesystem::canonical(search.found, ignored);
  const std::string file = (whole.empty() ? search.found : whole).filename().string();
  if (file.size() <= stem.size()) return {};
  const std::size_t begin = file.find_first_of("0123456789", stem.size());
  if (begin == std::string::npos) return {};
  const std::size_t end = file.find_first_not_of("0123456789.", begin);
  std::string version = file.substr(begin, end == std::string::npos ? end : end - begin);
  while (version.ends_with('.')) version.pop_back();
  return version;
}

LibraryVersion capnp_version() {
  const auto number = [](int value) { return std::to_string(value); };
  return {"Cap'n Proto",
          number(CAPNP_VERSION_MAJOR) + "." + number(CAPNP_VERSION_MINOR) + "." +
              number(CAPNP_VERSION_MICRO),
          version_of_loaded_file("libcapnp")};
}

}  // namespace omma
