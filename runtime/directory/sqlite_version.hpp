// Which SQLite this runs with.
//
// Thread-safe.
#pragma once

#include "runtime/base/library_version.hpp"

namespace omma {

LibraryVersion sqlite_version();

}  // namespace omma
