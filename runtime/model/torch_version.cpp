#include "runtime/model/torch_version.hpp"

#include <dlfcn.h>
#include <torch/version.h>

#include <cstdint>

namespace omma {
namespace {

// A 2.x says it itself, the highest bytes first; a 1.13 has it in its file's name only.
std::string loaded_version() {
  using Ask = std::uint64_t (*)();
  const auto ask = reinterpret_cast<Ask>(::dlsym(RTLD_DEFAULT, "aoti_torch_abi_version"));
  if (ask == nullptr) return version_of_loaded_file("libtorch_cpu");
  const std::uint64_t version = ask();
  const auto byte = [version](unsigned from) { return std::to_string(version >> from & 0xFF); };
  return byte(56) + "." + byte(48) + "." + byte(40);
}

}  // namespace

LibraryVersion torch_version() {
  return {"LibTorch", TORCH_VERSION, loaded_version()};
}

}  // namespace omma
