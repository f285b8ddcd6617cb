#include "runtime/node/move_service.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/base/nearest_name.hpp"
#include "runtime/node/drain_account.hpp"
#include "runtime/node/wire_records.hpp"
#include "runtime/placement/move_rule.hpp"

namespace omma {
namespace {

// The node of the actor answers when the move has ended: after the target has made ready, and a
// pause which the freeze budget ends unless the directory is away.
constexpr Duration carry_out_patience = limits::move_reserve_patience + std::chrono::seconds(15);

std::string text_of(capnp::Text::Reader text) {
  return {text.begin(), text.size()};
}

Message report_of(const MoveRecord& move) {
  return Message::build<wire::MoveReport>(
      [&](wire::MoveReport::Builder out) { write(out.initMove(), move); });
}

}  // namespace

bool MoveService::handle(const Message& request, const Answer& answer) {
  if (request.is<wire::MoveActor>()) {
    move(request.as<wire::MoveActor>(), answer);
  } else if (request.is<wire::CarryOut>()) {
    const auto wanted = request.as<wire::CarryOut>();
    services_.host.move(read(wanted.getId()), text_of(wanted.getNode()),
                        text_of(wanted.getReason()), [answer](const Result<MoveRecord>& move) {
                          if (!move) return answer(move.error());
                          answer(report_of(*move));
                        });
  } else if (request.is<wire::DrainNode>()) {
    drain(text_of(request.as<wire::DrainNode>().getNode()), answer);
  } else if (request.is<wire::SetCordon>()) {
    cordon(request.as<wire::SetCordon>(), answer);
  } else if (request.is<wire::SetPin>()) {
    pin(request.as<wire::SetPin>(), answer);
  } else {
    return pass_on(request, answer);
  }
  return true;
}

void MoveService::find(const std::string& wanted, Done<ActorRecord> done) const {
  services_.directory.candidates(wanted,
                                 [wanted, done = std::move(done)](const Result<ActorPage>& page) {
                                   if (!page) return done(page.error());
                                   done(find_actor(wanted, page->actors));
                                 });
}

void MoveService::look(Done<DrainView> done) const {
  services_.directory.counted_nodes(
      [this, done = std::move(done)](Result<std::vector<CountedNode>> nodes) {
        if (!nodes) return done(nodes.error());
        services_.directory.pinned(
            [done, nodes = *std::move(nodes)](const Result<std::vector<ActorId>>& pinned) {
              if (!pinned) return done(pinned.error());
              done(DrainView{nodes, {}, {pinned->begin(), pinned->end()}, {}});
            });
      });
}

void MoveService::look_at(const std::string& node, Done<DrainView> done) const {
  look([this, node, done = std::move(done)](Result<DrainView> seen) {
    if (!seen) return done(seen.error());
    const auto view = std::make_shared<DrainView>(*std::move(seen));
    services_.directory.all_actors({.which = ActorQuery::Which::active, .node = node},
                                   [this, done, view](Result<std::vector<ActorRecord>> actors) {
                                     if (!actors) return done(actors.error());
                                     view->actors = *std::move(actors);
                                     services_.directory.homes(
                                         cameras_of(view->actors, services_.types),
                                         [done, view](Result<Homes> homes) {
                                           if (!homes) return done(homes.error());
                                           view->cameras = *std::move(homes);
                                           done(std::move(*view));
                                         });
                                   });
  });
}

// --- One actor ----------------------------------------------------------------------------------

void MoveService::move(wire::MoveActor::Reader request, const Answer& answer) {
  const std::string wanted = text_of(request.getActor());
  const std::string to = text_of(request.getNode());
  const std::string reason = text_of(request.getReason());
  find(wanted, [this, to, reason, answer](const Result<ActorRecord>& found) {
    if (!found) return answer(found.error());
    look([this, actor = *found, to, reason, answer](const Result<DrainView>& view) {
      if (!view) return answer(view.error());
      const ActorType* const type = services_.types.find(actor.type);
      const MoveWish wish{actor, view->pinned.contains(actor.id),
                          type != nullptr ? type->stays : nullptr, to};
      const auto loads = loads_of(view->nodes, services_.actors_max);
      if (auto allowed = check_move(wish, loads); !allowed) return answer(allowed.error());
      carry_out(actor, to, reason, [answer](const Result<MoveRecord>& move) {
        if (!move) return answer(move.error());
        answer(report_of(*move));
      });
    });
  });
}

void MoveService::carry_out(const ActorRecord& actor, const std::string& to,
                            const std::string& reason, Done<MoveRecord> done) const {
  if (actor.node.incarnation == services_.self.incarnation) {
    return services_.host.move(actor.id, to, reason, std::move(done));
  }
  services_.hub.call(
      actor.node.name, Message::build<wire::CarryOut>([&](wire::CarryOut::Builder out) {
        write(out.initId(), actor.id);
        out.setNode(to);
        out.setReason(reason);
      }),
      carry_out_patience, [done = std::move(done), home = actor.node.name](Result<Message> reply) {
        if (!reply) {
          return done(Error{reply.error().code, "node '" + home + "': " + reply.error().message});
        }
        if (!reply->is<wire::MoveReport>()) {
          return done(Error{Code::corrupt, "node '" + home +
                                               "' answered a move with message type " +
                                               std::to_string(reply->type_id())});
        }
        done(read(reply->as<wire::MoveReport>().getMove()));
      });
}

void MoveService::pin(wire::SetPin::Reader request, const Answer& answer) {
  find(text_of(request.getActor()),
       [this, on = request.getOn(), answer](const Result<ActorRecord>& actor) {
         if (!actor) return answer(actor.error());
         services_.directory.set_pinned(
             actor->id, on, [actor = *actor, answer](const Result<bool>& done) {
               if (!done) return answer(done.error());
               answer(Message::build<wire::ActorRecord>(
                   [&](wire::ActorRecord::Builder out) { write(out, actor); }));
             });
       });
}

// --- One node -----------------------------------------------------------------------------------

void MoveService::set_cordoned(const std::string& node, bool on, Done<NodeRecord> done) const {
  services_.directory.nodes([this, node, on,
                             done = std::move(done)](const Result<std::vector<NodeRecord>>& nodes) {
    if (!nodes) return done(nodes.error());
    std::vector<std::string> names;
    for (const NodeRecord& known : *nodes) names.push_back(known.id.name);
    if (std::find(names.begin(), names.end(), node) == names.end()) {
      return done(Error{Code::not_found, "no node '" + node + "'" + suggestion_for(node, names)});
    }
    services_.directory.set_cordoned(node, on, done);
  });
}

void MoveService::cordon(wire::SetCordon::Reader request, const Answer& answer) {
  set_cordoned(text_of(request.getNode()), request.getOn(),
               [answer](const Result<NodeRecord>& node) {
                 if (!node) return answer(node.error());
                 answer(Message::build<wire::NodeRecord>(
                     [&](wire::NodeRecord::Builder out) { write(out, *node); }));
               });
}

// Rounds of: look, plan, take the steps from the front, a few at a time. Another round follows one
// in which a move came to nothing, up to limits::drain_rounds_max.
struct MoveService::Draining {
  struct Tried {
    unsigned times = 0;
    std::string to;
    std::string why;  // It came to nothing, the last time.
  };

