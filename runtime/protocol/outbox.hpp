// Outbox: the sending end of one stream. It numbers messages when they first leave, keeps them
// until they are acknowledged, stays within the credit that the target gave, and notices by itself
// that something was lost.
//
// A pure state machine: every call takes `now` and returns what to do. Owned by one cell.
//
//            offer            transmit                 on_ack(next)
//   message -------> waiting ----------> unacknowledged ----------> gone
//                       |                      |  ^
//          fresh, full: |        lost, moved:  |  | transmit again, same number
//                       v                      +--+
//               dropped, counted
//
// A fresh stream drops only what was never numbered; so the receiver never sees a gap, and each
// message ends either acknowledged or counted as dropped.
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/base/ring.hpp"
#include "runtime/base/time.hpp"
#include "runtime/protocol/credit.hpp"
#include "runtime/protocol/envelope.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace omma {

struct OutboxLimits {
  std::uint64_t window_bytes;  // Credit before the first Ack.
  std::uint64_t waiting_bytes_max;
  std::uint64_t waiting_messages_max;
  std::uint64_t unacknowledged_messages_max;

  static OutboxLimits of(Channel channel);  // From limits.hpp.
};

// What an outbox was told to carry, before it has a number.
struct Outgoing {
  Message message{};
  std::uint64_t correlation = 0;
  bool is_reply = false;
  std::int64_t deadline_ns = 0;
  TraceId trace{};
};

class Outbox {
 public:
  static constexpr std::uint64_t all_released = ~std::uint64_t{0};

  struct Counters {
    std::uint64_t offered = 0;           // Accepted by offer(), whatever became of it.
    std::uint64_t dropped_full = 0;      // Fresh only: went because newer ones came.
    std::uint64_t dropped_expired = 0;   // Fresh only: its deadline passed while it waited.
    std::uint64_t dropped_unwanted = 0;  // Waited when the target unsubscribed.
    std::uint64_t acknowledged = 0;
    std::uint64_t lost_with_life = 0;  // Fresh: unacknowledged when the target's life ended.
    std::uint64_t resent = 0;
    std::uint64_t probes = 0;
    std::uint64_t lives_ended = 0;   // How often the target began a new life under us.
    std::uint64_t ignored_acks = 0;  // Stale, foreign or impossible; changed nothing.
  };

  // What a call wants done, in this order. Empty most of the time.
  struct Effects {
    std::vector<Envelope> transmit;
    std::optional<Probe> probe;
    bool ask_directory = false;      // Silent too long: the route may be wrong.
    std::vector<TraceId> dropped;    // Fresh messages dropped in this call, for the ledger.
    bool target_life_ended = false;  // Tell the actor: what came after its last checkpoint is lost.
  };

  struct Numbered {
    Outgoing outgoing;
    std::uint64_t credit_bytes = 0;
  };
  // Everything that a move or a checkpoint takes along.
  struct Saved {
    StreamLives lives;
    OutboxLimits limits;
    std::uint64_t target_epoch = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t released = all_released;
    std::vector<Numbered> unacknowledged;
    std::vector<Outgoing> waiting;
    CreditSpender::Saved credit;
    std::uint64_t probes = 0;
    Counters counters;
  };

  Outbox(StreamId stream, std::uint64_t sender_life, OutboxLimits limits);
  // Goes on where save() was called; tells nobody until on_route_changed() or the next deadline.
  Outbox(StreamId stream, Saved saved, Instant now);
  Saved save() const;

  // Output commit: from now on a number leaves only once a checkpoint has it. The mark says what a
  // checkpoint that is taken now has; release() says that it is committed.
  struct Mark {
    std::uint64_t target_life = 0;
    std::uint64_t number = 0;
  };
  void hold_output() {
    if (released_ == all_released) released_ = acknowledged_;
  }
  bool withholds() const { return released_ < acknowledged_ + unacknowledged_.size(); }
  Mark mark() const { return {lives_.target, acknowledged_ + unacknowledged_.size()}; }
  Effects release(const Mark& mark, Instant now);

