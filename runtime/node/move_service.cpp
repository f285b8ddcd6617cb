#include "runtime/node/move_service.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/base/nearest_name.hpp"
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

void MoveService::look(Done<Known> done) const {
  services_.directory.nodes([this, done = std::move(done)](Result<std::vector<NodeRecord>> nodes) {
    if (!nodes) return done(nodes.error());
    services_.directory.actors(
        [this, done, nodes = *std::move(nodes)](Result<std::vector<ActorRecord>> actors) {
          if (!actors) return done(actors.error());
          services_.directory.pinned([done, nodes, actors = *std::move(actors)](
                                         const Result<std::vector<ActorId>>& pinned) {
            if (!pinned) return done(pinned.error());
            done(Known{nodes, actors, {pinned->begin(), pinned->end()}});
          });
        });
  });
}

// --- One actor ----------------------------------------------------------------------------------

void MoveService::move(wire::MoveActor::Reader request, const Answer& answer) {
  const std::string wanted = text_of(request.getActor());
  const std::string to = text_of(request.getNode());
  const std::string reason = text_of(request.getReason());
  look([this, wanted, to, reason, answer](const Result<Known>& known) {
    if (!known) return answer(known.error());
    const auto actor = find_actor(wanted, known->actors);
    if (!actor) return answer(actor.error());
    const ActorType* const type = services_.types.find(actor->type);
    const MoveWish wish{*actor, known->pinned.contains(actor->id),
                        type != nullptr ? type->stays : nullptr, to};
    const auto loads = loads_of(known->nodes, known->actors, services_.actors_max);
    if (auto allowed = check_move(wish, loads); !allowed) return answer(allowed.error());
    carry_out(*actor, to, reason, [answer](const Result<MoveRecord>& move) {
      if (!move) return answer(move.error());
      answer(report_of(*move));
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
  const std::string wanted = text_of(request.getActor());
  services_.directory.actors(
      [this, wanted, on = request.getOn(), answer](const Result<std::vector<ActorRecord>>& actors) {
        if (!actors) return answer(actors.error());
        const auto actor = find_actor(wanted, *actors);
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

// Steps are taken from the front, a few at a time; the answer goes out with the last one's end.
struct MoveService::Draining {
  std::mutex mutex;
  std::string node;
  std::vector<DrainStep> steps;
  std::size_t next = 0;
  std::size_t open = 0;
  std::vector<MoveRecord> moved;
  struct Kept {
    ActorRecord actor;
    std::string why;
    bool tried = false;
  };
  std::vector<Kept> kept;
  Answer answer;

  void on_end(const DrainStep& step, const Result<MoveRecord>& move) {
    const std::lock_guard lock(mutex);
    --open;
    if (!move) {
      kept.push_back({step.actor, move.error().message, true});
    } else if (move->outcome != MoveRecord::Outcome::moved) {
      kept.push_back({step.actor, move->reason, true});
    } else {
      moved.push_back(*move);
    }
  }
  Message report() const {
    return Message::build<wire::DrainReport>([&](wire::DrainReport::Builder out) {
      auto moves = out.initMoved(static_cast<unsigned>(moved.size()));
      for (unsigned i = 0; i < moves.size(); ++i) write(moves[i], moved[i]);
      auto list = out.initKept(static_cast<unsigned>(kept.size()));
      for (unsigned i = 0; i < list.size(); ++i) {
        write(list[i].initId(), kept[i].actor.id);
        list[i].setType(kept[i].actor.type);
        list[i].setName(kept[i].actor.name);
        list[i].setWhy(kept[i].why);
        list[i].setTried(kept[i].tried);
      }
    });
  }
};

void MoveService::drain(const std::string& node, const Answer& answer) {
  set_cordoned(node, true, [this, node, answer](const Result<NodeRecord>& cordoned) {
    if (!cordoned) return answer(cordoned.error());
    look([this, node, answer](const Result<Known>& known) {
      if (!known) return answer(known.error());
      auto draining = std::make_shared<Draining>();
      draining->node = node;
      draining->answer = answer;
      for (DrainStep& step : plan_drain(node, known->nodes, known->actors, known->pinned,
                                        services_.types, services_.actors_max)) {
        if (step.to.empty()) {
          draining->kept.push_back({std::move(step.actor), std::move(step.why), false});
        } else {
          draining->steps.push_back(std::move(step));
        }
      }
      drain_more(draining);
    });
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
    if (!over && begun.empty()) return;
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
    services_.directory.nodes([answer](const Result<std::vector<NodeRecord>>& nodes) {
      if (!nodes) return answer(nodes.error());
      answer(Message::build<wire::NodeList>([&](wire::NodeList::Builder out) {
        auto list = out.initNodes(static_cast<unsigned>(nodes->size()));
        for (unsigned i = 0; i < list.size(); ++i) write(list[i], (*nodes)[i]);
      }));
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
