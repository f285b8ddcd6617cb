// Moves away from this node.
#include "runtime/node/mover.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/hash.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/node/wire_records.hpp"

namespace omma {
void Mover::move(const ActorId& id, const std::string& to, const std::string& reason, Done done) {
  const auto resident = port_.resident(id);
  if (!resident) {
    return done(Error{Code::not_found, "actor " + id.short_text() + " does not live on node " +
                                           port_.self().name + "; ask again where it does"});
  }
  const std::string who = actor_text(resident->record);
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
    port_.alarm(actor_text(departure.resident.record) +
                " stands still: its move failed and the directory does not answer");
  }
  if (effects.thaw) {
    if (effects.epoch_raised) port_.keep_under(departure.resident.record);
    if (!departure.frozen.snapshot.empty()) port_.on_thawed(departure.resident.record);
    departure.resident.cell.put(
        CellInput{CellInput::Thaw{effects.epoch_raised ? departure.resident.record.epoch : 0}});
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
    const bool committed =
        reply && reply->is<wire::PieceTaken>() && reply->as<wire::PieceTaken>().getCommitted();
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
    if (!now_there)
      return carry_out(id, mine.machine.on_called_off(now_there.error(), port_.now()));
    const bool here = *now_there && (*now_there)->state == ActorRecord::State::active &&
                      (*now_there)->node == port_.self() &&
                      (*now_there)->epoch == mine.resident.record.epoch + 1 &&
                      (*now_there)->life == mine.resident.record.life;
    if (here) mine.resident.record = **now_there;
    carry_out(id,
              mine.machine.on_called_off(here ? Ownership::mine : Ownership::another, port_.now()));
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
  port_.after(std::max(*deadline - port_.now(), Duration(0)), [this, id, token = departure.token] {
    const auto found = outgoing_.find(id);
    if (found == outgoing_.end() || found->second.token != token) return;
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