  // Takes a message over; transmits it if credit allows. over_limit for one that no credit could
  // ever cover, overloaded when a reliable stream is full; neither changes anything.
  Result<Effects> offer(Outgoing outgoing, Instant now, std::int64_t wall_now_ns);
  // The same, its effects behind those that are there.
  Result<void> offer(Outgoing outgoing, Instant now, std::int64_t wall_now_ns, Effects& effects);
  // True if offer() of `count` messages of `bytes` in all would not answer overloaded.
  bool has_room(std::size_t count, std::uint64_t bytes) const;

  Effects on_ack(const Ack& ack, Instant now);
  // The target is elsewhere, a broken link is back, or a lookup answered: probe at once.
  Effects on_route_changed(std::uint64_t target_epoch, Instant now);
  // Told from elsewhere that the target is in this life: as an acknowledgement of it would.
  Effects on_target_life(std::uint64_t life, Instant now);
  // The target has unsubscribed: what has no number yet goes nowhere.
  Effects drop_waiting();
  // Call when next_deadline() has passed (earlier is harmless).
  Effects on_time(Instant now, std::int64_t wall_now_ns);
  // When silence becomes suspicious; none while nothing is unacknowledged.
  std::optional<Instant> next_deadline() const;

  // The sender should produce nothing more for this stream for now (channel stream only).
  bool blocked() const;
  // Nothing waiting, nothing unacknowledged.
  bool quiet() const { return unacknowledged_.empty() && waiting_.empty(); }

  const StreamId& stream() const { return stream_; }
  std::uint64_t target_epoch() const { return target_epoch_; }
  std::uint64_t target_life() const { return lives_.target; }
  const Counters& counters() const { return counters_; }
  std::size_t waiting_messages() const { return waiting_.size(); }
  std::uint64_t waiting_bytes() const { return waiting_bytes_; }
  std::size_t unacknowledged_messages() const { return unacknowledged_.size(); }
  std::uint64_t unacknowledged_bytes() const { return credit_.outstanding_bytes(); }
  // Messages waiting or unacknowledged, by TraceId::origin. Looks at each: for the ledger.
  std::map<std::uint64_t, std::uint64_t> in_flight_by_origin() const;

 private:
  bool is_of_this_stream(const Ack& ack) const;
  bool is_possible(const Ack& ack) const;
  void settle(const Ack& ack, Effects& effects, Instant now);
  void meet_life(std::uint64_t life, Effects& effects, Instant now);
  void begin_again(std::uint64_t target_life, Effects& effects, Instant now);
  void fill_window(Effects& effects, Instant now);
  bool may_number(const Message& message) const;
  void number(Outgoing outgoing, Effects& effects, Instant now);
  void resend_after(std::uint64_t received, Effects& effects, Instant now);
  void send_probe(Effects& effects, Instant now);
  void transmit(std::uint64_t sequence, Effects& effects) const;
  std::uint64_t highest_released() const;
  void drop_oldest(Effects& effects);
  void drop_expired(Effects& effects, Instant now);
  void drop_unacknowledged(Effects& effects);
  Duration patience() const;
  Envelope envelope_of(const Numbered& numbered, std::uint64_t sequence) const;
  std::string text() const;

  StreamId stream_;
  StreamLives lives_;
  OutboxLimits limits_;
  std::uint64_t target_epoch_ = 0;

  std::uint64_t acknowledged_ = 0;  // Highest number known to be in the target's state.
  // No higher number may leave; all may when outputs are not held.
  std::uint64_t released_ = all_released;
  Ring<Numbered> unacknowledged_;  // Numbers acknowledged_ + 1, + 2, ...
  Ring<Outgoing> waiting_;
  std::uint64_t waiting_bytes_ = 0;
  CreditSpender credit_;

  std::uint64_t probes_ = 0;
  // Highest number sent before the last probe; 0 once that is answered or its numbers are void.
  std::uint64_t probe_covers_ = 0;
  unsigned silent_ = 0;  // Deadlines passed without a word from the target.
  // Since when we wait for a word that tells us something: the last progress, probe or resend, or
  // the message that ended an idle time. Later messages do not count, else a steady sender would
  // never notice a loss.
  Instant waits_since_{};
  std::int64_t wall_ahead_ns_ = 0;  // Wall clock less steady clock, as of the last call with both.
  Counters counters_;
};

}  // namespace omma
