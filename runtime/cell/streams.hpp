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
  // What happened while handling something. `packets` go out in order.
  struct Effects {
    std::vector<Packet> packets;
    std::vector<Envelope> deliver;
    std::vector<ActorId> ask_directory;  // The way to these may be wrong.
    std::vector<ActorId> peers_lost;     // Their life ended under us.
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

  Streams(ActorId self, std::uint64_t life, std::uint64_t epoch);

  // --- Out ---------------------------------------------------------------------------------------
  // False if a reliable stream could not take these now.
  bool has_room(const ActorId& target, Channel channel, std::size_t messages,
                std::uint64_t bytes) const;
  Result<void> send(const ActorId& target, Channel channel, Outgoing outgoing, Window window,
                    Instant now, WallTime wall_now, Effects& effects);
  // Credit that this cell gives to a publisher that it subscribes to.
  void expect(const ActorId& publisher, Channel channel, std::uint64_t window_bytes);
  void on_route_changed(const ActorId& target, std::uint64_t epoch, Instant now, Effects& effects);
  // The target has unsubscribed: what waits for it in outlet streams is counted as dropped.
  void on_unsubscribed(const ActorId& target, Effects& effects);
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

  void apply(OutStream& out, Outbox::Effects outcome, Effects& effects);
  static OutAccount account_of(const OutStream& out);
  InStream& incoming(const StreamId& stream);

  ActorId self_;
  std::uint64_t life_;
  std::uint64_t epoch_;
  std::map<Key, OutStream> outboxes_;
  std::map<Key, InStream> inboxes_;
  std::map<Key, std::uint64_t> expected_windows_;
  std::set<Key> unacknowledged_inboxes_;
  std::vector<OutAccount> closed_;
};

}  // namespace omma
