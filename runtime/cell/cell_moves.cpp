// What of a CellCore goes along with a move or into a checkpoint, and how it goes on from that.
#include <algorithm>
#include <exception>
#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/base/mutants.hpp"
#include "runtime/cell/cell_core.hpp"
#include "runtime/protocol/directory_record.hpp"

namespace omma {

// --- Saving --------------------------------------------------------------------------------------

// All but the actor's own state and the streams.
CellSnapshot CellCore::saved_part() const {
  // Whatever calls this comes between two inputs, and those of the control channel never wait.
  OMMA_CHECK(control_inputs_.empty(), identity_.type, control_inputs_.size());
  const Instant now = port_.now();
  CellSnapshot saved;
  saved.id = identity_.id;
  saved.type = identity_.type;
  saved.life = identity_.life;
  for (const OutletBase* outlet : actor_->outlets()) {
    saved.outlets.push_back({outlet->message_type(), outlet->subscribers()});
  }
  for (const auto& [key, subscribed] : subscribed_) {
    saved.subscriptions.push_back({key.first, key.second, subscribed.spec, subscribed.options});
  }
  for (const auto& [timer, when] : timers_) {
    if (OMMA_MUTANT(timers_left_behind)) break;
    saved.timers[timer] = std::max(when - now, Duration(0));
  }
  for (const auto& [correlation, request] : requests_) {
    saved.requests.push_back(
        {correlation, request.target, std::max(request.deadline - now, Duration(0))});
  }
  saved.next_id = next_id_;
  saved.turns = turns_;
  if (linger_until_) saved.linger = std::max(*linger_until_ - now, Duration(0));
  saved.stage = stage_;
  for (auto& [origin, counts] : saved.stage) counts.received -= std::exchange(counts.held, 0);
  saved.captured = captured_;
  saved.health = health_;
  saved.died_with = died_with_;
  saved.checkpoints = checkpoints_;
  return saved;
}

Result<CellSnapshot> CellCore::snapshot() const {
  if (phase_ == Phase::active) {
    Result<CellSnapshot> saved = saved_actor();
    if (saved) saved->streams = streams_.save();
    return saved;
  }
  return Error{Code::conflict, actor_text(identity_.type, identity_.name) +
                                   (phase_ == Phase::broken ? " could not be made and does not run"
                                                            : " is ending") +
                                   "; there is nothing to move"};
}

// All but the streams.
Result<CellSnapshot> CellCore::saved_actor() const {
  const std::string who = actor_text(identity_.type, identity_.name);
  CellSnapshot saved = saved_part();
  try {
    saved.state = type_.save(*actor_);
  } catch (const std::exception& thrown) {
    return Error{Code::internal, who + ": save threw: " + thrown.what() + "; it stays where it is"};
  } catch (...) {
    return Error{Code::internal, who + ": save threw; it stays where it is"};
  }
  if (saved.state.size_bytes() > limits::snapshot_bytes_max) {
    return Error{Code::over_limit, who + ": state of " + std::to_string(saved.state.size_bytes()) +
                                       " bytes, limit " +
                                       std::to_string(limits::snapshot_bytes_max) +
                                       "; an actor keeps what is large in files"};
  }
  return saved;
}

// --- Going on ------------------------------------------------------------------------------------

Result<void> CellCore::prepare(CellSnapshot snapshot, std::string died_with) {
  const std::string who = actor_text(identity_.type, identity_.name);
  if (snapshot.id != identity_.id || snapshot.type != identity_.type) {
    return Error{Code::corrupt, who + ": a snapshot of another actor, " + snapshot.type + " " +
                                    snapshot.id.short_text()};
  }
  try {
    actor_ = type_.make(identity_.config);
    for (auto& saved : snapshot.outlets) {
      for (OutletBase* outlet : actor_->outlets()) {
        if (outlet->message_type() == saved.message_type) outlet->assign(saved.subscribers);
      }
    }
    if (!snapshot.state.is_null()) {
      if (auto loaded = type_.load(*actor_, snapshot.state); !loaded) return loaded;
    }
  } catch (const std::exception& thrown) {
    return Error{Code::corrupt, who + ": load threw: " + thrown.what()};
  } catch (...) {
    return Error{Code::corrupt, who + ": load threw"};
  }
  const Instant now = port_.now();
  replay_.set_snapshot(std::move(snapshot.state));
  const bool crashed = !died_with.empty();
  const bool same_life = snapshot.life == identity_.life;
  if (crashed && same_life) {
    // What a checkpoint has is committed.
    for (auto& out : snapshot.streams.out) {
      out.outbox.released = out.outbox.acknowledged + out.outbox.unacknowledged.size();
    }
    for (auto& in : snapshot.streams.in) in.inbox.committed = in.inbox.processed;
  }
  streams_.restore(std::move(snapshot.streams), now);
  if (durable_) streams_.hold_until_committed();
  for (auto& saved : snapshot.subscriptions) {
    const Channel channel =
        saved.options.delivery == DeliveryClass::fresh ? Channel::fresh : Channel::stream;
    streams_.expect(saved.publisher, channel, saved.options.window_bytes);
    subscribed_[{saved.publisher, saved.message_type}] = {saved.spec, saved.options};
  }
  for (const auto& [timer, left] : snapshot.timers) timers_[timer] = now + left;
  if (same_life) next_id_ = snapshot.next_id;
  for (const auto& request : snapshot.requests) {
    // A reply to the life that ended will not reach this one.
    requests_[request.correlation] = {request.target, same_life ? now + request.left : now};
  }
  turns_ = snapshot.turns;
  if (snapshot.linger) linger_until_ = now + *snapshot.linger;
  stage_ = std::move(snapshot.stage);
  captured_ = std::move(snapshot.captured);
  health_ = std::move(snapshot.health);
  died_with_ = std::move(snapshot.died_with);
  if (crashed && !same_life) died_with_.push_back(std::move(died_with));
  checkpoints_ = snapshot.checkpoints;
  resubscribes_ = !same_life;
  return {};
}

void CellCore::go_live() {
  for (const auto& [key, subscribed] : subscribed_) {
    if (subscribed.spec) port_.remember(subscribed.spec);
  }
  Streams::Effects effects;
  if (std::exchange(resubscribes_, false)) {
    for (const auto& [key, subscribed] : subscribed_) {
      send_subscribe(key.first, key.second, subscribed, effects);
    }
  } else {
    streams_.announce(port_.now(), effects);
  }
  carry_out(std::move(effects));
  update_linger();
  enqueue_control(Input::of(Input::Kind::resume));
  run_ready();
}

void CellCore::set_epoch(std::uint64_t epoch) {
  identity_.epoch = epoch;
  streams_.set_epoch(epoch);
}

namespace {

// A picture that waits for its acknowledgement is in every checkpoint until then; so the larger a
// checkpoint is, the fewer are taken.
Duration time_to_keep(std::size_t bytes) {
  return std::chrono::nanoseconds(std::chrono::seconds(1)) * static_cast<std::int64_t>(bytes) /
         static_cast<std::int64_t>(limits::checkpoint_bytes_per_second);
}

}  // namespace

// --- Checkpoints ---------------------------------------------------------------------------------

bool CellCore::may_checkpoint() const {
  // One that is ending still owes its peers what waits for a checkpoint.
  const bool runs = phase_ == Phase::active || (durable_ && phase_ == Phase::draining);
  return runs && type_.stays == nullptr && !keeping_ && has_news();
}

bool CellCore::checkpoint_wanted() const {
  return may_checkpoint() && port_.now() >= next_checkpoint_;
}

// A durable actor's has its conversations, and they wait for it; another's only what the next life
// begins with.
void CellCore::take_checkpoint() {
  next_checkpoint_ =
      port_.now() + (durable_ ? limits::durable_checkpoint_interval : limits::checkpoint_interval);
  Result<CellSnapshot> saved = saved_actor();
  if (!saved) return note_error("no checkpoint: " + saved.error().describe());
  if (durable_) {
    saved->streams = streams_.save();
  } else {
    saved->streams.closed_out = streams_.out_accounts();
    saved->streams.closed_in = streams_.in_accounts();
  }
  const std::uint64_t number = ++checkpoints_;
  saved->checkpoints = number;
  Result<Blob> bytes = encode(*saved);
  if (!bytes) return note_error("no checkpoint: " + bytes.error().describe());
  if (durable_) next_checkpoint_ += time_to_keep(bytes->size());
  keeping_ = Keeping{number, turns_, durable_ ? streams_.marks() : Streams::Marks{}};
  port_.keep({number, durable_, *std::move(bytes), Streams::numbers_of(saved->streams)});
}

void CellCore::on_checkpointed(std::uint64_t number, const Result<void>& kept) {
  if (!keeping_ || keeping_->number != number) return;
  const Keeping done = *std::exchange(keeping_, std::nullopt);
  if (!kept) {
    note_error("checkpoint not kept: " + kept.error().describe());
    next_checkpoint_ = std::max(next_checkpoint_, port_.now() + limits::checkpoint_retry_delay);
    return;
  }
  kept_turns_ = done.turns;
  Streams::Effects effects;
  streams_.commit(done.marks, port_.now(), effects);
  carry_out(std::move(effects));
  flush_acks();
  run_ready();
  continue_draining();
}

}  // namespace omma
