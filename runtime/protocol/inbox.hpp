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

  Inbox(StreamId stream, std::uint64_t own_life, std::uint64_t window_bytes);

  Effects on_envelope(Envelope envelope);
  // The actor has finished this one (well or set aside); credit returns with the next ack().
  void on_processed(const Envelope& envelope);
  // An answer at once, carrying the probe's number and the epoch that the prober believes in. A
  // sender's life that this ends is told by the next on_envelope().
  Ack on_probe(const Probe& probe);
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
  std::map<std::uint64_t, Envelope> early_;
  std::uint64_t early_bytes_ = 0;  // Within the credit too, so the window bounds them as well.
  bool sender_life_ended_untold_ = false;
  Counters counters_;
};

}  // namespace omma
