// Plan: what a seed stands for: a workload of walkers and a schedule of faults and moves. Drawn
// once and then plain data, so that a failing one can be made shorter.
#pragma once

#include "runtime/base/time.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace omma::sim {

struct WalkerPlan {
  std::string name;
  std::string node;  // Where it begins.
  std::uint32_t ticks = 0;
  std::uint32_t period_ms = 0;
  bool durable = false;
  std::vector<std::string> sends, relays, asks, follows, glances;
};

struct Happening {
  enum class Kind : std::uint8_t {
    move,    // Walker a to node b.
    crash,   // Node a.
    begin,   // Node a, if it is not there.
    pause,   // Node a.
    resume,  // Node a.
    cut,     // The links between nodes a and b.
    heal,    // The same.
    storm,   // All links lose, double, reorder and break; strength 1 to 3, 0 for none.
    slow,    // The directory takes this many milliseconds; 0: it is quick.
  };
  Duration at{};  // Since the first.
  Kind kind = Kind::move;
  std::string a;
  std::string b;
  unsigned strength = 0;
};

struct Plan {
  std::uint64_t seed = 1;
  std::vector<std::string> nodes;  // The head is the first.
  std::uint32_t lease_ms = 0;      // How long a node may live without the head's word.
  std::vector<WalkerPlan> walkers;
  std::uint32_t begun_at_a_time = 1;
  std::uint32_t wait_ms = 0;          // Until all of them are there.
  std::vector<Happening> happenings;  // In the order of time.
};

struct PlanSize {
  std::size_t nodes = 0;   // 0: drawn, 3 to 6.
  std::size_t actors = 0;  // 0: drawn, 6 to 24.
  bool faults = true;
  bool moves = true;
};

Plan draw_plan(std::uint64_t seed, const PlanSize& size);
std::string text_of(const Happening& happening);

}  // namespace omma::sim
