// CafScheduler: cells and strands as CAF actors, one each; CAF's threads run them. This is what a
// node uses. One input is one CAF message.
//
// Thread-safe. The actor system outlives it, and waits at its end for the actors made here.
#pragma once

#include "runtime/cell/scheduler.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <cstddef>
#include <memory>

namespace omma {

class CafScheduler final : public Scheduler {
 public:
  explicit CafScheduler(caf::actor_system& system) : system_(system) {}

  Cell spawn(CellBirth birth) override;
  std::unique_ptr<StrandQueue> make_strand(std::shared_ptr<StrandGate> gate) override;

 private:
  caf::actor_system& system_;
};

// Scheduler settings that were measured best for cells (sharing beats stealing on few cores).
// `threads` 0 asks for CAF's own choice; `deterministic` gives the test coordinator.
void configure_cells(caf::actor_system_config& config, std::size_t threads, bool deterministic);

}  // namespace omma
