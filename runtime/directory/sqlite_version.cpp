#include "runtime/directory/sqlite_version.hpp"

#include <sqlite3.h>

namespace omma {

LibraryVersion sqlite_version() {
  return {"SQLite", SQLITE_VERSION, sqlite3_libversion(), /*newer_fits=*/true};
}

}  // namespace omma
