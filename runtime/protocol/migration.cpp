#include "runtime/protocol/migration.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/mutants.hpp"

namespace omma {
namespace {

Error timed_out(const std::string& what, Duration after) {
  return {Code::unavailable,
          what + " within " +
              std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(after).count()) +
              " ms"};
}

}  // namespace

MigrationTimes MigrationTimes::standard() {
  return {.reserve_patience = limits::move_reserve_patience,
          .freeze_budget = limits::move_freeze_budget,
          .alarm_after = limits::move_alarm_after,
          .retry_delay = limits::move_retry_delay,
          .stage_patience = limits::move_stage_patience};
}

// --- Source --------------------------------------------------------------------------------------

MoveSource::Effects MoveSource::begin(Instant now) {
  since_ = now;
  Effects effects;
  effects.reserve = true;
  return effects;
}

MoveSource::Effects MoveSource::on_reserved(const Result<void>& answer, Instant now) {
  if (phase_ != Phase::reserving) return {};
  if (!answer) return stay(answer.error(), now);
  phase_ = Phase::freezing;
  since_ = now;
  frozen_at_ = now;
  next_alarm_ = now + times_.alarm_after;
  Effects effects;
  effects.freeze = true;
  return effects;
}

MoveSource::Effects MoveSource::on_frozen(const Result<std::uint64_t>& snapshot_bytes,
                                          Instant now) {
  // Too late, a move is being called off: the copy stands still, and the thaw will find it so.
  if (phase_ != Phase::freezing) return {};
  // Nothing has left, so nobody can have committed: no need to ask.
  if (!snapshot_bytes) return stay(snapshot_bytes.error(), now);
  OMMA_CHECK(*snapshot_bytes > 0, "an empty snapshot");
  phase_ = Phase::sending;
  since_ = now;
  total_bytes_ = *snapshot_bytes;
  Effects effects;
  send_more(effects);
  return effects;
}

MoveSource::Effects MoveSource::on_piece_taken(std::uint64_t offset, const Result<void>& answer,
                                               Instant now) {
  if (phase_ != Phase::sending) return {};
  if (!answer) {
    return call_off({answer.error().code, "piece at byte " + std::to_string(offset) +
                                              " of the snapshot: " + answer.error().message},
                    now);
  }
  if (open_pieces_ > 0) --open_pieces_;
  Effects effects;
  send_more(effects);
  return effects;
}

void MoveSource::send_more(Effects& effects) {
  while (sent_bytes_ < total_bytes_ && open_pieces_ < limits::move_pieces_open_max) {
    const std::uint64_t bytes =
        std::min<std::uint64_t>(limits::move_piece_bytes, total_bytes_ - sent_bytes_);
    effects.send.push_back({sent_bytes_, bytes});
    sent_bytes_ += bytes;
    ++open_pieces_;
  }
}

MoveSource::Effects MoveSource::on_outcome(const Result<void>& committed, Instant now) {
  if (phase_ != Phase::sending && phase_ != Phase::calling_off) return {};
  if (!committed) {
    // It says that it dropped the move; only the directory can be believed.
    if (phase_ == Phase::calling_off) return {};
    return call_off(committed.error(), now);
  }
  phase_ = Phase::moved;
  ended_at_ = now;
  why_.reset();
  Effects effects;
  effects.forget = true;
  return effects;
}

MoveSource::Effects MoveSource::on_called_off(const Result<Ownership>& owner, Instant now) {
  if (phase_ != Phase::calling_off) return {};
  waits_for_directory_ = false;
  since_ = now;
  if (!owner) return {};  // Again after the retry delay; frozen until then.
  Effects effects;
  ended_at_ = now;
  switch (*owner) {
    case Ownership::mine:
      phase_ = Phase::stayed;
      effects.thaw = true;
      effects.epoch_raised = true;
      return effects;
    case Ownership::source:
    case Ownership::another:
      OMMA_CHECK(*owner == Ownership::another, "a call-off that neither won nor lost");
      phase_ = Phase::moved;
      why_.reset();
      effects.forget = true;
      return effects;
  }
  return effects;
}

MoveSource::Effects MoveSource::stay(Error why, Instant now) {
  Effects effects;
  effects.thaw = frozen_at_.has_value();
  phase_ = Phase::stayed;
  ended_at_ = now;
  why_ = std::move(why);
  return effects;
}

MoveSource::Effects MoveSource::call_off(Error why, Instant now) {
  if (OMMA_MUTANT(unfreeze_without_cas)) return stay(std::move(why), now);
  phase_ = Phase::calling_off;
  since_ = now;
  why_ = std::move(why);
  waits_for_directory_ = true;
  Effects effects;
  effects.call_off = true;
  return effects;
}

