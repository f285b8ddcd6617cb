// VirtualTime: one thread, one clock, one seed. Whatever is under way in a simulated cluster is an
// event here: what is due by the clock, and what could run now. Of several things that could run
// now the seed chooses, so that each order that threads could produce may come up; the same seed
// chooses the same again.
//
// Single-threaded. Outlives all that puts events into it.
#pragma once

#include "runtime/base/event_queue.hpp"
#include "runtime/base/random.hpp"
#include "runtime/link/memory_network.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace omma {

// Something with inputs of its own that are taken one at a time.
class VirtualTask {
 public:
  virtual ~VirtualTask() = default;
  // Takes one input; true while it has more.
  virtual bool run_one() = 0;
};

class VirtualTime {
 public:
  explicit VirtualTime(std::uint64_t seed);

  const Clock& clock() const { return clock_; }
  Instant now() const { return clock_.now(); }
  MemoryNetwork& network() { return network_; }
  // For whoever draws faults and workloads; not what decides the order of events.
  Random& random() { return random_; }

  void at(Instant when, EventQueue::Event event) { events_.at(when, std::move(event)); }
  // The task has an input. Once, until run_one() says that it has no more.
  void make_ready(std::shared_ptr<VirtualTask> task) { ready_.push_back(std::move(task)); }

  // One event, which may take the clock on, but not past `end`. False: nothing is to be done until
  // then, and the clock stands at it.
  bool step(Instant end);
  void advance(Duration by);
  // Until the condition holds, looked at after each event; false when it still does not after this
  // long.
  bool advance_until(Duration patience, const std::function<bool()>& holds);

  // Over all that happened so far, for comparing two runs.
  std::uint64_t digest() const { return digest_ ^ network_.digest(); }
  void mix(std::uint64_t value) { digest_ = (digest_ ^ value) * 0x100000001b3u; }
  std::uint64_t events() const { return events_done_; }

 private:
  void run_ready();

  ManualClock clock_;
  SeededRandom random_;
  SeededRandom order_;
  MemoryNetwork network_;
  EventQueue events_;
  std::vector<std::shared_ptr<VirtualTask>> ready_;
  std::uint64_t digest_ = 0xcbf29ce484222325u;
  std::uint64_t events_done_ = 0;
  std::uint64_t events_at_once_ = 0;  // Since the clock last moved.
};

}  // namespace omma
