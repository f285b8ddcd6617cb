#include "runtime/node/mover.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/hash.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/node/wire_records.hpp"

namespace omma {
namespace {

std::string text_of(const ActorRecord& record) {
  return record.type + " '" + record.name + "'";
}

Message nothing() {
  return Message::build<wire::Nothing>([](wire::Nothing::Builder) {});
}

}  // namespace

// --- Out -----------------------------------------------------------------------------------------

void Mover::move(const ActorId& id, const std::string& to, const std::string& reason, Done done) {
  const auto resident = port_.resident(id);
  if (!resident) {
    return done(Error{Code::not_found, "actor " + id.short_text() + " does not live on node " +
                                           port_.self().name + "; ask again where it does"});
  }
  const std::string who = text_of(resident->record);
  if (outgoing_.contains(id)) {
    return done(Error{Code::conflict, who + " is being moved to node " + outgoing_.at(id).to +
                                          " already; wait for that to end"});
  }
  if (to == port_.self().name) {
    return done(
        Error{Code::invalid_argument, who + " lives on node " + to + " already; nothing to move"});
  }
  if (auto may = port_.may_leave(resident->record); !may) return done(may.error());
  outgoing_.emplace(id, Departure{.machine = MoveSource(times_),
                                  .resident = *resident,
                                  .to = to,
                                  .reason = reason,
                                  .done = std::move(done),
                                  .begun = port_.wall_now(),
                                  .frozen = {},
                                  .token = ++tokens_});
  carry_out(id, outgoing_.at(id).machine.begin(port_.now()));
}

void Mover::carry_out(const ActorId& id, MoveSource::Effects effects) {
  Departure& departure = outgoing_.at(id);
  const std::uint64_t token = departure.token;
  if (effects.alarm) {
    port_.alarm(text_of(departure.resident.record) +
                " stands still: its move failed and the directory does not answer");
  }
  if (effects.thaw) {
    if (effects.epoch_raised) port_.keep_under(departure.resident.record);
    if (!departure.frozen.snapshot.empty()) port_.on_thawed(departure.resident.record);
    departure.resident.cell.put(CellInput{
        CellInput::Thaw{effects.epoch_raised ? departure.resident.record.epoch : 0}});
  }
  if (departure.machine.ended()) return end(id);
  watch_departure(id);
  if (effects.reserve) {
    Message request = Message::build<wire::ReserveMove>([&](wire::ReserveMove::Builder out) {
      write(out.initRecord(), departure.resident.record);
    });
    port_.call(departure.to, std::move(request), times_.reserve_patience,
               [this, id, token](const Result<Message>& reply) {
                 const auto found = outgoing_.find(id);
                 if (found == outgoing_.end() || found->second.token != token) return;
                 const Result<void> answer = reply ? Result<void>() : Result<void>(reply.error());
                 carry_out(id, found->second.machine.on_reserved(answer, port_.now()));
               });
    return;
  }
  if (effects.freeze) return freeze(id);
  for (const MoveSource::Piece& piece : effects.send) send(id, piece);
  if (effects.call_off) call_off(id);
}

void Mover::freeze(const ActorId& id) {
  const std::uint64_t token = outgoing_.at(id).token;
  outgoing_.at(id).resident.cell.put(
      CellInput{CellInput::Freeze{[this, id, token](Result<CellInput::Frozen> frozen) {
        // On the cell's thread.
        port_.after(Duration(0), [this, id, token, frozen = std::move(frozen)] {
          const auto found = outgoing_.find(id);
          if (found == outgoing_.end() || found->second.token != token) return;
          Departure& departure = found->second;
          Result<std::uint64_t> bytes = frozen ? Result<std::uint64_t>(frozen->snapshot.size())
                                               : Result<std::uint64_t>(frozen.error());
          if (frozen) {
            departure.frozen = *frozen;
            port_.on_frozen(departure.resident, departure.to, frozen->numbers);
          }
          carry_out(id, departure.machine.on_frozen(bytes, port_.now()));
        });
      }}});
}

void Mover::send(const ActorId& id, const MoveSource::Piece& piece) {
  Departure& departure = outgoing_.at(id);
  const Blob bytes = departure.frozen.snapshot.part(piece.offset, piece.bytes);
  Message request = Message::build<wire::SnapshotPiece>(
      [&](wire::SnapshotPiece::Builder out) {
        write(out.initId(), id);
        out.setEpoch(departure.resident.record.epoch);
        out.setTotalBytes(departure.frozen.snapshot.size());
        out.setOffset(piece.offset);
        out.setChecksum(checksum64(bytes.bytes()));
        if (piece.offset != 0) return;
        const std::vector<RouteHint> routes = port_.routes_of(departure.frozen.peers);
        auto list = out.initRoutes(static_cast<unsigned>(routes.size()));
        for (unsigned i = 0; i < list.size(); ++i) {
          write(list[i].initId(), routes[i].id);
          list[i].setNode(routes[i].node);
          list[i].setEpoch(routes[i].epoch);
        }
      },
      {bytes});
  const auto on_reply = [this, id, token = departure.token,
                         offset = piece.offset](const Result<Message>& reply) {
    const auto found = outgoing_.find(id);
    if (found == outgoing_.end() || found->second.token != token) return;
    MoveSource& machine = found->second.machine;
    const bool committed = reply && reply->is<wire::PieceTaken>() &&
                           reply->as<wire::PieceTaken>().getCommitted();
    if (committed) return carry_out(id, machine.on_outcome({}, port_.now()));
    const Result<void> answer = reply ? Result<void>() : Result<void>(reply.error());
    carry_out(id, machine.on_piece_taken(offset, answer, port_.now()));
  };
  // The source's own budget ends the move, not the call.
  port_.call(departure.to, std::move(request), times_.freeze_budget * 4, on_reply);
}

void Mover::call_off(const ActorId& id) {
  const Departure& departure = outgoing_.at(id);
  const ActorRecord& record = departure.resident.record;
  const auto change = move_actor(record, id, record.epoch, port_.self(), port_.self());
  OMMA_CHECK(change.ok(), id.text());
  port_.change(*change, [this, id, token = departure.token](
                            const Result<std::optional<ActorRecord>>& now_there) {
    const auto found = outgoing_.find(id);
    if (found == outgoing_.end() || found->second.token != token) return;
    Departure& mine = found->second;
    if (!now_there) return carry_out(id, mine.machine.on_called_off(now_there.error(), port_.now()));
    const bool here = *now_there && (*now_there)->state == ActorRecord::State::active &&
                      (*now_there)->node == port_.self() &&
                      (*now_there)->epoch == mine.resident.record.epoch + 1 &&
                      (*now_there)->life == mine.resident.record.life;
    if (here) mine.resident.record = **now_there;
    carry_out(id, mine.machine.on_called_off(here ? Ownership::mine : Ownership::another,
                                             port_.now()));
  });
}

void Mover::end(const ActorId& id) {
  Departure departure = std::move(outgoing_.at(id));
  outgoing_.erase(id);
  const MoveSource& machine = departure.machine;
  const bool moved = machine.phase() == MoveSource::Phase::moved;
  const ActorRecord& record = departure.resident.record;
  MoveRecord result{.when = departure.begun,
                    .id = id,
                    .type = record.type,
                    .name = record.name,
                    .from = port_.self().name,
                    .to = departure.to,
                    .outcome = moved                  ? MoveRecord::Outcome::moved
                               : machine.has_paused() ? MoveRecord::Outcome::aborted
                                                      : MoveRecord::Outcome::refused,
                    .reason = departure.reason,
                    .pause = machine.pause(port_.now()),
                    .bytes = departure.frozen.snapshot.size()};
  if (moved) {
    departure.resident.cell.drop();
    port_.move_out(id, departure.to, record.epoch + 1, departure.frozen.peers);
  } else if (machine.why()) {
    result.reason = machine.why()->describe();
  }
  port_.report(result);
  departure.done(std::move(result));
}

void Mover::watch_departure(const ActorId& id) {
  Departure& departure = outgoing_.at(id);
  const auto deadline = departure.machine.next_deadline();
  if (!deadline) return;
  port_.after(std::max(*deadline - port_.now(), Duration(0)), [this, id,
                                                               token = departure.token] {
    const auto found = outgoing_.find(id);
    if (found == outgoing_.end() || found->second.token != token) return;
    const auto due = found->second.machine.next_deadline();
    if (due && *due <= port_.now()) carry_out(id, found->second.machine.on_time(port_.now()));
  });
}

// --- In ------------------------------------------------------------------------------------------

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
  if (!record) return answer(Error{Code::invalid_argument, "a move of an actor without a record"});
  const ActorId id = record->id;
  const auto open = incoming_.find(id);
  if (open != incoming_.end() && open->second.record.epoch >= record->epoch) {
    return answer(Error{Code::conflict, text_of(*record) + " is being moved to node " +
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
    admitted = Error{Code::overloaded, "node " + port_.self().name + " takes in " +
                                           std::to_string(incoming_.size()) +
                                           " actors already, limit " +
                                           std::to_string(limits::moves_staged_max) +
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
    return answer(Error{Code::conflict, "actor " + id.short_text() + " has no reservation on node " +
                                            port_.self().name + " (any more)"});
  }
  Arrival& arrival = found->second;
  const MoveTarget::Phase phase = arrival.machine.phase();
  if (phase != MoveTarget::Phase::reserved && phase != MoveTarget::Phase::receiving) {
    return answer(Error{Code::conflict, "the snapshot of " + text_of(arrival.record) +
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
    return Error{Code::corrupt, "snapshot of " + text_of(arrival.record) + ": " + why};
  };
  const std::uint64_t total = piece.getTotalBytes();
  if (total == 0 || total > limits::moved_bytes_max) {
    return Error{Code::over_limit, "snapshot of " + text_of(arrival.record) + " of " +
                                       std::to_string(total) + " bytes, limit " +
                                       std::to_string(limits::moved_bytes_max)};
  }
  if (!arrival.bytes) {
    constexpr auto alignment = std::align_val_t(64);
    arrival.bytes = std::shared_ptr<std::byte>(
        static_cast<std::byte*>(::operator new(total, alignment)),
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

void Mover::abandon() {
  for (auto& [id, arrival] : incoming_) {
    if (arrival.cell) arrival.cell->drop();
  }
  incoming_.clear();
  outgoing_.clear();
}

}  // namespace omma