  std::mutex mutex;
  std::string node;
  unsigned round = 0;
  std::vector<DrainStep> steps;
  std::size_t next = 0;
  std::size_t open = 0;
  bool failed = false;             // A move of this round.
  bool pausing = false;            // Before the next round.
  std::vector<DrainStep> left;     // What is still there, of those that this round was done with.
  std::map<ActorId, Tried> tried;  // And was not moved.
  DrainAccount account;
  Answer answer;

  void begin_round(DrainView view, const MoveServices& services) {
    const std::lock_guard lock(mutex);
    ++round;
    failed = pausing = false;
    next = 0;
    steps.clear();
    left.clear();
    for (const auto& [id, tries] : tried) view.avoid.emplace(id, tries.to);
    for (DrainStep& step : plan_drain(view, services.types, services.actors_max)) {
      (step.to.empty() ? left : steps).push_back(std::move(step));
    }
  }

  void on_end(const DrainStep& step, const Result<MoveRecord>& move) {
    const std::lock_guard lock(mutex);
    --open;
    if (move && move->outcome == MoveRecord::Outcome::moved) {
      tried.erase(step.actor.id);
      return account.add(*move);
    }
    failed = true;
    left.push_back(step);
    Tried& tries = tried[step.actor.id];
    ++tries.times;
    tries.to = step.to;
    tries.why = move ? move->reason : move.error().message;
  }

