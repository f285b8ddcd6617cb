// Streams: all outboxes and inboxes of one cell, and what has to go out because of them.
//
// A plain class; time is handed in. Owned by one cell.
#pragma once

#include "runtime/base/time.hpp"
#include "runtime/protocol/inbox.hpp"
#include "runtime/protocol/outbox.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace omma {

class Streams {
 public:
  // What happened while handling something. `packets` go out in order. Handling many things with
  // one of these costs no allocation for each.
  struct Effects {
    std::vector<Packet> packets;
    std::vector<Envelope> deliver;
    std::vector<ActorId> ask_directory;  // The way to these may be wrong.
    std::vector<ActorId> peers_lost;     // Their life ended under us.
    Outbox::Effects sent{};              // Only while one message is sent,
    Inbox::Effects received{};           // or one comes in.
  };

  struct Window {
    std::uint64_t bytes = 0;             // 0: the limit's default.
    std::uint32_t waiting_messages = 0;  // 0: the limit's default.
  };

  // What became of the messages of streams that are closed, so that the ledger stays whole.
  struct OutAccount {
    StreamId stream;
    Outbox::Counters counters;
    std::uint64_t dropped_target_gone = 0;
    std::uint64_t in_flight = 0;
    std::uint64_t in_flight_bytes = 0;
    std::map<std::uint64_t, std::uint64_t> sent_by_origin;
    std::map<std::uint64_t, std::uint64_t> dropped_by_origin;
    std::map<std::uint64_t, std::uint64_t> in_flight_by_origin;
  };
  struct InAccount {
    StreamId stream;
    Inbox::Counters counters;
    std::uint64_t finished = 0;  // What is received and off the sender's hands.
    std::map<std::uint64_t, std::uint64_t> finished_by_origin;
  };

  // Everything that a move or a checkpoint takes along.
  struct Saved {
    struct Out {
      StreamId stream;
      Outbox::Saved outbox;
      std::map<std::uint64_t, std::uint64_t> sent_by_origin;
      std::map<std::uint64_t, std::uint64_t> dropped_by_origin;
    };
    // Finished while a lower number is not: when it comes again it is done already.
    struct FinishedEarly {
      std::uint64_t sequence = 0;
      std::uint64_t credit_bytes = 0;
      TraceId trace;
    };
    struct In {
      StreamId stream;
      Inbox::Saved inbox;
      std::vector<FinishedEarly> finished_early;
      std::uint64_t finished = 0;
      std::map<std::uint64_t, std::uint64_t> finished_by_origin;
    };
    struct Expected {
      ActorId publisher;
      Channel channel = Channel::stream;
      std::uint64_t window_bytes = 0;
    };
    std::vector<Out> out;
    std::vector<In> in;
    std::vector<Expected> expected;
    std::vector<OutAccount> closed_out;
    std::vector<InAccount> closed_in;
  };

  // How far each stream is, for whoever checks what became of it.
  struct Numbers {
    struct In {
      StreamId stream;
      std::uint64_t sender_life = 0;
      std::uint64_t processed = 0;  // The highest in the state; all below are, too.
    };
    struct Out {
      StreamId stream;
      std::uint64_t target_life = 0;
      std::uint64_t acknowledged = 0;
      std::uint64_t last = 0;  // The highest given out.
    };
    std::vector<In> in;
    std::vector<Out> out;
  };
  static Numbers numbers_of(const Saved& saved);

  // What a checkpoint that is taken now has of each stream.
  struct Marks {
    std::vector<std::pair<StreamId, Outbox::Mark>> out;
    std::vector<std::pair<StreamId, Inbox::Mark>> in;
  };

  Streams(ActorId self, std::uint64_t life, std::uint64_t epoch);

