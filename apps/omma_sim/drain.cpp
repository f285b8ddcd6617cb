#include "apps/omma_sim/drain.hpp"

#include <algorithm>
#include <deque>
#include <vector>

#include "apps/omma_sim/walker.hpp"
#include "runtime/testkit/sim_cluster.hpp"

namespace omma::sim {
namespace {

using namespace std::chrono_literals;

class Silence final : public Onlooker {
 public:
  void began(const NodeId&, Walker&) override {}
  void ended(const NodeId&, Walker&) override {}
  void on_turn(const NodeId&, const ActorId&) override {}
  void violation(const std::string&, const std::string&) override {}
  std::uint64_t life_of(const ActorId&) override { return 1; }
  bool is_durable(const ActorId&) const override { return false; }
};

}  // namespace

Drain drain_node(std::size_t actors, Duration link_delay, Duration commit, std::size_t at_a_time) {
  Silence silence;
  SimOptions options;
  options.nodes = {{.name = "head"}, {.name = "full"}, {.name = "empty-1"}, {.name = "empty-2"}};
  options.directory_delays = {commit, commit};
  options.types = [&](const NodeId& node) {
    ActorTypes types;
    types.add(actor_type<Walker>([&silence, node](WalkerConfig::Reader config) {
      return std::make_unique<Walker>(config, node, silence);
    }));
    return types;
  };
  SimCluster cluster(std::move(options));
  cluster.set_faults({.delay_min = link_delay, .delay_max = link_delay});
  cluster.start();
  std::deque<ActorId> left;
  for (std::size_t i = 0; i < actors; ++i) {
    const auto ref = Turn::make_stage_ref<Walker>(
        [&](WalkerConfig::Builder config) { config.setName("w" + std::to_string(i)); });
    if (cluster.activate("full", *ref.spec)) left.push_back(ref.id);
  }
  cluster.advance(1s);

  Drain drain;
  std::vector<Duration> pauses;
  std::size_t open = 0;
  std::function<void()> move_next = [&] {
    if (left.empty()) return;
    const ActorId id = left.front();
    left.pop_front();
    ++open;
    const std::string to = left.size() % 2 == 0 ? "empty-1" : "empty-2";
    cluster.node("full").host().move(id, to, "drain", [&](Result<MoveRecord> end) {
      --open;
      const bool moved = end && end->outcome == MoveRecord::Outcome::moved;
      ++(moved ? drain.moved : drain.kept);
      if (moved) pauses.push_back(end->pause);
      move_next();
    });
  };
  const Instant begun = cluster.time().now();
  for (std::size_t i = 0; i < at_a_time; ++i) move_next();
  while (open > 0) cluster.advance(10ms);
  drain.took = cluster.time().now() - begun;
  std::sort(pauses.begin(), pauses.end());
  if (!pauses.empty()) {
    drain.pause_p50 = pauses[pauses.size() / 2];
    drain.pause_p99 = pauses[pauses.size() * 99 / 100];
  }
  return drain;
}

}  // namespace omma::sim
