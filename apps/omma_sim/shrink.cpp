#include "apps/omma_sim/shrink.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "apps/omma_sim/simulation.hpp"

namespace omma::sim {

Plan shrink(Plan plan) {
  for (std::size_t piece = plan.happenings.size() / 2; piece > 0; piece /= 2) {
    for (std::size_t from = 0; from < plan.happenings.size();) {
      Plan shorter = plan;
      const std::size_t to = std::min(from + piece, shorter.happenings.size());
      shorter.happenings.erase(shorter.happenings.begin() + static_cast<std::ptrdiff_t>(from),
                               shorter.happenings.begin() + static_cast<std::ptrdiff_t>(to));
      if (simulate(shorter).holds()) {
        from = to;
      } else {
        plan = std::move(shorter);
      }
    }
  }
  return plan;
}

}  // namespace omma::sim
