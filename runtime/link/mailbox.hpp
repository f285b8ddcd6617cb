// Mailbox: what any thread leaves for the event loop's thread, and the counters both keep. Packets
// wait here, a bounded queue for each peer and lane, until the loop takes them in batches; so the
// bound is checked where the packet is posted, and one wake-up serves all that came meanwhile.
//
// Thread-safe. Shared by the hub, its loop, and answers that are given late.
#pragma once

#include <kj/io.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/ring.hpp"
#include "runtime/link/link.hpp"
#include "runtime/link/loan_desk.hpp"

namespace omma {

inline constexpr std::size_t lane_count = 2;

class Mailbox {
 public:
  struct Call {
    std::string peer;
    Message request;
    Duration timeout;
    Answer answer;
  };
  // What came since the last collect().
  struct News {
    bool stop = false;
    std::vector<std::string> with_packets;                             // Peers.
    std::map<std::string, std::optional<std::string>> peer_addresses;  // None: remove.
    std::vector<Call> calls;
    std::vector<std::pair<std::uint64_t, Result<Message>>> answers;  // By the request's number.
  };

  Mailbox();

  // For any thread.
  void post(const std::string& peer, Packet packet);
  void post_all(const std::string& peer, std::vector<Packet> packets);
  // False, and nothing taken, when limits::link_requests_open_max have no answer yet.
  bool call(Call& call);
  void answer(std::uint64_t request, Result<Message> result);
  void set_peer(const std::string& name, std::optional<std::string> address);
  void stop();
  LinkCounters counters() const;
  const std::shared_ptr<LoanTally>& loan_tally() const { return loan_tally_; }
  std::vector<LinkPeerCounters> peer_counters() const;

  // For the loop. wake_fd() becomes readable when there is news.
  int wake_fd() const { return wake_fd_.get(); }
  News collect();
  void call_finished();
  void open_queue(const std::string& peer);
  // What still waits is gone; returns how many.
  std::size_t close_queue(const std::string& peer);
  // Up to batch_envelopes_max, batch_bytes_max and link_call_references_max; at least one packet if
  // any waits.
  std::vector<Packet> take_batch(const std::string& peer, Lane lane);
  template <class Change>
  void count(Change&& change) {
    std::lock_guard lock(mutex_);
    change(counters_);
  }
  template <class Change>
  void count(const std::string& peer, Change&& change) {
    std::lock_guard lock(mutex_);
    change(peers_[peer]);
  }

 private:
  struct Waiting {
    Packet packet;
    std::size_t weight_bytes;
  };
  struct LaneQueue {
    Ring<Waiting> packets;
    std::size_t bytes = 0;
  };
  struct PeerQueue {
    LaneQueue lanes[lane_count];
    bool announced = false;  // In news_.with_packets.
  };

  void wake_locked();
  void add_locked(PeerQueue& queue, Packet packet);
  void announce_locked(const std::string& peer, PeerQueue& queue);

  mutable std::mutex mutex_;
  kj::AutoCloseFd wake_fd_;
  bool awake_ = false;
  std::map<std::string, PeerQueue> open_;
  std::size_t calls_open_ = 0;
  News news_;
  LinkCounters counters_;
  const std::shared_ptr<LoanTally> loan_tally_ = std::make_shared<LoanTally>();
  std::map<std::string, LinkPeerCounters> peers_;
};

}  // namespace omma
