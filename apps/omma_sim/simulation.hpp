// Simulation: one plan carried out on a SimCluster, and the verdict. The oracle sees every turn
// and, when all is quiet, every state, and holds them against the invariants:
//   I1  numbers come once and in order within a pair of lives; of durable actors, always
//   I3  a turn runs only where the directory says that the actor lives
//   I5  when the faults are over, everything drains
//   I6  every move that was begun is answered
//   I7  nothing stays frozen or staged
//   I8  directory and hosts agree
//   I9  newest numbers keep their order (with I1); sent = received + counted (with I10)
//   I10 the ledger's laws
//
// One thread each; simulations do not share anything.
#pragma once

#include "apps/omma_sim/plan.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace omma::sim {

struct Broken {
  std::string invariant;
  std::string what;
};

struct Verdict {
  std::vector<Broken> broken;  // The first few.
  std::uint64_t digest = 0;
  std::uint64_t events = 0;
  Duration virtual_time{};
  std::size_t moved = 0;
  std::size_t aborted = 0;
  std::size_t refused = 0;
  std::size_t unanswered = 0;  // Moves whose source died.
  std::size_t crashes = 0;
  std::vector<Duration> pauses{};

  bool holds() const { return broken.empty(); }
};

// `trace` takes what happens, line by line; null for none.
using Trace = std::function<void(const std::string& line)>;
Verdict simulate(const Plan& plan, const Trace& trace = nullptr);

}  // namespace omma::sim
