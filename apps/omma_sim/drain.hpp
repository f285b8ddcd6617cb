// How long it takes to move everything away from a node with many actors: in virtual time, with the
// links' and the directory's delays of a real cluster. As `omma drain` does it, so many at a time.
#pragma once

#include "runtime/base/time.hpp"

#include <cstddef>

namespace omma::sim {

struct Drain {
  std::size_t moved = 0;
  std::size_t kept = 0;
  Duration took{};  // Virtual.
  Duration pause_p50{};
  Duration pause_p99{};
};

// `commit`: what one transaction of the directory takes; requests that come meanwhile share the
// next.
Drain drain_node(std::size_t actors, Duration link_delay, Duration commit, std::size_t at_a_time);

}  // namespace omma::sim
