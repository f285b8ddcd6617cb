// Which LibTorch this runs with.
//
// Thread-safe.
#pragma once

#include "runtime/base/library_version.hpp"

namespace omma {

LibraryVersion torch_version();

}  // namespace omma
