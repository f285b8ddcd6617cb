// The host's part in moves, checkpoints and take-overs.
#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/node/host.hpp"
#include "runtime/node/wire_records.hpp"

namespace omma {

namespace {

History::Numbers numbers_for_history(const Streams::Numbers& numbers) {
  History::Numbers all;
  for (const auto& in : numbers.in) {
    all.in.push_back({in.stream.sender, in.sender_life, in.stream.channel, in.processed});
  }
  for (const auto& out : numbers.out) {
    all.out.push_back(
        {out.stream.target, out.target_life, out.stream.channel, out.acknowledged, out.last});
  }
  return all;
}

}  // namespace

// --- Moves ---------------------------------------------------------------------------------------

void Host::move(const ActorId& id, const std::string& to_node, std::string reason,
                std::function<void(Result<MoveRecord>)> done) {
  strand_.post([this, id, to_node, reason = std::move(reason), done = std::move(done)] {
    mover_.move(id, to_node, reason, done);
  });
}

void Host::call(const std::string& peer, Message request, Duration timeout, Answer answer) {
  services_.hub->call(peer, std::move(request), timeout,
                      [this, answer = std::move(answer)](Result<Message> reply) {
                        strand_.post([answer, reply = std::move(reply)] { answer(reply); });
                      });
}

void Host::change(const RecordChange& change, Done<std::optional<ActorRecord>> done) {
  services_.directory.compare_and_set(
      change, [this, done = std::move(done)](Result<ChangeOutcome> outcome) {
        strand_.post([done, outcome = std::move(outcome)] {
          if (!outcome) return done(outcome.error());
          done(outcome->current);
        });
      });
}

void Host::read(const ActorId& id, Done<std::optional<ActorRecord>> done) {
  services_.directory.actor(
      id, [this, done = std::move(done)](Result<std::optional<ActorRecord>> record) {
        strand_.post([done, record = std::move(record)] { done(record); });
      });
}

std::optional<Resident> Host::resident(const ActorId& id) const {
  const auto found = residents_.find(id);
  return found == residents_.end() ? std::nullopt : std::optional(found->second);
}

Result<void> Host::may_leave(const ActorRecord& record) const {
  const ActorType* type = services_.types.find(record.type);
  if (type == nullptr || type->stays == nullptr) return {};
  return Error{Code::unsupported, actor_text(record) + " stays on its node: " + type->stays};
}

Result<void> Host::admit(const ActorRecord& record) const {
  const std::string who = actor_text(record);
  const bool may_come =
      services_.more_types != nullptr && services_.types.find(record.type) == nullptr;
  if (auto known = check_type(record.type, record.config); !known && !may_come) return known;
  if (!may_work(services_.clock.now())) {
    return Error{Code::unavailable,
                 "node " + self_.name + " has no lease from the head now; try again"};
  }
  if (residents_.contains(record.id) || taking_over_.contains(record.id)) {
    return Error{Code::conflict, who + " lives on node " + self_.name + ", as far as it knows"};
  }
  if (residents_.size() >= limits::actors_per_node_max) {
    return Error{Code::over_limit, "node " + self_.name + " has " +
                                       std::to_string(residents_.size()) + " actors, limit " +
                                       std::to_string(limits::actors_per_node_max)};
  }
  return {};
}

void Host::prewarm(const ActorRecord& record, std::function<void(Result<void>)> done) {
  with_type(record.type, record.node.name, [this, record, done](const Result<void>& brought) {
    if (!brought) return done(brought);
    if (auto known = check_type(record.type, record.config); !known) return done(known);
    const ActorType* type = services_.types.find(record.type);
    if (!type->prewarm) return done({});
    type->prewarm(record.config, done);
  });
}

Cell Host::stage(const ActorRecord& record, CellSnapshot snapshot,
                 std::function<void(Result<void>)> prepared) {
  if (services_.history != nullptr) {
    staged_numbers_[record.id] = Streams::numbers_of(snapshot.streams);
  }
  const Cell cell = spawn(record, std::make_shared<Continuation>(
                                      Continuation{std::move(snapshot), "", std::move(prepared)}));
  cell.put(CellInput{CellInput::FlushAcks{}});  // Begins it.
  return cell;
}

std::vector<RouteHint> Host::routes_of(const std::vector<ActorId>& peers) const {
  std::vector<RouteHint> hints;
  for (const ActorId& peer : peers) {
    const std::optional<Route> way = services_.switchboard.route(peer);
    if (!way) continue;
    const auto* remote = std::get_if<RemoteRoute>(&way->way);
    hints.push_back({peer, remote == nullptr ? self_.name : remote->node, way->epoch});
  }
  return hints;
}

void Host::learn(const std::vector<RouteHint>& routes) {
  for (const RouteHint& hint : routes) {
    if (hint.node == self_.name) continue;  // We know better who lives here.
    services_.switchboard.learn_route(hint.id, hint.node, hint.epoch);
  }
}

void Host::settle_in(const ActorRecord& record, Cell cell) {
  note_begun(record, History::Beginning::moved);
  settle(record, std::move(cell));
  std::lock_guard lock(mutex_);
  ++counters_.moved_in;
}

void Host::move_out(const ActorId& id, const std::string& node, std::uint64_t epoch,
                    const std::vector<ActorId>& peers) {
  const auto found = residents_.find(id);
  if (services_.history != nullptr && found != residents_.end()) {
    services_.history->ended(found->second.record, History::Ending::moved);
  }
  residents_.erase(id);
  services_.switchboard.set_route(id, Route{RemoteRoute{node}, epoch});
  for (const ActorId& peer : peers) {
    if (residents_.contains(peer)) tell(peer, {id, epoch});
  }
  std::lock_guard lock(mutex_);
  ++counters_.moved_out;
}

void Host::keep_under(const ActorRecord& record) {
  const auto found = residents_.find(record.id);
  if (found != residents_.end()) settle(record, found->second.cell);
}

void Host::report(const MoveRecord& move) {
  {
    std::lock_guard lock(mutex_);
    if (move.outcome == MoveRecord::Outcome::refused) ++counters_.moves_refused;
    if (move.outcome == MoveRecord::Outcome::aborted) ++counters_.moves_aborted;
  }
  if (move.outcome == MoveRecord::Outcome::moved) move_pauses_.add(move.pause);
  if (services_.history != nullptr) services_.history->move_ended(move);
  services_.directory.append_move(move, [this](const Result<bool>& done) {
    if (!done) services_.log.warn("host", "move not logged: " + done.error().describe());
  });
}

// --- The history ---------------------------------------------------------------------------------

void Host::on_frozen(const Resident& resident, const std::string& to,
                     const Streams::Numbers& numbers) {
  if (services_.history == nullptr) return;
  services_.history->frozen(resident.record, to, numbers_for_history(numbers));
}

void Host::on_thawed(const ActorRecord& record) {
  if (services_.history != nullptr) services_.history->thawed(record);
}

void Host::on_staged(const ActorRecord& record) {
  if (services_.history != nullptr) services_.history->staged(record);
}

void Host::on_unstaged(const ActorRecord& record, const Error& why) {
  if (services_.history == nullptr) return;
  staged_numbers_.erase(record.id);
  services_.history->unstaged(record, why.message);
}

void Host::note_begun(const ActorRecord& record, History::Beginning how) {
  if (services_.history == nullptr) return;
  services_.history->begun(record, how, numbers_for_history(staged_numbers_[record.id]));
  staged_numbers_.erase(record.id);
}

void Host::alarm(const std::string& text) {
  services_.log.error("host", text);
}

// --- Checkpoints ---------------------------------------------------------------------------------

void Host::keep(const ActorId& id, CellCheckpoint checkpoint) {
  strand_.post([this, id, checkpoint = std::move(checkpoint)] {
    const auto found = residents_.find(id);
    if (found == residents_.end()) return;
    const ActorRecord& record = found->second.record;
    if (services_.history != nullptr) {
      services_.history->checkpoint(record, checkpoint.number, checkpoint.keeps_life,
                                    numbers_for_history(checkpoint.numbers));
    }
    const auto done = [this, id, epoch = record.epoch, cell = found->second.cell,
                       number = checkpoint.number](const Result<void>& kept) {
      if (services_.history != nullptr) services_.history->kept(id, epoch, number, kept.ok());
      {
        std::lock_guard lock(mutex_);
        ++(kept ? counters_.checkpoints : counters_.checkpoints_failed);
      }
      cell.put(CellInput{CellInput::Checkpointed{number, kept}});
    };
    keeper_.keep({Checkpoint{.id = id,
                             .epoch = record.epoch,
                             .number = checkpoint.number,
                             .keeps_life = checkpoint.keeps_life,
                             .state = checkpoint.bytes},
                  done});
  });
}

// --- Take-overs ----------------------------------------------------------------------------------

void Host::take_over(const ActorId& id, Revived done) {
  strand_.post([this, id, done = std::move(done)] {
    const auto resident = residents_.find(id);
    if (resident != residents_.end()) return done(Revival{resident->second.record});
    if (mover_.is_coming(id) || !taking_over_.insert(id).second) {
      return done(Error{Code::conflict, "actor " + id.short_text() + " is on its way to node " +
                                            self_.name + " already; ask again"});
    }
    read_for_take_over(id, [this, id, done](Result<Revival> revival) {
      taking_over_.erase(id);
      done(std::move(revival));
    });
  });
}

void Host::read_for_take_over(const ActorId& id, Revived done) {
  services_.directory.actor(id, [this, id, done](Result<std::optional<ActorRecord>> record) {
    services_.directory.checkpoint(id, [this, id, done, record = std::move(record)](
                                           Result<std::optional<Checkpoint>> checkpoint) {
      strand_.post([this, id, done, record, checkpoint = std::move(checkpoint)] {
        if (!record) return done(record.error());
        if (!checkpoint) return done(checkpoint.error());
        if (!*record || (*record)->state != ActorRecord::State::active) {
          return done(Error{Code::not_found, "actor " + id.short_text() + " has ended"});
        }
        with_type(
            (*record)->type, "",
            [this, wanted = TakeOver{**record, *checkpoint, done}](const Result<void>& brought) {
              if (!brought) return wanted.done(brought.error());
              const auto known = check_type(wanted.record.type, wanted.record.config);
              if (!known) return wanted.done(known.error());
              prepare_take_over(wanted);
            });
      });
    });
  });
}

// What the checkpoint says; none where it says nothing that can be used, and the actor begins anew.
std::optional<CellSnapshot> Host::snapshot_in(const TakeOver& wanted) {
  if (!wanted.checkpoint) return std::nullopt;
  Result<CellSnapshot> snapshot = decode_cell_snapshot(wanted.checkpoint->state);
  if (snapshot) return *std::move(snapshot);
  services_.log.error("host", "checkpoint of " + wanted.record.name +
                                  " not read, it begins anew: " + snapshot.error().describe());
  return std::nullopt;
}

void Host::prepare_take_over(TakeOver wanted) {
  const ActorType* type = services_.types.find(wanted.record.type);
  std::optional<CellSnapshot> snapshot = snapshot_in(wanted);
  // A durable actor without a checkpoint has acknowledged nothing and sent nothing.
  const bool keeps_life =
      snapshot ? wanted.checkpoint->keeps_life && snapshot->life == wanted.record.life
               : type->durable(wanted.record.config) && !wanted.checkpoint;
  if (!snapshot || type->stays != nullptr) return win(std::move(wanted), keeps_life, std::nullopt);
  ActorRecord next = wanted.record;
  next.node = self_;
  ++next.epoch;
  if (!keeps_life) next.life = next.epoch;
  // Made before it is won: whoever cannot make it should not have it.
  auto cell = std::make_shared<std::optional<Cell>>();
  const auto prepared = [this, wanted, keeps_life, cell](Result<void> made) {
    strand_.post([this, wanted, keeps_life, cell, made = std::move(made)] {
      if (made) return win(wanted, keeps_life, *cell);
      (*cell)->drop();
      services_.log.error("host", "checkpoint of " + wanted.record.name +
                                      " not loaded, it begins anew: " + made.error().describe());
      win(wanted, false, std::nullopt);
    });
  };
  if (services_.history != nullptr && keeps_life) {
    staged_numbers_[next.id] = Streams::numbers_of(snapshot->streams);
  }
  *cell = spawn(next, std::make_shared<Continuation>(
                          Continuation{*std::move(snapshot), wanted.record.node.name, prepared}));
  (*cell)->put(CellInput{CellInput::FlushAcks{}});  // Begins it.
}

void Host::win(TakeOver wanted, bool keeps_life, std::optional<Cell> cell) {
  const Result<RecordChange> change =
      omma::take_over(wanted.record, wanted.record.id, wanted.record.epoch, self_, keeps_life);
  if (!change) {
    if (cell) cell->drop();
    return wanted.done(change.error());
  }
  services_.directory.compare_and_set(
      *change, [this, wanted = std::move(wanted), keeps_life,
                cell = std::move(cell)](Result<ChangeOutcome> outcome) {
        strand_.post([this, wanted, keeps_life, cell, outcome = std::move(outcome)] {
          on_won(wanted, keeps_life, cell, outcome);
        });
      });
}

void Host::on_won(const TakeOver& wanted, bool keeps_life, std::optional<Cell> cell,
                  Result<ChangeOutcome> outcome) {
  if (!outcome && outcome.error().code == Code::unavailable) {
    // It may have been applied and its answer lost; then nobody else would ever look after the
    // actor. The same again finds out, or does it now.
    return strand_.post_after(limits::checkpoint_retry_delay,
                              [this, wanted, keeps_life, cell] { win(wanted, keeps_life, cell); });
  }
  const bool won = outcome && outcome->current && outcome->current->node == self_ &&
                   outcome->current->epoch == wanted.record.epoch + 1;
  if (!won) {
    staged_numbers_.erase(wanted.record.id);
    if (cell) cell->drop();
    if (!outcome) return wanted.done(outcome.error());
    return wanted.done(
        Error{Code::conflict, actor_text(wanted.record) + " changed meanwhile; look again"});
  }
  const ActorRecord& record = *outcome->current;
  if (services_.types.find(record.type)->stays != nullptr) {
    return end_what_stays(record, wanted.done);
  }
  const bool continues = cell.has_value();
  if (!continues) staged_numbers_.erase(record.id);
  note_begun(record, History::Beginning::taken_over);
  if (!cell) cell = spawn(record, nullptr);
  settle(record, *cell);
  cell->put(continues ? CellInput{CellInput::GoLive{}} : CellInput{CellInput::FlushAcks{}});
  {
    std::lock_guard lock(mutex_);
    ++counters_.taken_over;
  }
  services_.log.info(
      "host", "took over " + actor_text(record),
      {{"from", wanted.record.node.name},
       {"epoch", std::to_string(record.epoch)},
       {"checkpoint", continues ? std::to_string(wanted.checkpoint->number) : "none"},
       {"life", keeps_life ? "kept" : "new"}});
  wanted.done(Revival{record, continues ? wanted.checkpoint->state.size() : 0});
}

// What belongs to a node ends with it.
void Host::end_what_stays(const ActorRecord& record, const Revived& done) {
  const auto change = omma::retire(record, record.id, record.epoch, self_);
  OMMA_CHECK(change.ok(), record.id.text());
  services_.directory.compare_and_set(*change, [record, done](Result<ChangeOutcome> outcome) {
    if (!outcome) return done(outcome.error());
    done(Revival{record});
  });
}

}  // namespace omma
