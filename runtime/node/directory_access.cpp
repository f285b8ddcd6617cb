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

Answer answer_page(DirectoryClient::Done<ActorPage> done) {
  return answer_as<wire::ActorList, ActorPage>(std::move(done), [](wire::ActorList::Reader in) {
    ActorPage page;
    page.more = in.getMore();
    for (auto actor : in.getActors()) {
      if (auto record = read(actor)) page.actors.push_back(*std::move(record));
    }
    return page;
  });
}

static_assert(static_cast<int>(ActorQuery::Which::all) ==
                  static_cast<int>(wire::ListActors::Which::ALL) &&
              static_cast<int>(ActorQuery::Which::active) ==
                  static_cast<int>(wire::ListActors::Which::ACTIVE) &&
              static_cast<int>(ActorQuery::Which::orphaned) ==
                  static_cast<int>(wire::ListActors::Which::ORPHANED));

Result<std::vector<CountedNode>> counted_in(wire::NodeList::Reader in) {
  if (in.getActors().size() != in.getNodes().size()) {
    return Error{Code::corrupt, "the directory listed " + std::to_string(in.getNodes().size()) +
                                    " nodes and " + std::to_string(in.getActors().size()) +
                                    " counts of actors"};
  }
  std::vector<CountedNode> nodes;
  nodes.reserve(in.getNodes().size());
  for (unsigned i = 0; i < in.getNodes().size(); ++i) {
    nodes.push_back({read(in.getNodes()[i]), in.getActors()[i]});
  }
  return nodes;
}

// Page after page; what has come is kept until the last.
struct Pages {
  DirectoryClient client;
  ActorQuery query;
  std::vector<ActorRecord> actors;
  DirectoryClient::Done<std::vector<ActorRecord>> done;

  static void next(const std::shared_ptr<Pages>& pages) {
    pages->client.actors(pages->query, [pages](Result<ActorPage> page) {
      if (!page) return pages->done(page.error());
      const bool more = page->more && !page->actors.empty();
      for (ActorRecord& actor : page->actors) pages->actors.push_back(std::move(actor));
      if (!more) return pages->done(std::move(pages->actors));
      pages->query.after = pages->actors.back().id;
      next(pages);
    });
  }
};

// As many names at a time as one request may have.
struct HomeSearch {
  DirectoryClient client;
  std::vector<ActorId> ids;
  std::size_t asked = 0;
  std::map<ActorId, std::string> homes;
  DirectoryClient::Done<std::map<ActorId, std::string>> done;

  static void next(const std::shared_ptr<HomeSearch>& search) {
    if (search->asked == search->ids.size()) return search->done(std::move(search->homes));
    const std::size_t count =
        std::min(search->ids.size() - search->asked, limits::actors_per_page_max);
    const std::span<const ActorId> part(search->ids.data() + search->asked, count);
    search->asked += count;
    search->client.find_homes(part, [search](Result<std::map<ActorId, std::string>> found) {
      if (!found) return search->done(found.error());
      search->homes.merge(*found);
      next(search);
    });
  }
};

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

void DirectoryClient::actors(const ActorQuery& query, Done<ActorPage> done) const {
  call_(Message::build<wire::ListActors>([&](wire::ListActors::Builder out) {
          out.setWhich(static_cast<wire::ListActors::Which>(query.which));
          out.setNode(query.node);
          out.setType(query.type);
          write(out.initAfter(), query.after);
        }),
        answer_page(std::move(done)));
}

void DirectoryClient::all_actors(const ActorQuery& query,
                                 Done<std::vector<ActorRecord>> done) const {
  Pages::next(std::make_shared<Pages>(Pages{*this, query, {}, std::move(done)}));
}

void DirectoryClient::candidates(const std::string& wanted, Done<ActorPage> done) const {
  call_(Message::build<wire::FindActors>(
            [&](wire::FindActors::Builder out) { out.setWanted(wanted); }),
        answer_page(std::move(done)));
}

void DirectoryClient::find_homes(std::span<const ActorId> ids,
                                 Done<std::map<ActorId, std::string>> done) const {
  call_(Message::build<wire::FindHomes>([&](wire::FindHomes::Builder out) {
          auto list = out.initIds(static_cast<unsigned>(ids.size()));
          for (unsigned i = 0; i < list.size(); ++i) write(list[i], ids[i]);
        }),
        answer_as<wire::HomeList, std::map<ActorId, std::string>>(
            std::move(done), [](wire::HomeList::Reader in) {
              std::map<ActorId, std::string> homes;
              for (auto home : in.getHomes()) homes[read(home.getId())] = home.getNode().cStr();
              return homes;
            }));
}

void DirectoryClient::homes(const std::set<ActorId>& ids,
                            Done<std::map<ActorId, std::string>> done) const {
  HomeSearch::next(std::make_shared<HomeSearch>(
      HomeSearch{*this, {ids.begin(), ids.end()}, 0, {}, std::move(done)}));
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

void DirectoryClient::counted_nodes(Done<std::vector<CountedNode>> done) const {
  call_(Message::build<wire::ListNodes>([](wire::ListNodes::Builder) {}),
        answer_as<wire::NodeList, std::vector<CountedNode>>(std::move(done), counted_in));
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
