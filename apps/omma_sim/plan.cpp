#include "apps/omma_sim/plan.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "runtime/base/random.hpp"

namespace omma::sim {
namespace {

using namespace std::chrono_literals;
using Kind = Happening::Kind;

constexpr Duration faulty_time = 8s;
// Enough that a move meets the crash of either end now and then.
constexpr std::size_t moves_min = 4, moves_max = 24;
constexpr std::size_t faults_max = 9;
// And in a large cluster one more for each so many.
constexpr std::size_t actors_per_move = 2000, nodes_per_fault = 100;
// Of more, several are begun at a time: the directory is asked twice for each.
constexpr std::size_t begun_one_by_one_max = 1000;
// More do the same in as much time with a quarter of the ticks: what is new in a larger cluster is
// not that each of its actors does more.
constexpr std::size_t busy_walkers_max = 5'000;
constexpr std::uint32_t calmer = 4;

class Drawer {
 public:
  Drawer(std::uint64_t seed, const PlanSize& size) : random_(seed), size_(size) {
    plan_.seed = seed;
  }

  Plan draw() {
    const std::size_t nodes = size_.nodes != 0 ? size_.nodes : 3 + random_.below(4);
    const std::size_t actors = size_.actors != 0 ? size_.actors : 6 + random_.below(19);
    plan_.nodes.push_back("head");
    for (std::size_t i = 1; i < nodes; ++i) plan_.nodes.push_back("node" + std::to_string(i));
    plan_.lease_ms = static_cast<std::uint32_t>(800 + random_.below(1600));
    const std::size_t at_a_time = std::max<std::size_t>(1, actors / begun_one_by_one_max);
    plan_.begun_at_a_time = static_cast<std::uint32_t>(at_a_time);
    plan_.wait_ms = static_cast<std::uint32_t>(100 + 2 * actors / at_a_time);
    draw_walkers(actors);
    if (size_.moves) draw_moves();
    if (size_.faults) draw_faults();
    std::stable_sort(plan_.happenings.begin(), plan_.happenings.end(),
                     [](const Happening& a, const Happening& b) { return a.at < b.at; });
    return std::move(plan_);
  }

 private:
  // Sources send and publish, relays pass on to sinks: no circles, so that it comes to an end.
  void draw_walkers(std::size_t count) {
    const std::size_t sources = std::max<std::size_t>(1, count * 2 / 5);
    const std::size_t relays = count / 4;
    const std::uint64_t durability = random_.below(4);  // 0, 1: all; 2: none; 3: some.
    const std::uint32_t rarer = count > busy_walkers_max ? calmer : 1;
    for (std::size_t i = 0; i < count; ++i) {
      WalkerPlan walker;
      walker.name = "w" + std::to_string(i);
      walker.node = any_node();
      walker.durable = durability < 2 || (durability == 3 && random_.chance(0.5));
      walker.period_ms = rarer * static_cast<std::uint32_t>(100 + random_.below(300));
      if (i < sources) {
        walker.ticks = static_cast<std::uint32_t>(10 + random_.below(30)) / rarer;
        walker.sends = some(sources, count, random_.below(3));
        walker.asks = some(0, count, random_.below(3));
        std::erase(walker.asks, walker.name);
      } else {
        if (i < sources + relays) walker.relays = some(sources + relays, count, 2);
        walker.follows = some(0, sources, random_.below(3));
        walker.glances = some(0, sources, random_.below(2));
        // One subscription to one publisher.
        for (const std::string& name : walker.follows) std::erase(walker.glances, name);
      }
      plan_.walkers.push_back(std::move(walker));
    }
  }

  std::vector<std::string> some(std::size_t from, std::size_t to, std::uint64_t wanted) {
    std::vector<std::string> names;
    if (from >= to) return names;
    for (std::uint64_t i = 0; i < wanted; ++i) {
      const std::string name = "w" + std::to_string(from + random_.below(to - from));
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
    return names;
  }

  void draw_moves() {
    const std::size_t moves =
        moves_min + random_.below(moves_max - moves_min) + plan_.walkers.size() / actors_per_move;
    for (std::size_t i = 0; i < moves; ++i) {
      const std::string walker = plan_.walkers[random_.below(plan_.walkers.size())].name;
      const Duration at = any_time();
      add(at, Kind::move, walker, any_node());
      // The same one twice in a row, and both ends of a stream at once.
      if (random_.chance(0.3)) add(at + moment(40ms), Kind::move, walker, any_node());
      if (random_.chance(0.3)) {
        const std::string other = plan_.walkers[random_.below(plan_.walkers.size())].name;
        add(at + moment(2ms), Kind::move, other, any_node());
      }
    }
  }

  void draw_faults() {
    const std::size_t faults = random_.below(faults_max + 1) + plan_.nodes.size() / nodes_per_fault;
    for (std::size_t i = 0; i < faults; ++i) draw_fault(any_time());
  }

  void draw_fault(Duration at) {
    const std::string node = any_node();
    switch (random_.below(7)) {
      case 0:
      case 1:
        add(at, Kind::crash, node);
        add(at + 50ms + moment(4s), Kind::begin, node);
        break;
      case 2:
        add(at, Kind::pause, node);
        add(at + 20ms + moment(5s), Kind::resume, node);
        break;
      case 3: {
        const std::string other = any_node();
        if (node == other) break;
        add(at, Kind::cut, node, other);
        add(at + 20ms + moment(5s), Kind::heal, node, other);
        break;
      }
      case 4:
        add(at, Kind::storm, {}, {}, static_cast<unsigned>(1 + random_.below(3)));
        add(at + 100ms + moment(3s), Kind::storm, {}, {}, 0);
        break;
      case 5:
        add(at, Kind::slow, {}, {}, static_cast<unsigned>(5 + random_.below(400)));
        add(at + 100ms + moment(3s), Kind::slow, {}, {}, 0);
        break;
      case 6:
        add(at, Kind::crash, plan_.nodes.front());
        add(at + 50ms + moment(3s), Kind::begin, plan_.nodes.front());
        break;
    }
  }

  void add(Duration at, Kind kind, std::string a = {}, std::string b = {}, unsigned strength = 0) {
    plan_.happenings.push_back({at, kind, std::move(a), std::move(b), strength});
  }
  Duration moment(Duration most) {
    return Duration(
        static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(most.count()))));
  }
  Duration any_time() { return moment(faulty_time); }
  std::string any_node() { return plan_.nodes[random_.below(plan_.nodes.size())]; }

  SeededRandom random_;
  const PlanSize size_;
  Plan plan_;
};

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::move:
      return "move";
    case Kind::crash:
      return "crash";
    case Kind::begin:
      return "begin";
    case Kind::pause:
      return "pause";
    case Kind::resume:
      return "resume";
    case Kind::cut:
      return "cut";
    case Kind::heal:
      return "heal";
    case Kind::storm:
      return "storm";
    case Kind::slow:
      return "slow directory";
  }
  return "?";
}

}  // namespace

Plan draw_plan(std::uint64_t seed, const PlanSize& size) {
  return Drawer(seed, size).draw();
}

std::string text_of(const Happening& happening) {
  char when[32];
  std::snprintf(when, sizeof when, "%9.6f ", static_cast<double>(happening.at.count()) * 1e-9);
  std::string text = std::string(when) + name_of(happening.kind);
  if (!happening.a.empty()) text += " " + happening.a;
  if (!happening.b.empty()) text += " " + happening.b;
  if (happening.a.empty()) text += " " + std::to_string(happening.strength);
  return text;
}

}  // namespace omma::sim
