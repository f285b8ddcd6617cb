// Moves to this node.
#include <algorithm>
#include <utility>

#include "runtime/base/hash.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/node/mover.hpp"
#include "runtime/node/wire_records.hpp"

namespace omma {
namespace {

Message nothing() {
  return Message::build<wire::Nothing>([](wire::Nothing::Builder) {});
}

}  // namespace

bool Mover::handle(const Message& request, const Answer& answer) {
  if (request.is<wire::ReserveMove>()) {
    reserve(request.as<wire::ReserveMove>(), answer);
    return true;
  }
  if (request.is<wire::SnapshotPiece>()) {
    take(request, answer);
    return true;
  }
  return false;
}

void Mover::reserve(wire::ReserveMove::Reader request, const Answer& answer) {
  const auto record = read(request.getRecord());
  if (!record || record->life == 0 || record->life > record->epoch) {
    return answer(Error{Code::invalid_argument, "a move of an actor without a record"});
  }
  const ActorId id = record->id;
  const auto open = incoming_.find(id);
  if (open != incoming_.end() && open->second.record.epoch >= record->epoch) {
    return answer(Error{Code::conflict, actor_text(*record) + " is being moved to node " +
                                            port_.self().name + " already"});
  }
  if (open != incoming_.end()) {
    // The source has called that one off, since it has a later epoch.
    if (open->second.cell) {
      open->second.cell->drop();
      port_.on_unstaged(open->second.record, {Code::conflict, "the source called it off"});
    }
    incoming_.erase(open);
  }
  Result<void> admitted = port_.admit(*record);
  if (admitted && incoming_.size() >= limits::moves_staged_max) {
    admitted = Error{Code::overloaded,
                     "node " + port_.self().name + " takes in " + std::to_string(incoming_.size()) +
                         " actors already, limit " + std::to_string(limits::moves_staged_max) +
                         "; try again in a moment"};
  }
  Arrival arrival{.machine = MoveTarget(times_),
                  .record = *record,
                  .reserved = answer,
                  .outcome = {},
                  .bytes = {},
                  .pieces = {},
                  .routes = {},
                  .cell = {},
                  .token = ++tokens_};
  incoming_.emplace(id, std::move(arrival));
  carry_out(id, incoming_.at(id).machine.on_reserve(admitted, port_.now()));
}

void Mover::take(const Message& request, const Answer& answer) {
  const auto piece = request.as<wire::SnapshotPiece>();
  const ActorId id = read(piece.getId());
  const auto found = incoming_.find(id);
  if (found == incoming_.end() || found->second.record.epoch != piece.getEpoch()) {
    return answer(Error{Code::conflict, "actor " + id.short_text() +
                                            " has no reservation on node " + port_.self().name +
                                            " (any more)"});
  }
  Arrival& arrival = found->second;
  const MoveTarget::Phase phase = arrival.machine.phase();
  if (phase != MoveTarget::Phase::reserved && phase != MoveTarget::Phase::receiving) {
    return answer(Error{Code::conflict, "the snapshot of " + actor_text(arrival.record) +
                                            " is whole already, or not wanted yet"});
  }
  if (request.payloads().size() != 1) {
    return answer(Error{Code::corrupt, "a piece of a snapshot without bytes"});
  }
  const Result<bool> whole = store(arrival, piece, request.payloads()[0].bytes());
  if (whole && !*whole) {
    answer(Message::build<wire::PieceTaken>([](wire::PieceTaken::Builder) {}));
  } else {
    arrival.outcome = answer;
  }
  carry_out(id, arrival.machine.on_piece(whole, port_.now()));
}

Result<bool> Mover::store(Arrival& arrival, wire::SnapshotPiece::Reader piece,
                          std::span<const std::byte> bytes) {
  const auto refuse = [&](const std::string& why) {
    return Error{Code::corrupt, "snapshot of " + actor_text(arrival.record) + ": " + why};
  };
  const std::uint64_t total = piece.getTotalBytes();
  if (total == 0 || total > limits::moved_bytes_max) {
    return Error{Code::over_limit, "snapshot of " + actor_text(arrival.record) + " of " +
                                       std::to_string(total) + " bytes, limit " +
                                       std::to_string(limits::moved_bytes_max)};
  }
  if (!arrival.bytes) {
    constexpr auto alignment = std::align_val_t(64);
    arrival.bytes =
        std::shared_ptr<std::byte>(static_cast<std::byte*>(::operator new(total, alignment)),
                                   [](std::byte* p) { ::operator delete(p, alignment); });
    arrival.total_bytes = arrival.missing_bytes = total;
    arrival.pieces.resize((total + limits::move_piece_bytes - 1) / limits::move_piece_bytes);
  }
  const std::uint64_t offset = piece.getOffset();
  const std::uint64_t index = offset / limits::move_piece_bytes;
  if (total != arrival.total_bytes || offset % limits::move_piece_bytes != 0 ||
      index >= arrival.pieces.size() || arrival.pieces[index] ||
      bytes.size() != std::min<std::uint64_t>(limits::move_piece_bytes, total - offset)) {
    return refuse("a piece at byte " + std::to_string(offset) + " that does not fit");
  }
  if (checksum64(bytes) != piece.getChecksum()) {
    return refuse("damaged between byte " + std::to_string(offset) + " and " +
                  std::to_string(offset + bytes.size()));
  }
  std::copy(bytes.begin(), bytes.end(), arrival.bytes.get() + offset);
  arrival.pieces[index] = true;
  arrival.missing_bytes -= bytes.size();
  for (auto route : piece.getRoutes()) {
    arrival.routes.push_back(
        {read(route.getId()), {route.getNode().begin(), route.getNode().size()}, route.getEpoch()});
  }
  return arrival.missing_bytes == 0;
}

void Mover::carry_out(const ActorId& id, MoveTarget::Effects effects) {
  Arrival& arrival = incoming_.at(id);
  const std::uint64_t token = arrival.token;
  if (effects.answer && arrival.reserved) {
    const Answer reserved = std::exchange(arrival.reserved, {});
    reserved(*effects.answer ? Result<Message>(nothing())
                             : Result<Message>(effects.answer->error()));
  }
  if (effects.go_live) {
    ActorRecord record = arrival.record;
    record.node = port_.self();
    ++record.epoch;
    port_.learn(arrival.routes);
    port_.settle_in(record, *arrival.cell);
    arrival.cell->put(CellInput{CellInput::GoLive{}});
  }
  if (effects.drop && arrival.cell) {
    arrival.cell->drop();
    port_.on_unstaged(arrival.record, *arrival.machine.why());
  }
  if (effects.outcome && arrival.outcome) {
    const Answer outcome = std::exchange(arrival.outcome, {});
    if (*effects.outcome) {
      outcome(Message::build<wire::PieceTaken>(
          [](wire::PieceTaken::Builder out) { out.setCommitted(true); }));
    } else {
      outcome(effects.outcome->error());
    }
  }
  if (arrival.machine.ended()) {
    incoming_.erase(id);
    return;
  }
  watch_arrival(id);
  if (effects.make_ready) {
    port_.prewarm(arrival.record, [this, id, token](Result<void> ready) {
      port_.after(Duration(0), [this, id, token, ready = std::move(ready)] {
        const auto found = incoming_.find(id);
        if (found == incoming_.end() || found->second.token != token) return;
        carry_out(id, found->second.machine.on_ready(ready, port_.now()));
      });
    });
  }
  if (effects.prepare) prepare(id);
  if (effects.commit) commit(id);
  if (effects.read_record) ask_owner(id);
}

void Mover::prepare(const ActorId& id) {
  Arrival& arrival = incoming_.at(id);
  std::byte* first = arrival.bytes.get();
  Result<CellSnapshot> snapshot =
      decode_cell_snapshot(Blob::wrap(std::move(arrival.bytes), {first, arrival.total_bytes}));
  if (!snapshot) return carry_out(id, arrival.machine.on_prepared(snapshot.error(), port_.now()));
  ActorRecord record = arrival.record;
  record.node = port_.self();
  ++record.epoch;
  port_.on_staged(arrival.record);
  arrival.cell = port_.stage(
      record, *std::move(snapshot), [this, id, token = arrival.token](Result<void> prepared) {
        // On the cell's thread.
        port_.after(Duration(0), [this, id, token, prepared = std::move(prepared)] {
          const auto found = incoming_.find(id);
          if (found == incoming_.end() || found->second.token != token) return;
          carry_out(id, found->second.machine.on_prepared(prepared, port_.now()));
        });
      });
}

void Mover::commit(const ActorId& id) {
  Arrival& arrival = incoming_.at(id);
  const ActorRecord& record = arrival.record;
  const auto change = move_actor(record, id, record.epoch, record.node, port_.self());
  OMMA_CHECK(change.ok(), id.text());
  port_.change(*change, [this, id, token = arrival.token](
                            const Result<std::optional<ActorRecord>>& now_there) {
    const auto found = incoming_.find(id);
    if (found == incoming_.end() || found->second.token != token) return;
    Arrival& mine = found->second;
    const Result<Ownership> owner = now_there ? Result(owner_for_target(mine, *now_there))
                                              : Result<Ownership>(now_there.error());
    carry_out(id, mine.machine.on_owner(owner, port_.now()));
  });
}

void Mover::ask_owner(const ActorId& id) {
  port_.read(id, [this, id, token = incoming_.at(id).token](
                     const Result<std::optional<ActorRecord>>& now_there) {
    const auto found = incoming_.find(id);
    if (found == incoming_.end() || found->second.token != token) return;
    Arrival& mine = found->second;
    const Result<Ownership> owner = now_there ? Result(owner_for_target(mine, *now_there))
                                              : Result<Ownership>(now_there.error());
    carry_out(id, mine.machine.on_owner(owner, port_.now()));
  });
}

Ownership Mover::owner_for_target(const Arrival& arrival,
                                  const std::optional<ActorRecord>& record) {
  if (!record || record->state != ActorRecord::State::active) return Ownership::another;
  if (record->epoch == arrival.record.epoch && record->node == arrival.record.node) {
    return Ownership::source;
  }
  const bool mine = record->epoch == arrival.record.epoch + 1 && record->node == port_.self() &&
                    record->life == arrival.record.life;
  return mine ? Ownership::mine : Ownership::another;
}

void Mover::watch_arrival(const ActorId& id) {
  Arrival& arrival = incoming_.at(id);
  const auto deadline = arrival.machine.next_deadline();
  if (!deadline) return;
  port_.after(std::max(*deadline - port_.now(), Duration(0)), [this, id, token = arrival.token] {
    const auto found = incoming_.find(id);
    if (found == incoming_.end() || found->second.token != token) return;
    const auto due = found->second.machine.next_deadline();
    if (due && *due <= port_.now()) carry_out(id, found->second.machine.on_time(port_.now()));
  });
}

}  // namespace omma
