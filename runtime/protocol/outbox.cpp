#include "runtime/protocol/outbox.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/mutants.hpp"

namespace omma {

OutboxLimits OutboxLimits::of(Channel channel) {
  const bool reliable = is_reliable(channel);
  return {.window_bytes = limits::stream_window_bytes,
          .waiting_bytes_max =
              reliable ? limits::reliable_waiting_bytes_max : limits::fresh_waiting_bytes_max,
          .waiting_messages_max =
              reliable ? limits::reliable_waiting_messages_max : limits::fresh_waiting_messages_max,
          .unacknowledged_messages_max = limits::unacknowledged_messages_max};
}

Outbox::Outbox(StreamId stream, std::uint64_t sender_life, OutboxLimits limits)
    : stream_(stream),
      lives_{.sender = sender_life, .target = 0},
      limits_(limits),
      credit_(limits.window_bytes) {
  OMMA_CHECK(sender_life != 0, sender_life);
  OMMA_CHECK(limits.unacknowledged_messages_max > 0 && limits.waiting_messages_max > 0,
             limits.unacknowledged_messages_max, limits.waiting_messages_max);
}

Outbox::Outbox(StreamId stream, Saved saved, Instant now)
    : stream_(stream),
      lives_(saved.lives),
      limits_(saved.limits),
      target_epoch_(saved.target_epoch),
      acknowledged_(saved.acknowledged),
      released_(saved.released),
      credit_(saved.credit),
      probes_(saved.probes),
      waits_since_(now),
      counters_(saved.counters) {
  for (Numbered& numbered : saved.unacknowledged) {
    credit_.spend(numbered.credit_bytes);
    unacknowledged_.push_back(std::move(numbered));
  }
  for (Outgoing& outgoing : saved.waiting) {
    waiting_bytes_ += outgoing.message.size_bytes();
    waiting_.push_back(std::move(outgoing));
  }
}

Outbox::Saved Outbox::save() const {
  Saved saved{.lives = lives_,
              .limits = limits_,
              .target_epoch = target_epoch_,
              .acknowledged = acknowledged_,
              .released = released_,
              .unacknowledged = {unacknowledged_.begin(), unacknowledged_.end()},
              .waiting = {waiting_.begin(), waiting_.end()},
              .credit = credit_.save(),
              .probes = probes_,
              .counters = counters_};
  if (OMMA_MUTANT(outbox_not_in_snapshot)) saved.unacknowledged.clear();
  return saved;
}

Outbox::Effects Outbox::release(const Mark& mark, Instant now) {
  Effects effects;
  // Numbers of an ended pair of lives: the next checkpoint has them as they are called now.
  if (mark.target_life != lives_.target || mark.number <= released_) return effects;
  const std::uint64_t first = std::max(released_, acknowledged_) + 1;
  released_ = mark.number;
  if (first <= highest_released()) {
    silent_ = 0;
    waits_since_ = now;
  }
  for (std::uint64_t sequence = first; sequence <= highest_released(); ++sequence) {
    transmit(sequence, effects);
  }
  return effects;
}

Result<Outbox::Effects> Outbox::offer(Outgoing outgoing, Instant now, std::int64_t wall_now_ns) {
  Effects effects;
  if (auto taken = offer(std::move(outgoing), now, wall_now_ns, effects); !taken) {
    return taken.error();
  }
  return effects;
}

Result<void> Outbox::offer(Outgoing outgoing, Instant now, std::int64_t wall_now_ns,
                           Effects& effects) {
  const std::uint64_t bytes = outgoing.message.size_bytes();
  const std::uint64_t bytes_max =
      is_reliable(stream_.channel)
          ? std::min<std::uint64_t>(limits::message_bytes_max, limits_.waiting_bytes_max)
          : limits::message_bytes_max;
  if (bytes > bytes_max) {
    return Error{Code::over_limit, text() + ": message of " + std::to_string(bytes) +
                                       " bytes, limit " + std::to_string(bytes_max) +
                                       "; send it in parts"};
  }
  if (!has_room(1, bytes)) {
    return Error{Code::overloaded,
                 text() + ": " + std::to_string(waiting_.size()) + " messages of " +
                     std::to_string(waiting_bytes_) + " bytes wait, limit " +
                     std::to_string(limits_.waiting_messages_max) + " messages or " +
                     std::to_string(limits_.waiting_bytes_max) +
                     " bytes; send more slowly, or find out why the target takes none"};
  }
  wall_ahead_ns_ = wall_now_ns - nanoseconds_of(now);
  ++counters_.offered;
  if (waiting_.empty() && is_reliable(stream_.channel) && may_number(outgoing.message)) {
    number(std::move(outgoing), effects, now);  // As if it had waited.
    return {};
  }
  waiting_bytes_ += bytes;
  waiting_.push_back(std::move(outgoing));
  fill_window(effects, now);
  drop_oldest(effects);
  return {};
}

bool Outbox::has_room(std::size_t count, std::uint64_t bytes) const {
  if (!is_reliable(stream_.channel)) return true;
  return count <= limits_.waiting_messages_max &&
         waiting_.size() <= limits_.waiting_messages_max - count &&
         bytes <= limits_.waiting_bytes_max && waiting_bytes_ <= limits_.waiting_bytes_max - bytes;
}

Outbox::Effects Outbox::on_ack(const Ack& ack, Instant now) {
  Effects effects;
  if (!is_of_this_stream(ack)) {
    ++counters_.ignored_acks;
    return effects;
  }
  const bool is_first_word = lives_.target == 0 && ack.lives.target == first_life;
  if (ack.lives.target > lives_.target && !is_first_word) {
    // Nothing of what this ack counts can be of ours: we have sent that life nothing yet.
    meet_life(ack.lives.target, effects, now);
  } else if (is_possible(ack)) {
    lives_.target = ack.lives.target;
    settle(ack, effects, now);
  } else {
    ++counters_.ignored_acks;
  }
  return effects;
}

Outbox::Effects Outbox::on_route_changed(std::uint64_t target_epoch, Instant now) {
  Effects effects;
  if (target_epoch > target_epoch_) {
    target_epoch_ = target_epoch;
    silent_ = 0;
  }
  if (highest_released() > acknowledged_) send_probe(effects, now);
  return effects;
}

Outbox::Effects Outbox::on_target_life(std::uint64_t life, Instant now) {
  Effects effects;
  if (life > lives_.target) meet_life(life, effects, now);
  return effects;
}

Outbox::Effects Outbox::drop_waiting() {
  Effects effects;
  for (const Outgoing& outgoing : waiting_) effects.dropped.push_back(outgoing.trace);
  counters_.dropped_unwanted += waiting_.size();
  waiting_.clear();
  waiting_bytes_ = 0;
  return effects;
}

Outbox::Effects Outbox::on_time(Instant now, std::int64_t wall_now_ns) {
  wall_ahead_ns_ = wall_now_ns - nanoseconds_of(now);
  Effects effects;
  drop_expired(effects, now);
  if (const auto deadline = next_deadline(); deadline && now >= *deadline) {
    ++silent_;
    effects.ask_directory = silent_ > limits::silent_resends_before_lookup;
    send_probe(effects, now);
  }
  return effects;
}

std::optional<Instant> Outbox::next_deadline() const {
  if (highest_released() <= acknowledged_) return std::nullopt;
  return waits_since_ + patience();
}

bool Outbox::blocked() const {
  return stream_.channel == Channel::stream &&
         waiting_.size() >= limits::backpressure_waiting_messages;
}

std::map<std::uint64_t, std::uint64_t> Outbox::in_flight_by_origin() const {
  std::map<std::uint64_t, std::uint64_t> by_origin;
  for (const Numbered& numbered : unacknowledged_) ++by_origin[numbered.outgoing.trace.origin];
  for (const Outgoing& outgoing : waiting_) ++by_origin[outgoing.trace.origin];
  return by_origin;
}

bool Outbox::is_of_this_stream(const Ack& ack) const {
  const bool is_present = ack.lives.target >= lives_.target && ack.target_epoch >= target_epoch_;
  return ack.stream == stream_ && ack.lives.sender == lives_.sender && ack.lives.target != 0 &&
         (is_present || OMMA_MUTANT(ended_life_acknowledges));
}

bool Outbox::is_possible(const Ack& ack) const {
  const std::uint64_t numbered = acknowledged_ + unacknowledged_.size();
  return ack.next > acknowledged_ && ack.next <= ack.received + 1 && ack.received <= numbered;
}

// An ack of the present pair of lives.
void Outbox::settle(const Ack& ack, Effects& effects, Instant now) {
  bool told_something = ack.next > acknowledged_ + 1;
  while (acknowledged_ + 1 < ack.next) {
    credit_.settle(unacknowledged_.front().credit_bytes);
    unacknowledged_.pop_front();
    ++acknowledged_;
    ++counters_.acknowledged;
  }
  if (credit_.raise_limit(ack.credit_limit_bytes)) told_something = true;
  // Only the answer to the last probe counts: an earlier one says nothing of what was sent since,
  // and taking it for a sign of life would keep us from waiting long enough on a slow route.
  const bool answers_probe = ack.probe != 0 && ack.probe == probes_;
  if (told_something || answers_probe) {
    silent_ = 0;
    waits_since_ = now;
  }
  const bool has_moved = ack.target_epoch > target_epoch_ && target_epoch_ != 0;
  target_epoch_ = ack.target_epoch;
  if (has_moved) {
    // It counts what came along; what has gone to where it was before is lost.
    probe_covers_ = highest_released();
    silent_ = 0;
    waits_since_ = now;
  }
  if (answers_probe || has_moved) resend_after(ack.received, effects, now);
  fill_window(effects, now);
}

void Outbox::meet_life(std::uint64_t life, Effects& effects, Instant now) {
  if (lives_.target != 0) {
    ++counters_.lives_ended;
    effects.target_life_ended = true;
    if (!is_reliable(stream_.channel)) drop_unacknowledged(effects);
  }
  begin_again(life, effects, now);
}

// What is unacknowledged gets numbers from 1 in the new pair of lives. It fits the window as it
// did in the old one.
void Outbox::begin_again(std::uint64_t target_life, Effects& effects, Instant now) {
  lives_.target = target_life;
  acknowledged_ = 0;
  probe_covers_ = 0;
  silent_ = 0;
  waits_since_ = now;
  credit_.begin_again();
  std::uint64_t sequence = 0;
  // The new numbers are in no checkpoint yet.
  if (released_ != all_released) released_ = 0;
  for (const Numbered& numbered : unacknowledged_) {
    credit_.spend(numbered.credit_bytes);
    transmit(++sequence, effects);
    ++counters_.resent;
  }
  fill_window(effects, now);
}

void Outbox::fill_window(Effects& effects, Instant now) {
  drop_expired(effects, now);
  while (!waiting_.empty() && may_number(waiting_.front().message)) {
    waiting_bytes_ -= waiting_.front().message.size_bytes();
    number(waiting_.take_front(), effects, now);
  }
}

bool Outbox::may_number(const Message& message) const {
  return unacknowledged_.size() < limits_.unacknowledged_messages_max &&
         credit_.covers(credit_bytes_of(message));
}

void Outbox::number(Outgoing outgoing, Effects& effects, Instant now) {
  if (unacknowledged_.empty()) {
    silent_ = 0;
    waits_since_ = now;
  }
  const std::uint64_t credit_bytes = credit_bytes_of(outgoing.message);
  credit_.spend(credit_bytes);
  unacknowledged_.push_back({std::move(outgoing), credit_bytes});
  transmit(acknowledged_ + unacknowledged_.size(), effects);
}

void Outbox::transmit(std::uint64_t sequence, Effects& effects) const {
  if (sequence > released_ && !OMMA_MUTANT(output_before_checkpoint)) return;
  effects.transmit.push_back(envelope_of(unacknowledged_[sequence - acknowledged_ - 1], sequence));
}

std::uint64_t Outbox::highest_released() const {
  if (OMMA_MUTANT(output_before_checkpoint)) return acknowledged_ + unacknowledged_.size();
  return std::min(released_, acknowledged_ + unacknowledged_.size());
}

// What was sent before the probe and had not come when it did is lost.
void Outbox::resend_after(std::uint64_t received, Effects& effects, Instant now) {
  if (OMMA_MUTANT(retry_without_rewind)) return;
  const std::uint64_t first = std::max(received, acknowledged_) + 1;
  for (std::uint64_t sequence = first; sequence <= probe_covers_; ++sequence) {
    transmit(sequence, effects);
    ++counters_.resent;
    waits_since_ = now;
  }
  probe_covers_ = 0;
}

void Outbox::send_probe(Effects& effects, Instant now) {
  ++probes_;
  ++counters_.probes;
  probe_covers_ = highest_released();
  waits_since_ = now;
  effects.probe =
      Probe{.stream = stream_, .lives = lives_, .target_epoch = target_epoch_, .probe = probes_};
}

// The newest stays in any case: it may be larger than all that may wait.
void Outbox::drop_oldest(Effects& effects) {
  if (is_reliable(stream_.channel)) return;
  while (waiting_.size() > 1 && (waiting_.size() > limits_.waiting_messages_max ||
                                 waiting_bytes_ > limits_.waiting_bytes_max)) {
    effects.dropped.push_back(waiting_.front().trace);
    waiting_bytes_ -= waiting_.front().message.size_bytes();
    waiting_.pop_front();
    ++counters_.dropped_full;
  }
}

void Outbox::drop_expired(Effects& effects, Instant now) {
  if (is_reliable(stream_.channel)) return;
  const std::int64_t wall_now_ns = nanoseconds_of(now) + wall_ahead_ns_;
  waiting_.erase_if([&](const Outgoing& outgoing) {
    if (outgoing.deadline_ns == 0 || outgoing.deadline_ns >= wall_now_ns) return false;
    effects.dropped.push_back(outgoing.trace);
    waiting_bytes_ -= outgoing.message.size_bytes();
    ++counters_.dropped_expired;
    return true;
  });
}

void Outbox::drop_unacknowledged(Effects& effects) {
  for (const Numbered& numbered : unacknowledged_) {
    effects.dropped.push_back(numbered.outgoing.trace);
    ++counters_.lost_with_life;
  }
  unacknowledged_.clear();
}

// How long silence is borne: half as long again each time.
Duration Outbox::patience() const {
  Duration wait = limits::resend_after;
  for (unsigned i = 0; i < silent_ && wait < limits::resend_after_max; ++i) wait += wait / 2;
  return std::min(wait, limits::resend_after_max);
}

Envelope Outbox::envelope_of(const Numbered& numbered, std::uint64_t sequence) const {
  const Outgoing& outgoing = numbered.outgoing;
  return {.stream = stream_,
          .lives = lives_,
          .target_epoch = target_epoch_,
          .sequence = sequence,
          .credit_bytes = numbered.credit_bytes,
          .correlation = outgoing.correlation,
          .is_reply = outgoing.is_reply,
          .deadline_ns = outgoing.deadline_ns,
          .trace = outgoing.trace,
          .message = outgoing.message};
}

std::string Outbox::text() const {
  return "stream " + stream_.sender.short_text() + " to " + stream_.target.short_text() + " (" +
         std::string(to_string(stream_.channel)) + ")";
}

}  // namespace omma
