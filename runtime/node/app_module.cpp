#include "runtime/node/app_module.hpp"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>

#include "runtime/base/limits.hpp"

namespace omma {
namespace {

namespace fs = std::filesystem;

// In two parts, so that a file that holds this code does not look like a module.
constexpr const char* mark_begin = "omma app ";
constexpr const char* mark_end = "module: ";

Result<std::string> bytes_of(const fs::path& file) {
  std::error_code failed;
  const std::uintmax_t size = fs::file_size(file, failed);
  if (failed) {
    return Error{Code::not_found, "app module " + file.string() + ": " + failed.message() +
                                      "; name a file that omma_add_app has built"};
  }
  if (size > limits::app_module_bytes_max) {
    return Error{Code::over_limit, "app module " + file.string() + " of " + std::to_string(size) +
                                       " bytes, limit " +
                                       std::to_string(limits::app_module_bytes_max) +
                                       "; strip it, or link what is large as a shared library"};
  }
  std::ifstream in(file, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(in), {});
  if (bytes.size() == size) return bytes;
  return Error{Code::unavailable, "app module " + file.string() + " cannot be read whole"};
}

// Where the last part of it ends that is mapped into memory: behind the end of a file that was cut
// short, and reading there would end the process. 0: no shared object of this machine.
std::uint64_t mapped_end_of(const std::string& bytes) {
  ElfW(Ehdr) header{};
  if (bytes.size() < sizeof header) return 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (!bytes.starts_with(ELFMAG) || header.e_type != ET_DYN) return 0;
  std::uint64_t end = sizeof header;
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    ElfW(Phdr) part{};
    const std::uint64_t at = header.e_phoff + i * sizeof part;
    if (at > bytes.size() || bytes.size() - at < sizeof part) return at + sizeof part;
    std::memcpy(&part, bytes.data() + at, sizeof part);
    if (part.p_type == PT_LOAD) end = std::max<std::uint64_t>(end, part.p_offset + part.p_filesz);
  }
  return end;
}

Error no_module(const fs::path& file, const std::string& why) {
  return Error{Code::unsupported, file.string() + " is no app module (" + why +
                                      "); build it with omma_add_app and OMMA_APP_MODULE"};
}

}  // namespace

Result<void> check_app_module(const fs::path& file, const std::string& stamp) {
  const Result<std::string> bytes = bytes_of(file);
  if (!bytes) return bytes.error();
  const std::string mark = std::string(mark_begin) + mark_end;
  const std::size_t found = bytes->find(mark);
  const std::uint64_t end = mapped_end_of(*bytes);
  if (end == 0) return no_module(file, "no shared object");
  if (end > bytes->size()) {
    return no_module(file, "cut short: " + std::to_string(bytes->size()) + " bytes of at least " +
                               std::to_string(end));
  }
  if (found == std::string::npos) return no_module(file, "it has no build stamp");
  const std::string theirs = bytes->c_str() + found + mark.size();
  if (theirs == stamp) return {};
  return Error{Code::unsupported, "app module " + file.string() + " was built for omma " +
                                      theirs.substr(0, limits::name_bytes_max) + ", this is omma " +
                                      stamp +
                                      "; build it again with the omma that is installed here"};
}

Result<AppList> open_app_module(const fs::path& file, const std::string& stamp) {
  if (auto checked = check_app_module(file, stamp); !checked) return checked.error();
  // Its own symbols stay its own; omma's it finds in the libomma.so that this process has.
  void* const module = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) return no_module(file, ::dlerror());
  const auto* entry = static_cast<const AppModule*>(::dlsym(module, app_module_symbol));
  if (entry == nullptr)
    return no_module(file, "it does not export " + std::string(app_module_symbol));
  try {  // An author's code, not under our care yet.
    return entry->make_apps();
  } catch (const std::exception& thrown) {
    return Error{Code::unsupported,
                 "app module " + file.string() + " threw while it made its apps: " + thrown.what()};
  }
}

}  // namespace omma