  // --- Moves and checkpoints ---------------------------------------------------------------------
  Saved save() const;
  // In place of what is here, which must be nothing.
  void restore(Saved saved, Instant now);
  // The first words after a move: where everybody's messages are expected from now on, and what of
  // ours is on its way.
  void announce(Instant now, Effects& effects);
  // The same place under a later epoch: a move was called off.
  void set_epoch(std::uint64_t epoch) { epoch_ = epoch; }
  // Durable: what leaves waits for commit().
  void hold_until_committed();
  bool withholds() const;
  Marks marks() const;
  void commit(const Marks& marks, Instant now, Effects& effects);
  // The actors at the other ends.
  std::set<ActorId> peers() const;

  // --- Out ---------------------------------------------------------------------------------------
  // False if a reliable stream could not take these now.
  bool has_room(const ActorId& target, Channel channel, std::size_t messages,
                std::uint64_t bytes) const;
  Result<void> send(const ActorId& target, Channel channel, Outgoing outgoing, Window window,
                    Instant now, WallTime wall_now, Effects& effects);
  // Credit that this cell gives to a publisher that it subscribes to.
  void expect(const ActorId& publisher, Channel channel, std::uint64_t window_bytes);
  void on_route_changed(const ActorId& target, std::uint64_t epoch, Instant now, Effects& effects);
  // The directory says which life the peer is in: one that has nothing to send or to acknowledge
  // would not tell us itself.
  void on_life(const ActorId& peer, std::uint64_t life, Instant now, Effects& effects);
  // The target has unsubscribed: what waits for it in outlet streams is counted as dropped.
  void on_unsubscribed(const ActorId& target, Instant now, Effects& effects);
  // The target is retired for good: what waits for it is counted as dropped.
  void on_target_gone(const ActorId& target);
  // A reliable outlet stream is behind.
  bool blocked() const;
  // Everything sent is acknowledged.
  bool quiet() const;

  // --- In ----------------------------------------------------------------------------------------
  void on_packet(Packet packet, Instant now, Effects& effects);
  // The actor is done with it, in any order; numbers are acknowledged in order.
  void finished(const Envelope& envelope);
  bool acks_wanted() const { return !unacknowledged_inboxes_.empty(); }
  void flush_acks(Effects& effects);

  // --- Time and accounts -------------------------------------------------------------------------
  std::optional<Instant> next_deadline() const;
  void on_time(Instant now, WallTime wall_now, Effects& effects);
  std::vector<OutAccount> out_accounts() const;
  std::vector<InAccount> in_accounts() const;

 private:
  using Key = std::pair<ActorId, Channel>;
  struct OutStream {
    Outbox outbox;
    std::map<std::uint64_t, std::uint64_t> sent_by_origin;
    std::map<std::uint64_t, std::uint64_t> dropped_by_origin;
  };
  struct InStream {
    Inbox inbox;
    std::map<std::uint64_t, Envelope> finished_early;  // Done before a lower number was.
    std::uint64_t finished = 0;
    std::map<std::uint64_t, std::uint64_t> finished_by_origin;
  };

  void apply(OutStream& out, Outbox::Effects&& outcome, Instant now, Effects& effects);
  void lose_peer(const ActorId& peer, std::uint64_t new_life, Instant now, Effects& effects);
  static void settle(InStream& in, const Envelope& done);
  static void settle_finished(InStream& in);
  static OutAccount account_of(const OutStream& out);
  InStream& incoming(const StreamId& stream);

  ActorId self_;
  std::uint64_t life_;
  std::uint64_t epoch_;
  std::map<Key, OutStream> outboxes_;
  std::map<Key, InStream> inboxes_;
  std::map<Key, std::uint64_t> expected_windows_;
  std::set<Key> unacknowledged_inboxes_;
  std::map<ActorId, std::uint64_t> new_lives_;  // That peers_lost has told of.
  std::vector<OutAccount> closed_;
  std::vector<InAccount> closed_in_;  // Of a life that ended with its node.
  bool holds_until_committed_ = false;
};

}  // namespace omma
