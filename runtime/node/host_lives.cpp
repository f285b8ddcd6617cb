// The host's own actors: how they begin and end, and when they may work.
#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/base/mutants.hpp"
#include "runtime/node/host.hpp"
#include "runtime/node/node_port.hpp"

namespace omma {
namespace {

// A turn that runs longer than this while the node stops is a bug worth a line in the log.
constexpr Duration stop_patience = std::chrono::seconds(5);

}  // namespace

void Host::activate(const StageSpec& spec, Found done) {
  strand_.post([this, spec, done = std::move(done)] {
    const auto resident = residents_.find(spec.id);
    if (resident != residents_.end()) return done(resident->second.record);
    auto& waiting = beginnings_[spec.id];
    waiting.push_back(done);
    if (waiting.size() > 1) return;
    with_type(spec.type, "", [this, spec](const Result<void>& known) {
      known ? begin(spec) : on_begun(spec.id, known.error());
    });
  });
}

void Host::begin(const StageSpec& spec) {
  if (auto known = check_type(spec.type, spec.config); !known) {
    return on_begun(spec.id, known.error());
  }
  services_.directory.actor(spec.id, [this, spec](Result<std::optional<ActorRecord>> current) {
    const auto report = [this, id = spec.id](Result<ActorRecord> record) {
      strand_.post([this, id, record = std::move(record)] { on_begun(id, record); });
    };
    if (!current) return report(current.error());
    if (*current && (*current)->state == ActorRecord::State::active) return report(**current);
    const Result<RecordChange> change =
        omma::activate(*current, spec.id, spec.type, spec.name, spec.config, self_);
    if (!change) return report(change.error());
    services_.directory.compare_and_set(*change, [report](Result<ChangeOutcome> outcome) {
      if (!outcome) return report(outcome.error());
      if (!outcome->current) return report(Error{Code::internal, "a change left no record"});
      if (outcome->current->state != ActorRecord::State::active) {
        return report(Error{Code::conflict, "it lived and ended meanwhile; ask again"});
      }
      report(*outcome->current);
    });
  });
}

void Host::on_begun(const ActorId& id, Result<ActorRecord> record) {
  if (record && lives_here(*record) && !residents_.contains(id)) {
    note_begun(*record, History::Beginning::anew);
    const Cell cell = spawn(*record, nullptr);
    settle(*record, cell);
    {
      std::lock_guard lock(mutex_);
      ++counters_.activated;
    }
    services_.log.info("host", "activated " + actor_text(*record),
                       {{"actor", record->id.text()}, {"epoch", std::to_string(record->epoch)}});
    cell.put(CellInput{CellInput::FlushAcks{}});  // Its first turn, now that it can be reached.
  }
  const auto found = beginnings_.find(id);
  if (found == beginnings_.end()) return;
  const std::vector<Found> waiting = std::move(found->second);
  beginnings_.erase(found);
  for (const Found& done : waiting) done(record);
}

// What a peer or the directory's file says an actor is made of.
Result<void> Host::check_type(const std::string& name, std::span<const std::byte> config) const {
  const ActorType* type = services_.types.find(name);
  if (type != nullptr) return type->check_config(config);
  return Error{Code::unsupported, "node " + self_.name + " knows no actor type '" + name +
                                      "'; all nodes must run the same build"};
}

// Goes on, on the strand, when this node knows the type or cannot get it.
void Host::with_type(const std::string& name, const std::string& peer,
                     std::function<void(Result<void>)> next) {
  if (services_.more_types == nullptr || services_.types.find(name) != nullptr) return next({});
  services_.more_types->bring(name, peer, [this, next = std::move(next)](Result<void> brought) {
    strand_.post([next, brought = std::move(brought)] { next(brought); });
  });
}

Cell Host::spawn(const ActorRecord& record, std::shared_ptr<Continuation> continuation) {
  const ActorType* type = services_.types.find(record.type);
  OMMA_CHECK(type != nullptr, record.type);
  DurationTally* turn_times = nullptr;
  {
    std::lock_guard lock(mutex_);
    ++ports_;
    if (services_.times_turns) turn_times = &turn_times_[record.type];
    // A stage may be wanted again by its configuration. What is no stage lives once: whoever asks
    // for a session that was stopped must not begin it anew.
    if (!type->retire_when_unused) specs_.erase(record.id);
  }
  const CellCore::Identity identity{record.id,     record.type,  record.name,
                                    record.config, record.epoch, record.life};
  return services_.scheduler.spawn({identity, *type,
                                    [this, record, turn_times](const Cell& own) {
                                      return std::make_unique<NodePort>(
                                          record.id, actor_text(record), own, services_, *this,
                                          turn_times);
                                    },
                                    std::move(continuation)});
}

// From now on it can be reached here.
void Host::settle(const ActorRecord& record, Cell cell) {
  residents_.insert_or_assign(record.id, Resident{record, cell});
  // It may have stood still by itself while it was made, and was not among those that were told
  // when the lease was good again.
  cell.put(CellInput{CellInput::Suspend{fenced_}});
  services_.switchboard.set_route(record.id, Route{LocalRoute{std::move(cell)}, record.epoch});
}

void Host::retire(const ActorId& id) {
  strand_.post([this, id] {
    const auto found = residents_.find(id);
    if (found == residents_.end()) return;
    const ActorRecord record = found->second.record;
    const Result<RecordChange> change = omma::retire(record, id, record.epoch, self_);
    OMMA_CHECK(change.ok(), id.text());
    services_.directory.compare_and_set(*change, [this, record](Result<ChangeOutcome> outcome) {
      strand_.post([this, record, outcome = std::move(outcome)] {
        if (!outcome) {  // Not ended until the directory says so; the same again in a while.
          services_.log.warn(
              "host", "retirement of " + record.name + " waits: " + outcome.error().describe());
          return strand_.post_after(limits::resend_after_max,
                                    [this, id = record.id] { retire(id); });
        }
        const auto ending = residents_.find(record.id);
        if (ending == residents_.end()) return;
        if (services_.history != nullptr) {
          services_.history->ended(record, History::Ending::retired);
        }
        close_account(ending->second.cell);
        ending->second.cell.stop();
        services_.switchboard.erase_route(record.id);
        residents_.erase(ending);
        std::lock_guard lock(mutex_);
        ++counters_.retired;
      });
    });
  });
}

void Host::close_account(const Cell& cell) {
  cell.put(CellInput{CellInput::ReportWanted{[this](const CellReport& report) {
    const Accounts last = accounts_of(report);
    std::lock_guard lock(mutex_);
    const Accounts both[] = {closed_, last};
    closed_ = merge(both);
    closed_health_[report.type] += report.health;
  }}});
}

std::optional<Cell> Host::cell(const ActorId& id) const {
  const std::optional<Route> route = services_.switchboard.route(id);
  if (!route) return std::nullopt;
  const auto* local = std::get_if<LocalRoute>(&route->way);
  if (local == nullptr) return std::nullopt;
  return local->cell;
}

void Host::stop_all() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  strand_.close();  // So that no cell begins which is not among those that are stopped here.
  for (const auto& [id, cell] : services_.switchboard.cells()) cell.stop();
  std::unique_lock lock(mutex_);
  if (!ports_gone_.wait_for(lock, stop_patience, [this] { return ports_ == 0; })) {
    services_.log.error("host", "cells do not end", {{"cells", ports_}});
  }
}

// --- Leases --------------------------------------------------------------------------------------

bool Host::may_work(Instant now) const {
  if (OMMA_MUTANT(lease_not_checked)) return true;
  return !fenced_ && nanoseconds_of(now) < lease_until_ns_;
}

void Host::extend_lease(Instant until) {
  const std::int64_t before = lease_until_ns_.exchange(nanoseconds_of(until));
  // It had run out: cells may have stood still by themselves.
  if (before <= nanoseconds_of(services_.clock.now()) && !fenced_) set_fenced(false);
}

void Host::set_fenced(bool fenced) {
  fenced_ = fenced;
  if (services_.history != nullptr) services_.history->fenced(fenced);
  strand_.post([this, fenced] {
    for (const auto& [id, resident] : residents_) {
      resident.cell.put(CellInput{CellInput::Suspend{fenced}});
    }
  });
}

void Host::abandon_all() {
  fenced_ = true;
  strand_.post([this] {
    mover_.abandon();
    for (const auto& [id, resident] : residents_) {
      if (services_.history != nullptr) {
        services_.history->ended(resident.record, History::Ending::fenced);
      }
      services_.switchboard.erase_route(id);
      resident.cell.drop();
    }
    residents_.clear();
  });
}

}  // namespace omma