MoveSource::Effects MoveSource::on_time(Instant now) {
  Effects effects;
  switch (phase_) {
    case Phase::reserving:
      if (now >= since_ + times_.reserve_patience) {
        return stay(timed_out("the target did not answer", times_.reserve_patience), now);
      }
      return effects;
    case Phase::freezing:
    case Phase::sending:
      if (now >= *frozen_at_ + times_.freeze_budget) {
        const bool sending = phase_ == Phase::sending;
        if (!sending) {
          // The turn in progress does not end. Nothing has left; the freeze is undone when it does.
          return stay(timed_out("its turn did not end", times_.freeze_budget), now);
        }
        return call_off(timed_out("the target did not commit", times_.freeze_budget), now);
      }
      return effects;
    case Phase::calling_off:
      if (!waits_for_directory_ && now >= since_ + times_.retry_delay) {
        since_ = now;
        waits_for_directory_ = true;
        effects.call_off = true;
      }
      if (now >= *next_alarm_) {
        next_alarm_ = now + times_.alarm_after;
        effects.alarm = true;
      }
      return effects;
    case Phase::moved:
    case Phase::stayed:
      return effects;
  }
  return effects;
}

std::optional<Instant> MoveSource::next_deadline() const {
  switch (phase_) {
    case Phase::reserving:
      return since_ + times_.reserve_patience;
    case Phase::freezing:
    case Phase::sending:
      return *frozen_at_ + times_.freeze_budget;
    case Phase::calling_off:
      return waits_for_directory_ ? *next_alarm_
                                  : std::min(since_ + times_.retry_delay, *next_alarm_);
    case Phase::moved:
    case Phase::stayed:
      return std::nullopt;
  }
  return std::nullopt;
}

Duration MoveSource::pause(Instant now) const {
  if (!frozen_at_) return Duration(0);
  return ended_at_.value_or(now) - *frozen_at_;
}

// --- Target --------------------------------------------------------------------------------------

MoveTarget::Effects MoveTarget::on_reserve(const Result<void>& admitted, Instant now) {
  since_ = now;
  Effects effects;
  if (!admitted) {
    phase_ = Phase::dropped;
    why_ = admitted.error();
    effects.answer = admitted;
    return effects;
  }
  effects.make_ready = true;
  return effects;
}

MoveTarget::Effects MoveTarget::on_ready(const Result<void>& ready, Instant now) {
  if (phase_ != Phase::asked) return {};
  since_ = now;
  Effects effects;
  if (!ready) {
    effects = drop(ready.error());
    effects.outcome.reset();
    effects.answer = ready;
    return effects;
  }
  phase_ = Phase::reserved;
  effects.answer = Result<void>();
  return effects;
}

MoveTarget::Effects MoveTarget::on_piece(const Result<bool>& whole, Instant now) {
  if (phase_ != Phase::reserved && phase_ != Phase::receiving) return {};
  since_ = now;
  if (!whole) return drop(whole.error());
  phase_ = *whole ? Phase::preparing : Phase::receiving;
  Effects effects;
  effects.prepare = *whole;
  return effects;
}

MoveTarget::Effects MoveTarget::on_prepared(const Result<void>& prepared, Instant now) {
  if (phase_ != Phase::preparing) return {};
  since_ = now;
  if (!prepared) return drop(prepared.error());
  if (OMMA_MUTANT(activate_without_cas)) {
    phase_ = Phase::live;
    Effects effects;
    effects.go_live = true;
    effects.outcome = Result<void>();
    return effects;
  }
  phase_ = Phase::committing;
  asking_ = true;
  commit_in_doubt_ = true;
  Effects effects;
  effects.commit = true;
  return effects;
}

MoveTarget::Effects MoveTarget::on_owner(const Result<Ownership>& owner, Instant now) {
  if (!asking_) return {};
  asking_ = false;
  since_ = now;
  if (!owner) return {};  // Asked again after the retry delay; dormant until then.
  Effects effects;
  switch (*owner) {
    case Ownership::mine:
      if (phase_ != Phase::committing) {
        return drop({Code::internal, "the directory has it here before it was committed"});
      }
      phase_ = Phase::live;
      effects.go_live = true;
      effects.outcome = Result<void>();
      return effects;
    case Ownership::source:
      // A commit that never arrived may do so yet; it is repeated rather than given up, so that one
      // answer is enough. Before the commit, the source is simply slow.
      if (phase_ == Phase::committing) {
        asking_ = true;
        effects.commit = true;
      }
      return effects;
    case Ownership::another:
      return drop({Code::conflict, "the source took it back, or another node has it"});
  }
  return effects;
}

MoveTarget::Effects MoveTarget::drop(Error why) {
  phase_ = Phase::dropped;
  why_ = why;
  Effects effects;
  effects.drop = true;
  effects.outcome = Result<void>(std::move(why));
  return effects;
}

MoveTarget::Effects MoveTarget::on_time(Instant now) {
  Effects effects;
  const auto deadline = next_deadline();
  if (!deadline || now < *deadline) return effects;
  since_ = now;
  // Nothing was staged yet: nothing can have been decided.
  if (phase_ == Phase::reserved) {
    return drop(timed_out("the source sent nothing", times_.reserve_patience));
  }
  asking_ = true;
  effects.read_record = true;
  return effects;
}

std::optional<Instant> MoveTarget::next_deadline() const {
  if (asking_) return std::nullopt;
  switch (phase_) {
    case Phase::reserved:
      return since_ + times_.reserve_patience;
    case Phase::receiving:
      return since_ + times_.stage_patience;
    case Phase::committing:
      return since_ + times_.retry_delay;
    case Phase::asked:
    case Phase::preparing:
    case Phase::live:
    case Phase::dropped:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace omma
