// Mutants: bugs that the tests must find. Each stands in the real code where it would be made, and
// exists only in a build with OMMA_MUTANTS; in any other the condition is a constant false.
//
//   if (OMMA_MUTANT(ack_before_checkpoint) || released) ...
//
// One is planted for the whole process before anything runs.
#pragma once

#include <string_view>

#ifdef OMMA_MUTANTS
#include <array>
#include <cstddef>
#endif

namespace omma::mutants {

#ifdef OMMA_MUTANTS
inline std::string_view planted;  // Set before threads begin.

inline constexpr std::array<std::string_view, 13> names{
    "unfreeze_without_cas",     "dedup_not_in_snapshot", "ack_before_checkpoint",
    "output_before_checkpoint", "checkpoint_not_fenced", "credit_not_restored",
    "ended_life_acknowledges",  "timers_left_behind",    "retry_without_rewind",
    "lease_not_checked",        "activate_without_cas",  "outbox_not_in_snapshot",
    "stale_route_adopted",
};

inline bool plant(std::string_view name) {
  for (const std::string_view known : names) {
    if (known != name) continue;
    planted = known;
    return true;
  }
  return false;
}
#define OMMA_MUTANT(name) (::omma::mutants::planted == #name)
#else
inline bool plant(std::string_view) {
  return false;
}
#define OMMA_MUTANT(name) false
#endif

}  // namespace omma::mutants
