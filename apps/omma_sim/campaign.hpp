// Campaign: many seeds on all cores, and what came of them.
#pragma once

#include "apps/omma_sim/simulation.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace omma::sim {

struct CampaignOptions {
  std::uint64_t first_seed = 1;
  std::uint64_t seeds = 1000;
  unsigned threads = 1;
  PlanSize size;
  std::size_t failures_max = 10;  // Then it ends early.
};

struct Campaign {
  struct Failure {
    std::uint64_t seed = 0;
    Broken first;
  };
  std::uint64_t seeds = 0;
  std::uint64_t events = 0;
  Duration virtual_time{};
  std::size_t moved = 0;
  std::size_t aborted = 0;
  std::size_t refused = 0;
  std::size_t unanswered = 0;
  std::size_t crashes = 0;
  std::vector<Duration> pauses;   // Sorted.
  std::vector<Failure> failures;  // By seed.
};

Campaign run_campaign(const CampaignOptions& options);

}  // namespace omma::sim
