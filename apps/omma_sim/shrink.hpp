// A broken plan made short enough to read.
#pragma once

#include "apps/omma_sim/plan.hpp"

namespace omma::sim {

// The fewest happenings found that still break something, by leaving out more and more.
Plan shrink(Plan plan);

}  // namespace omma::sim
