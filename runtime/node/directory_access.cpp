#include "runtime/node/directory_access.hpp"

#include <utility>

#include "runtime/node/wire_records.hpp"

namespace omma {
namespace {

// Hands a reply of type T on through `convert`, or the error as it is.
template <class T, class R, class Convert>
Answer answer_as(DirectoryClient::Done<R> done, Convert convert) {
  return [done = std::move(done), convert](Result<Message> reply) {
    if (!reply) return done(reply.error());
    if (!reply->template is<T>()) {
      return done(Error{Code::corrupt, "the directory answered with message type " +
                                           std::to_string(reply->type_id())});
    }
    done(convert(reply->template as<T>()));
  };
}

Message actor_reply(const std::optional<ActorRecord>& record) {
  return Message::build<wire::ActorRecord>([&](wire::ActorRecord::Builder out) {
    if (record) write(out, *record);
  });
}

}  // namespace

bool DirectoryService::handle(const Message& request, const Answer& answer) {
  const bool mine = request.is<wire::LookUpActor>() || request.is<wire::ChangeActor>() ||
                    request.is<wire::ListActors>() || request.is<wire::RegisterNode>() ||
                    request.is<wire::DeregisterNode>() || request.is<wire::ListNodes>();
  if (mine) executor_.run([this, request] { return perform(request); }, answer);
  return mine;
}

Result<Message> DirectoryService::perform(const Message& request) {
  if (request.is<wire::LookUpActor>()) {
    auto found = directory_.actor(read(request.as<wire::LookUpActor>().getId()));
    if (!found) return found.error();
    return actor_reply(*found);
  }
  if (request.is<wire::ChangeActor>()) {
    const auto wanted = request.as<wire::ChangeActor>();
    auto next = read(wanted.getNext());
    if (!next) return Error{Code::invalid_argument, "a change to a record of epoch 0"};
    auto outcome = directory_.compare_and_set({wanted.getExpectedEpoch(), *next});
    if (!outcome) return outcome.error();
    return Message::build<wire::ChangeOutcome>([&](wire::ChangeOutcome::Builder out) {
      out.setApplied(outcome->applied);
      if (outcome->current) write(out.initCurrent(), *outcome->current);
    });
  }
  if (request.is<wire::ListActors>()) {
    auto actors = directory_.actors();
    if (!actors) return actors.error();
    return Message::build<wire::ActorList>([&](wire::ActorList::Builder out) {
      auto list = out.initActors(static_cast<unsigned>(actors->size()));
      for (unsigned i = 0; i < list.size(); ++i) write(list[i], (*actors)[i]);
    });
  }
  if (request.is<wire::RegisterNode>()) {
    const NodeRecord wanted = read(request.as<wire::RegisterNode>().getNode());
    auto record = directory_.register_node(wanted.id.name, wanted.id.incarnation, wanted.address,
                                           wanted.roles);
    if (!record) return record.error();
    return Message::build<wire::NodeRecord>(
        [&](wire::NodeRecord::Builder out) { write(out, *record); });
  }
  if (request.is<wire::DeregisterNode>()) {
    auto done = directory_.deregister_node(read(request.as<wire::DeregisterNode>().getNode()));
    if (!done) return done.error();
    return Message::build<wire::Nothing>([](wire::Nothing::Builder) {});
  }
  auto nodes = directory_.nodes();
  if (!nodes) return nodes.error();
  return Message::build<wire::NodeList>([&](wire::NodeList::Builder out) {
    auto list = out.initNodes(static_cast<unsigned>(nodes->size()));
    for (unsigned i = 0; i < list.size(); ++i) write(list[i], (*nodes)[i]);
  });
}

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
        }),
        answer_as<wire::ChangeOutcome, ChangeOutcome>(
            std::move(done), [](wire::ChangeOutcome::Reader in) {
              return ChangeOutcome{in.getApplied(), read(in.getCurrent())};
            }));
}

void DirectoryClient::actors(Done<std::vector<ActorRecord>> done) const {
  call_(Message::build<wire::ListActors>([](wire::ListActors::Builder) {}),
        answer_as<wire::ActorList, std::vector<ActorRecord>>(
            std::move(done), [](wire::ActorList::Reader in) {
              std::vector<ActorRecord> actors;
              for (auto actor : in.getActors()) {
                if (auto record = read(actor)) actors.push_back(*std::move(record));
              }
              return actors;
            }));
}

void DirectoryClient::register_node(const NodeRecord& wanted, Done<NodeRecord> done) const {
  call_(Message::build<wire::RegisterNode>(
            [&](wire::RegisterNode::Builder out) { write(out.initNode(), wanted); }),
        answer_as<wire::NodeRecord, NodeRecord>(
            std::move(done), [](wire::NodeRecord::Reader in) { return read(in); }));
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
  call_(
      Message::build<wire::DeregisterNode>(
          [&](wire::DeregisterNode::Builder out) { write(out.initNode(), node); }),
      answer_as<wire::Nothing, bool>(std::move(done), [](wire::Nothing::Reader) { return true; }));
}

}  // namespace omma
