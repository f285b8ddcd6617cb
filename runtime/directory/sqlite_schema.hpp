// The tables of a directory file and how a file comes to have them: made anew, or brought up to
// date from an older version.
//
// Private to runtime/directory.
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/directory/sqlite_door.hpp"

namespace omma {

// Makes the file ready for use. Nothing is written before it is known to be ours, whole and of no
// newer version; what is written is one transaction. Errors: unavailable, corrupt, unsupported.
Result<void> prepare_file(const SqliteDatabase& database);

}  // namespace omma
