#include "runtime/node/fail_over_plan.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "runtime/base/limits.hpp"

namespace omma {
namespace {

constexpr Duration retry_min = std::chrono::milliseconds(250);
constexpr Duration retry_max = std::chrono::seconds(10);

Duration retry_delay(unsigned failures) {
  const unsigned doublings = std::min(failures - 1, 6U);
  return std::min(retry_min * (1 << doublings), retry_max);
}

}  // namespace

std::vector<FailOverPlan::Step> FailOverPlan::begin(const Situation& now_known, Instant now) {
  forget_others(now_known.orphans);
  std::vector<NodeLoad> loads = loads_of(now_known.nodes, now_known.actors_max);
  Homes homes = now_known.cameras;
  for (const ActorRecord& orphan : now_known.orphans) homes.erase(orphan.id);

  std::vector<Step> steps;
  for (const ActorRecord* orphan : in_placing_order(now_known.orphans, types_)) {
    Try& tried = tries_[orphan->id];
    if (!tried.open && tried.epoch != orphan->epoch) {
      tried = Try();
      tried.epoch = orphan->epoch;
    }
    if (tried.open) homes[orphan->id] = tried.to;
    if (open_ >= limits::fail_overs_open_max) continue;
    if (tried.open || now < tried.not_before || now_known.may_work(orphan->node)) continue;
    Step step = decide(*orphan, tried, loads, homes);
    if (step.kind == Step::Kind::wait) {
      if (std::exchange(tried.waits, step.why) != step.why) steps.push_back(std::move(step));
      continue;
    }
    tried.open = true;
    ++open_;
    if (step.kind == Step::Kind::revive) {
      tried.to = step.to.id.name;
      homes[orphan->id] = tried.to;
      add_load(loads, step.to.id.name);
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

FailOverPlan::Step FailOverPlan::decide(const ActorRecord& orphan, const Try& tried,
                                        const std::vector<NodeLoad>& loads,
                                        const Homes& homes) const {
  Step step;
  step.actor = orphan;
  const ActorType* const type = types_.find(orphan.type);
  if (type == nullptr) {
    step.kind = Step::Kind::wait;
    step.why =
        "the head knows no actor type '" + orphan.type + "'; all nodes must run the same build";
    return step;
  }
  if (type->stays != nullptr) {
    step.kind = Step::Kind::end;
    step.why = "node '" + orphan.node.name + "' is dead, and " + type->stays;
    return step;
  }
  const NodeWish rule = home_wish(*type, orphan, homes);
  const Result<NodeRecord> chosen = choose_home(loads, rule, tried.avoid);
  if (!chosen) {
    step.kind = Step::Kind::wait;
    step.why = chosen.error().message;
    return step;
  }
  step.to = *chosen;
  step.why = "node '" + orphan.node.name + "' is dead";
  return step;
}

void FailOverPlan::on_done(const ActorId& id, Instant now) {
  const auto found = tries_.find(id);
  if (found == tries_.end()) return;
  if (std::exchange(found->second.open, false)) --open_;
  found->second.not_before = now + retry_max;
}

void FailOverPlan::on_failed(const ActorId& id, const std::string& node, Instant now) {
  const auto found = tries_.find(id);
  if (found == tries_.end()) return;
  Try& tried = found->second;
  if (std::exchange(tried.open, false)) --open_;
  ++tried.failures;
  tried.not_before = now + retry_delay(tried.failures);
  tried.avoid = node;
}

// Those that are no orphans any more were revived, or ended, by somebody.
void FailOverPlan::forget_others(std::span<const ActorRecord> orphans) {
  std::set<ActorId> still;
  for (const ActorRecord& orphan : orphans) still.insert(orphan.id);
  std::erase_if(tries_, [&](const auto& entry) {
    return !entry.second.open && !still.contains(entry.first);
  });
}

}  // namespace omma
