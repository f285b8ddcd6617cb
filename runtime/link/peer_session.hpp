// PeerSession: one life of the connection to a peer, a lane for control and a lane for bulk. It
// moves packets from the mailbox in batches, keeps few calls unanswered, and notices silence. It
// never mends anything: when a lane breaks the session is over, and the loop begins another.
//
// Event loop's thread only.
#pragma once

#include <kj/async.h>
#include <kj/timer.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/time.hpp"
#include "runtime/link/connection.hpp"
#include "runtime/link/mailbox.hpp"

namespace omma {

using LaneConnections = std::array<kj::Own<Connection>, lane_count>;

class PeerSession final : private kj::TaskSet::ErrorHandler {
 public:
  PeerSession(NodeId peer, LaneConnections lanes, std::shared_ptr<Mailbox> mailbox,
              kj::Timer& timer, const Clock& clock);

  const NodeId& peer() const { return peer_; }
  // Begins to watch the other side and sends what waits.
  void start();
  void pump();
  void call(Message request, Duration timeout, Answer answer);
  // It is over: every open call is answered; returns how many packets were sent and not answered.
  std::size_t finish(const std::string& why);

 private:
  Connection& lane(Lane which) { return *lanes_[static_cast<std::size_t>(which)]; }
  void pump(Lane which);
  kj::Promise<void> watch();
  void check();
  void answer_call(std::uint64_t number, Result<Message> result);
  void taskFailed(kj::Exception&&) override {}  // The connection's own end tells the loop.

  NodeId peer_;
  std::shared_ptr<Mailbox> mailbox_;
  kj::Timer& timer_;
  const Clock& clock_;
  LaneConnections lanes_;
  std::array<std::size_t, lane_count> calls_in_flight_{};
  std::size_t packets_in_flight_ = 0;
  bool ping_in_flight_ = false;
  Instant heard_{};
  std::uint64_t calls_begun_ = 0;
  std::map<std::uint64_t, Answer> calls_;
  kj::Promise<void> watch_;
  kj::TaskSet tasks_;  // Last: its promises use the lanes.
};

}  // namespace omma
