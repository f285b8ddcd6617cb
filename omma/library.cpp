#include "omma/library.hpp"

#include <dlfcn.h>

#include "omma/stamp.hpp"
#include "runtime/base/check.hpp"

namespace omma {

std::string_view build_stamp() {
  return OMMA_BUILD_STAMP;
}

std::filesystem::path library_folder() {
  Dl_info library{};
  const int found = ::dladdr(reinterpret_cast<const void*>(&build_stamp), &library);
  OMMA_CHECK(found != 0 && library.dli_fname != nullptr, found);
  return std::filesystem::absolute(library.dli_fname).parent_path();
}

}  // namespace omma
