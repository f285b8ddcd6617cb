// Inbox: the receiving end of one stream. It lets each number through exactly once and in order,
// gives credit back as the actor finishes messages, and answers probes.
//
// A pure state machine, owned by one cell. What it has let through but the actor has not finished
// is the sender's duty still: it is not acknowledged, and a move does not carry it.
#pragma once

#include "runtime/protocol/credit.hpp"
#include "runtime/protocol/envelope.hpp"

#include <cstdint>
#include <map>
#include <vector>

namespace omma {

class Inbox {
 public:
  static constexpr std::uint64_t all_committed = ~std::uint64_t{0};

  struct Counters {
    std::uint64_t received = 0;       // Let through, each number once.
    std::uint64_t duplicates = 0;     // Lower number than awaited; acknowledged again.
    std::uint64_t early = 0;          // Higher number than awaited, kept for its turn.
    std::uint64_t early_dropped = 0;  // As above, but no room; will be sent again.
    std::uint64_t over_credit = 0;    // Beyond the credit given; dropped, will be sent again.
    std::uint64_t stale_life = 0;     // From an ended life, or to another than ours (first_life).
  };

  struct Effects {
    std::vector<Envelope> deliver;   // In order.
    bool acknowledge = false;        // Send ack() now.
    bool sender_life_ended = false;  // The sender began a new life; the old one's rest is lost.
  };

  // Everything that a move or a checkpoint takes along: what is finished. The rest comes again.
  struct Saved {
    StreamLives lives;
    CreditGranter::Saved credit;
    std::uint64_t processed = 0;
    std::uint64_t committed = all_committed;
    Counters counters;
  };

  Inbox(StreamId stream, std::uint64_t own_life, std::uint64_t window_bytes);
  Inbox(StreamId stream, Saved saved);
  Saved save() const;

  // Durable: from now on only what a checkpoint has is acknowledged. The mark says what a
  // checkpoint that is taken now has; commit() says that it is safe.
  struct Mark {
    std::uint64_t sender_life = 0;
    std::uint64_t number = 0;
  };
  void hold_acknowledgements() {
    if (committed_ == all_committed) committed_ = processed_;
  }
  bool withholds() const { return committed_ < processed_; }
  Mark mark() const { return {lives_.sender, processed_}; }
  // True if more may be acknowledged than before.
  bool commit(const Mark& mark);

  Effects on_envelope(Envelope envelope);
  // The same; what is to be delivered comes behind what is there.
  void on_envelope(Envelope envelope, Effects& effects);
  // Told from elsewhere that the sender is in this life. True if that ends the one known here.
  bool on_sender_life(std::uint64_t life);
  // The actor has finished this one (well or set aside); credit returns with the next ack().
  void on_processed(const Envelope& envelope);
  // An answer at once, carrying the probe's number. A sender's life that this ends is told by the
  // next on_envelope().
  Ack on_probe(const Probe& probe, std::uint64_t target_epoch);
  Ack ack(std::uint64_t target_epoch) const;

  const StreamId& stream() const { return stream_; }
  std::uint64_t sender_life() const { return lives_.sender; }
  std::uint64_t received() const { return received_; }
  std::uint64_t processed() const { return processed_; }
  const Counters& counters() const { return counters_; }

 private:
  bool meet_sender(std::uint64_t life);
  bool addressed_here(std::uint64_t target_life) const;
  bool within_credit(const Envelope& envelope) const;
  void accept(Envelope envelope, Effects& effects);
  void keep_early(Envelope envelope);
  void drain_early(Effects& effects);

  StreamId stream_;
  StreamLives lives_;
  CreditGranter credit_;
  std::uint64_t received_ = 0;   // Highest number let through.
  std::uint64_t processed_ = 0;  // Highest number finished; all below are finished too.
  // Of these, what a checkpoint has; all when acknowledgements are not held.
  std::uint64_t committed_ = all_committed;
  std::map<std::uint64_t, Envelope> early_;
  std::uint64_t early_bytes_ = 0;  // Within the credit too, so the window bounds them as well.
  bool sender_life_ended_untold_ = false;
  Counters counters_;
};

}  // namespace omma
