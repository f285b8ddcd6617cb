// MemoryNetwork: links without sockets or threads, for tests. Any number of hubs in one process
// exchange packets through one queue of events in virtual time, and everything that chance decides
// comes from a seed: the same seed and the same calls give the same run.
//
// The promises are those of a real link: in order within a lane, or, when the connection breaks,
// not at all; on_peer_down and on_peer_up around it. Faults beyond that (loss without a break,
// doubling, reordering within a lane) can be asked for, to torture what lies above.
//
// Single-threaded: hubs, network and clock belong to one thread; handlers run inside step(). A
// handler must not destroy a hub. The clock must outlive network and hubs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "runtime/base/time.hpp"
#include "runtime/link/link.hpp"

namespace omma {

// Of one pair of nodes, both ways. Probabilities are of a packet, 0 to 1.
struct MemoryFaults {
  Duration delay_min{50'000};  // One way: 50 to 150 microseconds unless told.
  Duration delay_max{150'000};
  std::uint64_t bytes_per_second = 0;  // Of each lane and direction; 0: without limit.
  double break_chance = 0;             // The connection breaks just as this packet is posted.
  double loss = 0;                     // Beyond a real link's promise from here on.
  double duplication = 0;
  double reordering = 0;  // It does not wait for those before it in its lane.
};

class MemoryNetwork {
 public:
  MemoryNetwork(std::uint64_t seed, ManualClock& clock);
  ~MemoryNetwork();

  // unavailable when a hub already listens at the address or bears the name.
  Result<std::unique_ptr<LinkHub>> make_hub(LinkOptions options, LinkHandlers handlers);

  void set_faults(const std::string& a, const std::string& b, MemoryFaults faults);
  // Bytes stand still both ways. Past limits::suspect_after both sides notice and the connection
  // is lost; healed before that, all arrives.
  void partition(const std::string& a, const std::string& b);
  void heal(const std::string& a, const std::string& b);
  // The same one way only: what `to` sends still arrives, until the silence is noticed.
  void block(const std::string& from, const std::string& to);
  // Cuts the connection now; what is on its way is lost. It comes back by itself.
  void break_connection(const std::string& a, const std::string& b);

  // The process stands still: what arrives for it waits, its peers notice after
  // limits::suspect_after, and it learns that when it goes on.
  void pause(const std::string& node);
  void resume(const std::string& node);
  // The process is killed: its hub does nothing from here on and tells its owner nothing, not even
  // when it is destroyed. Peers notice at once.
  void crash(const std::string& node);

  // When the next event is due; none when nothing will happen by itself.
  std::optional<Instant> next_event() const;
  // Does the next event if it is due by the clock. False when none is.
  bool step();
  // Moves the clock on, doing every event at its time.
  void advance(Duration by);
  // Over all events so far, for comparing two runs.
  std::uint64_t digest() const;

  struct Core;  // Internal.

 private:
  std::shared_ptr<Core> core_;
};

}  // namespace omma
