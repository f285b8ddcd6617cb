#include "runtime/node/fail_over.hpp"

#include <chrono>
#include <set>
#include <utility>

#include "runtime/node/host.hpp"

namespace omma {

FailOver::FailOver(FailOverServices services)
    : services_(std::move(services)), plan_(services_.types), strand_(services_.scheduler) {}

void FailOver::begin() {
  strand_.post([this] { look(); });
}

void FailOver::look_later() {
  strand_.post_after(services_.leases.times().look_every(), [this] { look(); });
}

void FailOver::look() {
  services_.directory.nodes([this](Result<std::vector<NodeRecord>> nodes) {
    strand_.post([this, nodes = std::move(nodes)] {
      if (nodes) return on_nodes(*nodes);
      services_.log.warn("fail-over", "no look at the nodes", {{"why", nodes.error().describe()}});
      look_later();
    });
  });
}

// --- Deaths -------------------------------------------------------------------------------------

void FailOver::on_nodes(std::vector<NodeRecord> nodes) {
  // Before those that are gone are forgotten.
  for (const auto& [node, when] : services_.leases.heard()) heard_.insert_or_assign(node, when);
  services_.leases.keep(nodes);
  declare_dead(services_.leases.due(), std::move(nodes));
}

// One after the other, then on to the orphans.
void FailOver::declare_dead(std::vector<NodeId> due, std::vector<NodeRecord> nodes) {
  if (due.empty()) return find_orphans();
  const NodeId node = due.back();
  due.pop_back();
  services_.directory.mark_dead(node, [this, node, due = std::move(due), nodes = std::move(nodes)](
                                          Result<NodeRecord> marked) mutable {
    strand_.post([this, node, due = std::move(due), nodes = std::move(nodes), marked] {
      std::vector<NodeRecord> now_known = nodes;
      if (marked) {
        ++declared_dead_;
        services_.log.warn(
            "fail-over", "node declared dead",
            {{"peer", node.name},
             {"incarnation", node.incarnation.text()},
             {"silent_ms", (services_.leases.times().ttl + services_.leases.times().hold) /
                               std::chrono::milliseconds(1)}});
        for (NodeRecord& record : now_known) {
          if (record.id.incarnation == node.incarnation) record = *marked;
        }
        services_.announce(node, now_known);
      } else {  // Another took its name meanwhile, or the directory is away: seen at the next look.
        services_.log.warn("fail-over", "node not declared dead",
                           {{"peer", node.name}, {"why", marked.error().describe()}});
      }
      declare_dead(due, std::move(now_known));
    });
  });
}

// --- Orphans ------------------------------------------------------------------------------------

void FailOver::find_orphans() {
  services_.directory.all_actors({.which = ActorQuery::Which::orphaned},
                                 [this](Result<std::vector<ActorRecord>> orphans) {
                                   strand_.post([this, orphans = std::move(orphans)]() mutable {
                                     if (orphans && !orphans->empty())
                                       return look_around(*std::move(orphans));
                                     if (orphans) {
                                       on_orphans({});
                                     } else {
                                       services_.log.warn("fail-over", "no look at the orphans",
                                                          {{"why", orphans.error().describe()}});
                                     }
                                     look_later();
                                   });
                                 });
}

// Where may they go? As the directory has it now, with the deaths that were declared.
void FailOver::look_around(std::vector<ActorRecord> orphans) {
  const auto cameras = cameras_of(orphans, services_.types);
  services_.directory.counted_nodes([this, cameras, orphans = std::move(orphans)](
                                        Result<std::vector<CountedNode>> nodes) mutable {
    if (!nodes) return strand_.post([this] { look_later(); });
    Found found{std::move(orphans), *std::move(nodes), {}};
    services_.directory.homes(
        cameras, [this, found = std::move(found)](Result<Homes> homes) mutable {
          if (homes) found.cameras = *std::move(homes);
          strand_.post([this, found = std::move(found), complete = homes.ok()] {
            if (complete) on_orphans(found);
            look_later();
          });
        });
  });
}

void FailOver::note_silence(const std::vector<ActorRecord>& orphans) {
  const auto present = services_.leases.heard();
  std::set<Incarnation> gone;
  for (const ActorRecord& orphan : orphans) {
    gone.insert(orphan.node.incarnation);
    heard_.try_emplace(orphan.node.incarnation, services_.clock.now());
  }
  std::erase_if(heard_, [&](const auto& entry) {
    return !present.contains(entry.first) && !gone.contains(entry.first);
  });
}

// Until then its actors wait; a later look finds it.
void FailOver::get_type(const std::string& type) {
  if (services_.more_types == nullptr || services_.types.find(type) != nullptr) return;
  if (!coming_types_.insert(type).second) return;
  services_.more_types->bring(type, "", [this, type](const Result<void>&) {
    strand_.post([this, type] { coming_types_.erase(type); });
  });
}

void FailOver::on_orphans(const Found& found) {
  note_silence(found.orphans);
  for (const ActorRecord& orphan : found.orphans) get_type(orphan.type);
  const FailOverPlan::Situation now_known{
      found.orphans, found.nodes, found.cameras, services_.actors_max,
      [this](const NodeId& node) { return services_.leases.may_work(node); }};
  for (const FailOverPlan::Step& step : plan_.begin(now_known, services_.clock.now())) {
    carry_out(step);
  }
}

void FailOver::carry_out(const FailOverPlan::Step& step) {
  switch (step.kind) {
    case FailOverPlan::Step::Kind::wait:
      services_.log.warn("fail-over", "an actor waits for a node",
                         {{"actor", step.actor.type + "/" + step.actor.name},
                          {"was_on", step.actor.node.name},
                          {"why", step.why}});
      return;
    case FailOverPlan::Step::Kind::end:
      // Whoever takes over what stays ends it: see Host::take_over.
      return revive(services_.self, step);
    case FailOverPlan::Step::Kind::revive:
      return revive(step.to.id.name, step);
  }
}

void FailOver::revive(const std::string& node, const FailOverPlan::Step& step) {
  const Instant away_since = heard_.at(step.actor.node.incarnation);
  services_.revive(node, step.actor.id, [this, step, away_since](Result<Revival> revival) {
    strand_.post([this, step, away_since, revival = std::move(revival)] {
      on_revived(step, away_since, revival);
    });
  });
}

void FailOver::on_revived(const FailOverPlan::Step& step, Instant away_since,
                          const Result<Revival>& revival) {
  const std::string title = step.actor.type + "/" + step.actor.name;
  if (!revival) {
    ++failed_;
    services_.log.warn(
        "fail-over", "not revived",
        {{"actor", title}, {"on", step.to.id.name}, {"why", revival.error().message}});
    return plan_.on_failed(step.actor.id, step.to.id.name, services_.clock.now());
  }
  plan_.on_done(step.actor.id, services_.clock.now());
  if (step.kind == FailOverPlan::Step::Kind::end) {
    ++ended_;
    return services_.log.info("fail-over", "ended", {{"actor", title}, {"why", step.why}});
  }
  ++revived_;
  services_.log.info("fail-over", "revived",
                     {{"actor", title},
                      {"was_on", step.actor.node.name},
                      {"on", revival->record.node.name},
                      {"epoch", revival->record.epoch},
                      {"life", revival->record.life == step.actor.life ? "goes on" : "new"}});
  log_move(step, away_since, *revival);
}

void FailOver::log_move(const FailOverPlan::Step& step, Instant away_since,
                        const Revival& revival) const {
  const ActorRecord& record = revival.record;
  MoveRecord move;
  move.when = services_.clock.wall_now();
  move.id = record.id;
  move.type = record.type;
  move.name = record.name;
  move.from = step.actor.node.name;
  move.to = record.node.name;
  move.outcome = MoveRecord::Outcome::taken_over;
  move.reason = step.why;
  move.pause = services_.clock.now() - away_since;
  move.bytes = revival.checkpoint_bytes;
  services_.directory.append_move(move, [this, name = move.name](const Result<bool>& appended) {
    if (appended) return;
    services_.log.warn("fail-over", "not in the log of moves",
                       {{"actor", name}, {"why", appended.error().describe()}});
  });
}

FailOver::Counters FailOver::counters() const {
  return {declared_dead_, revived_, failed_, ended_};
}

}  // namespace omma
