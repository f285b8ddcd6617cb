#include "runtime/node/fail_over.hpp"

#include <chrono>
#include <utility>

#include "runtime/protocol/move_record.hpp"

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
  services_.leases.keep(nodes);
  declare_dead(services_.leases.due(), std::move(nodes));
}

// One after the other, then on to the orphans.
void FailOver::declare_dead(std::vector<NodeId> due, std::vector<NodeRecord> nodes) {
  if (due.empty()) return find_orphans(std::move(nodes));
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

void FailOver::find_orphans(std::vector<NodeRecord> nodes) {
  services_.directory.orphans(
      [this, nodes = std::move(nodes)](Result<std::vector<ActorRecord>> orphans) {
        if (!orphans || orphans->empty()) {
          return strand_.post([this, nodes, orphans = std::move(orphans)] {
            if (orphans) {
              on_orphans(nodes, {}, {});
            } else {
              services_.log.warn("fail-over", "no look at the orphans",
                                 {{"why", orphans.error().describe()}});
            }
            look_later();
          });
        }
        services_.directory.actors(
            [this, nodes, orphans = *std::move(orphans)](Result<std::vector<ActorRecord>> actors) {
              strand_.post([this, nodes, orphans, actors = std::move(actors)] {
                if (actors) on_orphans(nodes, orphans, *actors);
                look_later();
              });
            });
      });
}

void FailOver::on_orphans(const std::vector<NodeRecord>& nodes,
                          const std::vector<ActorRecord>& orphans,
                          const std::vector<ActorRecord>& actors) {
  const FailOverPlan::Situation now_known{
      orphans, nodes, actors, services_.actors_max,
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
  services_.revive(node, step.actor.id, [this, step](Result<ActorRecord> record) {
    strand_.post([this, step, record = std::move(record)] { on_revived(step, record); });
  });
}

void FailOver::on_revived(const FailOverPlan::Step& step, const Result<ActorRecord>& record) {
  const std::string title = step.actor.type + "/" + step.actor.name;
  if (!record) {
    ++failed_;
    services_.log.warn(
        "fail-over", "not revived",
        {{"actor", title}, {"on", step.to.id.name}, {"why", record.error().message}});
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
                      {"on", record->node.name},
                      {"epoch", record->epoch},
                      {"life", record->life == step.actor.life ? "goes on" : "new"}});
  log_move(step, *record);
}

void FailOver::log_move(const FailOverPlan::Step& step, const ActorRecord& record) const {
  MoveRecord move;
  move.when = services_.clock.wall_now();
  move.id = record.id;
  move.type = record.type;
  move.name = record.name;
  move.from = step.actor.node.name;
  move.to = record.node.name;
  move.outcome = MoveRecord::Outcome::taken_over;
  move.reason = step.why;
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
