// LeaseKeeper: keeps this node's lease with the head, and says when the node may work. Every node
// but the head has one.
//
//   renew ----> granted        the cells go on
//         ----> no answer ---> is the head's address refused? then no head runs: go on
//                              else, some time later: in doubt, the cells freeze
//         ----> declared dead: others have the actors; this node ends
//
// Work is done on one strand.
#pragma once

#include "runtime/cell/scheduler.hpp"
#include "runtime/link/link.hpp"
#include "runtime/observe/log.hpp"
#include "runtime/protocol/clock_offset.hpp"
#include "runtime/protocol/lease.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>

namespace omma {

struct LeaseKeeperServices {
  Scheduler& scheduler;
  const Clock& clock;
  Log& log;
  // A request to the head; answered, if only with unavailable, within the time.
  std::function<void(Message request, Duration timeout, Answer answer)> ask_head;
  // Whether a connection to the head's address is refused: see link/knock.hpp. Returns at once; the
  // answer may come on any thread.
  std::function<void(Duration timeout, std::function<void(bool refused)> answer)> knock;
  // The node may work until then. Whoever runs a cell compares it with the clock before each turn:
  // a process that was stopped and goes on wakes anywhere, long before any timer has fired.
  std::function<void(Instant until)> extend;
  // In doubt: nothing may be dispatched; false: again it may. On the keeper's strand.
  std::function<void(bool fenced)> set_fenced;
  // Other nodes that are declared dead; told with every renewal.
  std::function<void(const std::vector<NodeId>& nodes)> on_lost;
  // Declared dead; once, on the keeper's strand, with the head's words.
  std::function<void(const Error& why)> on_dead;
};

class LeaseKeeper {
 public:
  struct Counters {
    std::uint64_t granted = 0;
    std::uint64_t unanswered = 0;
    std::uint64_t head_down = 0;  // Proved so.
    std::uint64_t in_doubt = 0;   // Times that it froze.
  };

  // The node registered with a request that left at that time.
  LeaseKeeper(NodeId self, LeaseTimes times, Instant registered, LeaseKeeperServices services);
  void begin();
  // Nothing more is asked or told from now on; waits for what runs. Not from a handler of it.
  void close() { strand_.close(); }

  Counters counters() const;
  // How far the head's steady clock is ahead of this node's; none before the first renewal.
  std::optional<ClockOffset::Estimate> head_clock() const;

 private:
  void tick();
  void renew();
  void on_answer(Instant asked_at, Instant answered_at, Result<Message> answer);
  void adopt(Instant asked_at, LeaseTimes granted);
  void on_no_answer(const Error& why);
  // Tells what has changed.
  void look();

  const NodeId self_;
  const LeaseKeeperServices services_;
  LeaseTimes times_;
  LeaseHolder holder_;
  LeaseHolder::State told_ = LeaseHolder::State::held;
  bool knocking_ = false;
  bool answered_ = true;  // The last request was; what follows is logged once.
  Error dead_because_;

  std::atomic<std::uint64_t> granted_{0};
  std::atomic<std::uint64_t> unanswered_{0};
  std::atomic<std::uint64_t> head_down_{0};
  std::atomic<std::uint64_t> in_doubt_{0};
  mutable std::mutex mutex_;  // Around the next.
  ClockOffset head_clock_;
  Strand strand_;  // Last: nothing of the above may go while tasks run.
};

}  // namespace omma
