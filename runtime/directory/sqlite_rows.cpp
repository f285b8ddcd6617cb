#include "runtime/directory/sqlite_rows.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace omma {
namespace {

// ActorId or Incarnation.
template <class Id>
Id id_of(std::span<const std::byte> bytes) {
  Id id;
  if (bytes.size() != 16) return id;
  for (std::size_t i = 0; i < 8; ++i) {
    id.high = id.high << 8 | std::to_integer<std::uint64_t>(bytes[i]);
    id.low = id.low << 8 | std::to_integer<std::uint64_t>(bytes[8 + i]);
  }
  return id;
}

std::string lines_of(const std::vector<std::string>& roles) {
  std::string lines;
  for (const std::string& role : roles) lines += role + '\n';
  return lines;
}

std::vector<std::string> roles_of(const std::string& lines) {
  std::vector<std::string> roles;
  for (std::size_t begin = 0; begin < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', begin), lines.size());
    roles.push_back(lines.substr(begin, end - begin));
    begin = end + 1;
  }
  return roles;
}

std::uint64_t number_of(bool value) {
  return value ? 1 : 0;
}

template <class Record>
Result<Record> if_sound(bool sound, Record record, const std::string& name) {
  if (!sound) return Error{Code::corrupt, name};
  return record;
}

}  // namespace

Bytes16 bytes_of(std::uint64_t high, std::uint64_t low) {
  Bytes16 bytes;
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::byte>(high >> (56 - 8 * i));
    bytes[8 + i] = static_cast<std::byte>(low >> (56 - 8 * i));
  }
  return bytes;
}

ActorId actor_id_in(const SqliteStatement::Run& row, int column) {
  return id_of<ActorId>(row.bytes(column));
}

void bind(SqliteStatement::Run& row, const ActorRecord& record) {
  row.bind(0, bytes_of(record.id))
      .bind(1, record.type)
      .bind(2, record.name)
      .bind(3, record.config)
      .bind(4, record.epoch)
      .bind(5, record.life)
      .bind(6, number_of(record.state == ActorRecord::State::retired))
      .bind(7, record.node.name)
      .bind(8, bytes_of(record.node.incarnation))
      .bind(9, record.node.epoch);
}

void bind(SqliteStatement::Run& row, const NodeRecord& record) {
  row.bind(0, record.id.name)
      .bind(1, bytes_of(record.id.incarnation))
      .bind(2, record.id.epoch)
      .bind(3, record.address)
      .bind(4, lines_of(record.roles))
      .bind(5, number_of(record.alive))
      .bind(6, number_of(record.cordoned));
}

void bind(SqliteStatement::Run& row, const Checkpoint& checkpoint) {
  row.bind(0, bytes_of(checkpoint.id))
      .bind(1, checkpoint.epoch)
      .bind(2, checkpoint.number)
      .bind(3, number_of(checkpoint.keeps_life))
      .bind(4, checkpoint.state.bytes());
}

void bind(SqliteStatement::Run& row, const MoveRecord& move) {
  row.bind(0, static_cast<std::uint64_t>(nanoseconds_of(move.when)))
      .bind(1, bytes_of(move.id))
      .bind(2, move.type)
      .bind(3, move.name)
      .bind(4, move.from)
      .bind(5, move.to)
      .bind(6, static_cast<std::uint64_t>(move.outcome))
      .bind(7, move.reason)
      .bind(8, static_cast<std::uint64_t>(move.pause.count()))
      .bind(9, move.bytes);
}

Result<ActorRecord> actor_in(const SqliteStatement::Run& row) {
  ActorRecord record;
  record.id = actor_id_in(row, 0);
  record.type = row.text(1);
  record.name = row.text(2);
  record.config = row.blob(3);
  record.epoch = row.number(4);
  record.life = row.number(5);
  const std::uint64_t state = row.number(6);
  record.state = state == 0 ? ActorRecord::State::active : ActorRecord::State::retired;
  record.node.name = row.text(7);
  record.node.incarnation = id_of<Incarnation>(row.bytes(8));
  record.node.epoch = row.number(9);
  const bool sound = !record.id.is_null() && record.epoch > 0 && record.life > 0 &&
                     record.life <= record.epoch && state <= 1;
  return if_sound(sound, record, "actor " + record.type + "/" + record.name);
}

Result<NodeRecord> node_in(const SqliteStatement::Run& row) {
  NodeRecord record;
  record.id.name = row.text(0);
  record.id.incarnation = id_of<Incarnation>(row.bytes(1));
  record.id.epoch = row.number(2);
  record.address = row.text(3);
  record.roles = roles_of(row.text(4));
  record.alive = row.number(5) != 0;
  record.cordoned = row.number(6) != 0;
  const bool sound = !record.id.incarnation.is_null() && record.id.epoch > 0;
  return if_sound(sound, record, "node " + record.id.name);
}

Result<Checkpoint> checkpoint_in(const SqliteStatement::Run& row) {
  Checkpoint checkpoint;
  checkpoint.id = actor_id_in(row, 0);
  checkpoint.epoch = row.number(1);
  checkpoint.number = row.number(2);
  checkpoint.keeps_life = row.number(3) != 0;
  checkpoint.state = Blob::copy_of(row.bytes(4));
  const bool sound = !checkpoint.id.is_null() && checkpoint.epoch > 0;
  return if_sound(sound, checkpoint, "checkpoint of actor " + checkpoint.id.short_text());
}

Result<MoveRecord> move_in(const SqliteStatement::Run& row) {
  MoveRecord move;
  move.when = wall_time_of(static_cast<std::int64_t>(row.number(0)));
  move.id = actor_id_in(row, 1);
  move.type = row.text(2);
  move.name = row.text(3);
  move.from = row.text(4);
  move.to = row.text(5);
  const std::uint64_t outcome = row.number(6);
  move.outcome = static_cast<MoveRecord::Outcome>(outcome);
  move.reason = row.text(7);
  move.pause = Duration(static_cast<std::int64_t>(row.number(8)));
  move.bytes = row.number(9);
  const bool sound =
      !move.id.is_null() && outcome <= static_cast<std::uint64_t>(MoveRecord::Outcome::taken_over);
  return if_sound(sound, move, "move of actor " + move.id.short_text());
}

}  // namespace omma
