// Records as rows of the directory's tables, both ways.
//
// Pure but for the statement; private to runtime/directory.
#pragma once

#include "runtime/directory/sqlite_door.hpp"
#include "runtime/protocol/checkpoint.hpp"
#include "runtime/protocol/directory_record.hpp"
#include "runtime/protocol/move_record.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace omma {

// An ActorId or an Incarnation as it is stored.
using Bytes16 = std::array<std::byte, 16>;
Bytes16 bytes_of(std::uint64_t high, std::uint64_t low);
inline Bytes16 bytes_of(const ActorId& id) {
  return bytes_of(id.high, id.low);
}
inline Bytes16 bytes_of(const Incarnation& incarnation) {
  return bytes_of(incarnation.high, incarnation.low);
}
// Null when the row has other than 16 bytes.
ActorId actor_id_in(const SqliteStatement::Run& row, int column);

// Columns in the tables' order, from the first on.
void bind(SqliteStatement::Run& row, const ActorRecord& record);
void bind(SqliteStatement::Run& row, const NodeRecord& record);
void bind(SqliteStatement::Run& row, const Checkpoint& checkpoint);
// All but the number, which the table gives.
void bind(SqliteStatement::Run& row, const MoveRecord& move);

// A row that makes no sense is corrupt; the message is only its name, "actor camera/lobby": what
// file it is in and what to do about it, the caller knows.
Result<ActorRecord> actor_in(const SqliteStatement::Run& row);
Result<NodeRecord> node_in(const SqliteStatement::Run& row);
Result<Checkpoint> checkpoint_in(const SqliteStatement::Run& row);
Result<MoveRecord> move_in(const SqliteStatement::Run& row);

}  // namespace omma
