// Which CAF this runs with.
//
// Thread-safe.
#pragma once

#include "runtime/base/library_version.hpp"

namespace omma {

LibraryVersion caf_version();

}  // namespace omma
