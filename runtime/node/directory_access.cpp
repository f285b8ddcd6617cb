#include "runtime/node/directory_access.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/directory/request_rules.hpp"
#include "runtime/node/wire_records.hpp"

namespace omma {
namespace {

// Hands a reply of type T on through `convert`, or the error as it is. `convert` takes the struct,
// or the whole message where payloads matter, and gives an R or a Result<R>.
template <class T, class R, class Convert>
Answer answer_as(DirectoryClient::Done<R> done, Convert convert) {
  return [done = std::move(done), convert](Result<Message> reply) {
    if (!reply) return done(reply.error());
    if (!reply->template is<T>()) {
      return done(Error{Code::corrupt, "the directory answered with message type " +
                                           std::to_string(reply->type_id())});
    }
    if constexpr (std::is_invocable_v<Convert, const Message&>) {
      done(convert(*reply));
    } else {
      done(convert(reply->template as<T>()));
    }
  };
}

Answer answer_done(DirectoryClient::Done<bool> done) {
  return answer_as<wire::Nothing, bool>(std::move(done),
                                        [](wire::Nothing::Reader) { return true; });
}

Answer answer_node(DirectoryClient::Done<NodeRecord> done) {
  return answer_as<wire::NodeRecord, NodeRecord>(
      std::move(done), [](wire::NodeRecord::Reader in) { return read(in); });
}

Answer answer_actors(DirectoryClient::Done<std::vector<ActorRecord>> done) {
  return answer_as<wire::ActorList, std::vector<ActorRecord>>(
      std::move(done), [](wire::ActorList::Reader in) {
        std::vector<ActorRecord> actors;
        for (auto actor : in.getActors()) {
          if (auto record = read(actor)) actors.push_back(*std::move(record));
        }
        return actors;
      });
}

Result<void> outcome_in(wire::SaveOutcome::Reader in) {
  const std::uint8_t code = in.getCode();
  if (code == static_cast<std::uint8_t>(Code::ok)) return {};
  const bool known = code <= static_cast<std::uint8_t>(Code::internal);
  return Error{known ? static_cast<Code>(code) : Code::internal, in.getMessage().cStr()};
}

// One to each of the checkpoints that were sent.
Result<std::vector<Result<void>>> outcomes_in(wire::SaveOutcomes::Reader in, std::size_t sent) {
  if (in.getOutcomes().size() != sent) {
    return Error{Code::corrupt, "the directory answered " +
                                    std::to_string(in.getOutcomes().size()) + " of " +
                                    std::to_string(sent) + " checkpoints"};
  }
  std::vector<Result<void>> outcomes;
  outcomes.reserve(sent);
  for (auto outcome : in.getOutcomes()) outcomes.push_back(outcome_in(outcome));
  return outcomes;
}

Result<std::optional<Checkpoint>> checkpoint_in(const Message& reply) {
  const auto head = reply.as<wire::FetchedCheckpoint>().getHead();
  const Blob state = reply.payloads().empty() ? Blob() : reply.payloads().front();
  if (head.getStateBytes() != state.size()) {
    return Error{Code::corrupt, "a checkpoint's state of " + std::to_string(state.size()) +
                                    " bytes, its head says " +
                                    std::to_string(head.getStateBytes())};
  }
  return read(head, state);
}

}  // namespace

void DirectoryClient::actor(const ActorId& id, Done<std::optional<ActorRecord>> done) const {
  call_(Message::build<wire::LookUpActor>(
            [&](wire::LookUpActor::Builder out) { write(out.initId(), id); }),
        answer_as<wire::ActorRecord, std::optional<ActorRecord>>(
            std::move(done), [](wire::ActorRecord::Reader in) { return read(in); }));
}

void DirectoryClient::compare_and_set(const RecordChange& change, Done<ChangeOutcome> done) const {
  call_(Message::build<wire::ChangeActor>([&](wire::ChangeActor::Builder out) {
          out.setExpectedEpoch(change.expected_epoch);
          write(out.initNext(), change.next);
          out.setTakesOver(change.takes_over);
        }),
        answer_as<wire::ChangeOutcome, ChangeOutcome>(
            std::move(done), [](wire::ChangeOutcome::Reader in) {
              return ChangeOutcome{in.getApplied(), read(in.getCurrent())};
            }));
}

void DirectoryClient::actors(Done<std::vector<ActorRecord>> done) const {
  call_(Message::build<wire::ListActors>([](wire::ListActors::Builder) {}),
        answer_actors(std::move(done)));
}

void DirectoryClient::orphans(Done<std::vector<ActorRecord>> done) const {
  call_(Message::build<wire::ListOrphans>([](wire::ListOrphans::Builder) {}),
        answer_actors(std::move(done)));
}

void DirectoryClient::register_node(const NodeRecord& wanted, Done<NodeRecord> done) const {
  call_(Message::build<wire::RegisterNode>(
            [&](wire::RegisterNode::Builder out) { write(out.initNode(), wanted); }),
        answer_node(std::move(done)));
}

void DirectoryClient::nodes(Done<std::vector<NodeRecord>> done) const {
  call_(Message::build<wire::ListNodes>([](wire::ListNodes::Builder) {}),
        answer_as<wire::NodeList, std::vector<NodeRecord>>(std::move(done),
                                                           [](wire::NodeList::Reader in) {
                                                             std::vector<NodeRecord> nodes;
                                                             for (auto node : in.getNodes())
                                                               nodes.push_back(read(node));
                                                             return nodes;
                                                           }));
}

void DirectoryClient::deregister_node(const NodeId& node, Done<bool> done) const {
  call_(Message::build<wire::DeregisterNode>(
            [&](wire::DeregisterNode::Builder out) { write(out.initNode(), node); }),
        answer_done(std::move(done)));
}

void DirectoryClient::mark_dead(const NodeId& node, Done<NodeRecord> done) const {
  call_(Message::build<wire::MarkNodeDead>(
            [&](wire::MarkNodeDead::Builder out) { write(out.initNode(), node); }),
        answer_node(std::move(done)));
}

void DirectoryClient::set_cordoned(const std::string& node_name, bool cordoned,
                                   Done<NodeRecord> done) const {
  call_(Message::build<wire::CordonNode>([&](wire::CordonNode::Builder out) {
          out.setName(node_name);
          out.setCordoned(cordoned);
        }),
        answer_node(std::move(done)));
}

void DirectoryClient::set_pinned(const ActorId& id, bool pinned, Done<bool> done) const {
  call_(Message::build<wire::PinActor>([&](wire::PinActor::Builder out) {
          write(out.initId(), id);
          out.setPinned(pinned);
        }),
        answer_done(std::move(done)));
}

void DirectoryClient::pinned(Done<std::vector<ActorId>> done) const {
  call_(
      Message::build<wire::ListPins>([](wire::ListPins::Builder) {}),
      answer_as<wire::PinList, std::vector<ActorId>>(std::move(done), [](wire::PinList::Reader in) {
        std::vector<ActorId> actors;
        for (auto actor : in.getActors()) actors.push_back(read(actor));
        return actors;
      }));
}

void DirectoryClient::save_checkpoints(const NodeId& by, const std::vector<Checkpoint>& checkpoints,
                                       Done<std::vector<Result<void>>> done) const {
  if (auto fits = check_batch(checkpoints); !fits) return done(fits.error());
  auto states = packed_states(checkpoints);
  if (!states) return done(states.error());
  std::vector<Blob> payloads;
  if (!states->empty()) payloads.push_back(*std::move(states));
  const std::size_t sent = checkpoints.size();
  call_(Message::build<wire::SaveCheckpoints>(
            [&](wire::SaveCheckpoints::Builder out) {
              write(out.initBy(), by);
              auto heads = out.initHeads(static_cast<unsigned>(sent));
              for (unsigned i = 0; i < heads.size(); ++i) write(heads[i], checkpoints[i]);
            },
            std::move(payloads)),
        answer_as<wire::SaveOutcomes, std::vector<Result<void>>>(
            std::move(done),
            [sent](wire::SaveOutcomes::Reader in) { return outcomes_in(in, sent); }));
}

void DirectoryClient::checkpoint(const ActorId& id, Done<std::optional<Checkpoint>> done) const {
  call_(Message::build<wire::FetchCheckpoint>(
            [&](wire::FetchCheckpoint::Builder out) { write(out.initId(), id); }),
        answer_as<wire::FetchedCheckpoint, std::optional<Checkpoint>>(std::move(done),
                                                                      checkpoint_in));
}

void DirectoryClient::append_move(const MoveRecord& move, Done<bool> done) const {
  call_(Message::build<wire::LogMove>(
            [&](wire::LogMove::Builder out) { write(out.initMove(), move); }),
        answer_done(std::move(done)));
}

void DirectoryClient::moves(std::size_t count_max, Done<std::vector<MoveRecord>> done) const {
  const std::size_t wanted = std::min(count_max, limits::moves_per_reply_max);
  call_(Message::build<wire::ListMoves>([&](wire::ListMoves::Builder out) {
          out.setCountMax(static_cast<std::uint32_t>(wanted));
        }),
        answer_as<wire::MoveList, std::vector<MoveRecord>>(std::move(done),
                                                           [](wire::MoveList::Reader in) {
                                                             std::vector<MoveRecord> moves;
                                                             for (auto move : in.getMoves())
                                                               moves.push_back(read(move));
                                                             return moves;
                                                           }));
}

}  // namespace omma
