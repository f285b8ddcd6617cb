#include "runtime/cell/caf_version.hpp"

#include <caf/config.hpp>

namespace omma {

LibraryVersion caf_version() {
  return {"CAF",
          std::to_string(CAF_MAJOR_VERSION) + "." + std::to_string(CAF_MINOR_VERSION) + "." +
              std::to_string(CAF_PATCH_VERSION),
          version_of_loaded_file("libcaf_core")};
}

}  // namespace omma
