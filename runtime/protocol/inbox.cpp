#include "runtime/protocol/inbox.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/mutants.hpp"

namespace omma {

Inbox::Inbox(StreamId stream, std::uint64_t own_life, std::uint64_t window_bytes)
    : stream_(stream), lives_{.sender = 0, .target = own_life}, credit_(window_bytes) {
  OMMA_CHECK(own_life != 0, own_life);
}

Inbox::Inbox(StreamId stream, Saved saved)
    : stream_(stream),
      lives_(saved.lives),
      credit_(saved.credit),
      received_(saved.processed),
      processed_(saved.processed),
      committed_(saved.committed),
      counters_(saved.counters) {}

Inbox::Saved Inbox::save() const {
  Saved saved{.lives = lives_,
              .credit = credit_.save(),
              .processed = OMMA_MUTANT(dedup_not_in_snapshot) ? 0 : processed_,
              .committed = committed_,
              .counters = counters_};
  // It will be received again.
  saved.counters.received -= received_ - processed_;
  return saved;
}

bool Inbox::commit(const Mark& mark) {
  if (mark.sender_life != lives_.sender || mark.number <= committed_) return false;
  committed_ = mark.number;
  return true;
}

Inbox::Effects Inbox::on_envelope(Envelope envelope) {
  Effects effects;
  on_envelope(std::move(envelope), effects);
  return effects;
}

void Inbox::on_envelope(Envelope envelope, Effects& effects) {
  OMMA_CHECK(envelope.stream == stream_, envelope.stream.sender.text(), stream_.sender.text());
  // The sender first: an answer is of use to it only if it names its present life.
  if (!meet_sender(envelope.lives.sender)) return;
  effects.sender_life_ended = std::exchange(sender_life_ended_untold_, false);
  if (!addressed_here(envelope.lives.target)) {
    ++counters_.stale_life;
    effects.acknowledge = true;
  } else if (envelope.sequence <= received_) {
    ++counters_.duplicates;
    effects.acknowledge = true;
  } else if (envelope.sequence > received_ + 1) {
    keep_early(std::move(envelope));
  } else if (!within_credit(envelope)) {
    ++counters_.over_credit;
  } else {
    accept(std::move(envelope), effects);
    drain_early(effects);
  }
}

bool Inbox::on_sender_life(std::uint64_t life) {
  if (lives_.sender == 0 || !meet_sender(life)) return false;
  return std::exchange(sender_life_ended_untold_, false);
}

void Inbox::on_processed(const Envelope& envelope) {
  if (envelope.lives.sender != lives_.sender) return;
  OMMA_CHECK(envelope.sequence == processed_ + 1 && envelope.sequence <= received_,
             envelope.sequence, processed_, received_);
  processed_ = envelope.sequence;
  if (!OMMA_MUTANT(credit_not_restored)) credit_.finish(envelope.credit_bytes);
}

Ack Inbox::on_probe(const Probe& probe, std::uint64_t target_epoch) {
  OMMA_CHECK(probe.stream == stream_, probe.stream.sender.text(), stream_.sender.text());
  if (meet_sender(probe.lives.sender) && probe.lives.target != 0 &&
      probe.lives.target != lives_.target) {
    ++counters_.stale_life;
  }
  Ack answer = ack(target_epoch);
  answer.probe = probe.probe;
  return answer;
}

Ack Inbox::ack(std::uint64_t target_epoch) const {
  return {.stream = stream_,
          .lives = lives_,
          .target_epoch = target_epoch,
          .next = OMMA_MUTANT(ack_before_checkpoint) ? processed_ + 1
                                                     : std::min(processed_, committed_) + 1,
          .received = received_,
          .credit_limit_bytes = credit_.limit_bytes(),
          .probe = 0};
}

// False if that life has ended; begins again with number 1 if it is a new one.
bool Inbox::meet_sender(std::uint64_t life) {
  if (life == 0 || life < lives_.sender) {
    ++counters_.stale_life;
    return false;
  }
  if (life == lives_.sender) return true;
  sender_life_ended_untold_ = sender_life_ended_untold_ || lives_.sender != 0;
  lives_.sender = life;
  received_ = 0;
  processed_ = 0;
  if (committed_ != all_committed) committed_ = 0;
  credit_.begin_again();
  early_.clear();
  early_bytes_ = 0;
  return true;
}

bool Inbox::addressed_here(std::uint64_t target_life) const {
  return target_life == lives_.target || (target_life == 0 && lives_.target == first_life);
}

bool Inbox::within_credit(const Envelope& envelope) const {
  // The second half bounds what the exception for an idle stream may let in.
  return credit_.covers(envelope.credit_bytes) &&
         envelope.credit_bytes <= limits::message_bytes_max;
}

void Inbox::accept(Envelope envelope, Effects& effects) {
  ++received_;
  ++counters_.received;
  credit_.receive(envelope.credit_bytes);
  effects.deliver.push_back(std::move(envelope));
}

void Inbox::keep_early(Envelope envelope) {
  if (early_.contains(envelope.sequence)) {
    ++counters_.duplicates;
  } else if (early_.size() >= limits::reorder_messages_max) {
    ++counters_.early_dropped;
  } else if (envelope.credit_bytes > credit_.limit_bytes() ||
             !credit_.covers(early_bytes_ + envelope.credit_bytes)) {
    ++counters_.over_credit;
  } else {
    ++counters_.early;
    early_bytes_ += envelope.credit_bytes;
    early_.emplace(envelope.sequence, std::move(envelope));
  }
}

void Inbox::drain_early(Effects& effects) {
  while (!early_.empty() && early_.begin()->first == received_ + 1) {
    auto next = early_.extract(early_.begin());
    early_bytes_ -= next.mapped().credit_bytes;
    if (!within_credit(next.mapped())) {
      ++counters_.over_credit;
      return;
    }
    accept(std::move(next.mapped()), effects);
  }
}

}  // namespace omma