  Message report() {
    for (const DrainStep& step : left) {
      const auto found = tried.find(step.actor.id);
      if (found == tried.end()) {
        account.keep(step.actor, step.why, false);
        continue;
      }
      const Tried& tries = found->second;
      account.keep(step.actor,
                   "to node '" + tries.to + "': " + tries.why + " (tried " +
                       std::to_string(tries.times) + (tries.times == 1 ? " time" : " times") + ")" +
                       (step.why.empty() ? "" : "; now: " + step.why),
                   true);
    }
    return account.report();
  }
};

void MoveService::drain(const std::string& node, const Answer& answer) {
  set_cordoned(node, true, [this, node, answer](const Result<NodeRecord>& cordoned) {
    if (!cordoned) return answer(cordoned.error());
    auto draining = std::make_shared<Draining>();
    draining->node = node;
    draining->answer = answer;
    drain_round(draining);
  });
}

void MoveService::drain_round(const std::shared_ptr<Draining>& draining) const {
  look_at(draining->node, [this, draining](const Result<DrainView>& view) {
    if (view) {
      draining->begin_round(*view, services_);
      return drain_more(draining);
    }
    // What a first round did is told even so.
    draining->answer(draining->round == 0 ? Result<Message>(view.error()) : draining->report());
  });
}

void MoveService::drain_more(const std::shared_ptr<Draining>& draining) const {
  std::vector<DrainStep> begun;
  {
    const std::lock_guard lock(draining->mutex);
    while (draining->next < draining->steps.size() &&
           draining->open < limits::drain_moves_open_max) {
      begun.push_back(draining->steps[draining->next++]);
      ++draining->open;
    }
    const bool over = draining->open == 0 && draining->next == draining->steps.size();
    if (draining->pausing || (!over && begun.empty())) return;
    if (over && draining->failed && draining->round < limits::drain_rounds_max) {
      draining->pausing = true;
      return services_.host.after(limits::drain_retry_delay * draining->round,
                                  [this, draining] { drain_round(draining); });
    }
    if (over) {
      if (draining->answer) std::exchange(draining->answer, {})(draining->report());
      return;
    }
  }
  for (const DrainStep& step : begun) {
    carry_out(step.actor, step.to, "node '" + draining->node + "' is drained",
              [this, draining, step](const Result<MoveRecord>& move) {
                draining->on_end(step, move);
                drain_more(draining);
              });
  }
}

// --- What only the directory knows --------------------------------------------------------------

bool MoveService::pass_on(const Message& request, const Answer& answer) const {
  if (request.is<wire::ListMoves>()) {
    const std::size_t count_max = request.as<wire::ListMoves>().getCountMax();
    services_.directory.moves(count_max, [answer](const Result<std::vector<MoveRecord>>& moves) {
      if (!moves) return answer(moves.error());
      answer(Message::build<wire::MoveList>([&](wire::MoveList::Builder out) {
        auto list = out.initMoves(static_cast<unsigned>(moves->size()));
        for (unsigned i = 0; i < list.size(); ++i) write(list[i], (*moves)[i]);
      }));
    });
  } else if (request.is<wire::ListNodes>()) {
    services_.directory.counted_nodes([answer](const Result<std::vector<CountedNode>>& nodes) {
      if (!nodes) return answer(nodes.error());
      answer(node_list(*nodes));
    });
  } else if (request.is<wire::ListPins>()) {
    services_.directory.pinned([answer](const Result<std::vector<ActorId>>& pinned) {
      if (!pinned) return answer(pinned.error());
      answer(Message::build<wire::PinList>([&](wire::PinList::Builder out) {
        auto list = out.initActors(static_cast<unsigned>(pinned->size()));
        for (unsigned i = 0; i < list.size(); ++i) write(list[i], (*pinned)[i]);
      }));
    });
  } else {
    return false;
  }
  return true;
}

}  // namespace omma
