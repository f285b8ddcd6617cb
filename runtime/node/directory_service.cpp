// Answers the directory's requests on the head: each on the engine, all that wait in one
// transaction.
#include <kj/exception.h>

#include <algorithm>
#include <span>
#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/node/directory_access.hpp"
#include "runtime/node/wire_records.hpp"

namespace omma {
namespace {

Message done_reply() {
  return Message::build<wire::Nothing>([](wire::Nothing::Builder) {});
}

Message actor_reply(const std::optional<ActorRecord>& record) {
  return Message::build<wire::ActorRecord>([&](wire::ActorRecord::Builder out) {
    if (record) write(out, *record);
  });
}

Message node_reply(const NodeRecord& record) {
  return Message::build<wire::NodeRecord>(
      [&](wire::NodeRecord::Builder out) { write(out, record); });
}

Result<Message> page_reply(const Result<ActorPage>& page) {
  if (!page) return page.error();
  return Message::build<wire::ActorList>([&](wire::ActorList::Builder out) {
    auto list = out.initActors(static_cast<unsigned>(page->actors.size()));
    for (unsigned i = 0; i < list.size(); ++i) write(list[i], page->actors[i]);
    out.setMore(page->more);
  });
}

Result<Message> perform(Directory& directory, wire::ChangeActor::Reader wanted) {
  auto next = read(wanted.getNext());
  if (!next) return Error{Code::invalid_argument, "a change to a record of epoch 0"};
  auto outcome = directory.compare_and_set(
      {wanted.getExpectedEpoch(), *std::move(next), wanted.getTakesOver()});
  if (!outcome) return outcome.error();
  return Message::build<wire::ChangeOutcome>([&](wire::ChangeOutcome::Builder out) {
    out.setApplied(outcome->applied);
    if (outcome->current) write(out.initCurrent(), *outcome->current);
  });
}

Result<Message> perform(Directory& directory, wire::ListActors::Reader wanted) {
  const auto which = static_cast<std::uint8_t>(wanted.getWhich());
  if (which > static_cast<std::uint8_t>(ActorQuery::Which::orphaned)) {
    return Error{Code::unsupported, "a listing of kind " + std::to_string(which) +
                                        "; all nodes must run the same build"};
  }
  return page_reply(directory.actors({.which = static_cast<ActorQuery::Which>(which),
                                      .node = wanted.getNode().cStr(),
                                      .type = wanted.getType().cStr(),
                                      .after = read(wanted.getAfter())}));
}

Result<Message> perform(Directory& directory, wire::FindHomes::Reader wanted) {
  const auto ids = wanted.getIds();
  if (ids.size() > limits::actors_per_page_max) {
    return Error{Code::over_limit, "homes of " + std::to_string(ids.size()) + " actors, limit " +
                                       std::to_string(limits::actors_per_page_max) +
                                       "; ask several times"};
  }
  std::vector<ActorRecord> active;
  for (auto id : ids) {
    auto found = directory.actor(read(id));
    if (!found) return found.error();
    const bool lives = *found && (*found)->state == ActorRecord::State::active;
    if (lives) active.push_back(**std::move(found));
  }
  return Message::build<wire::HomeList>([&](wire::HomeList::Builder out) {
    auto list = out.initHomes(static_cast<unsigned>(active.size()));
    for (unsigned i = 0; i < list.size(); ++i) {
      write(list[i].initId(), active[i].id);
      list[i].setNode(active[i].node.name);
      list[i].setEpoch(active[i].epoch);
    }
  });
}

Result<Message> perform(Directory& directory, wire::RegisterNode::Reader wanted) {
  const NodeRecord node = read(wanted.getNode());
  auto record =
      directory.register_node(node.id.name, node.id.incarnation, node.address, node.roles);
  if (!record) return record.error();
  return node_reply(*record);
}

Result<Message> perform(Directory& directory, wire::SaveCheckpoints::Reader wanted,
                        std::span<const Blob> payloads) {
  auto checkpoints = unpacked(wanted.getHeads(), payloads.empty() ? Blob() : payloads.front());
  if (!checkpoints) return checkpoints.error();
  auto saved = directory.save_checkpoints(read(wanted.getBy()), *checkpoints);
  if (!saved) return saved.error();
  return Message::build<wire::SaveOutcomes>([&](wire::SaveOutcomes::Builder out) {
    auto list = out.initOutcomes(static_cast<unsigned>(saved->size()));
    for (unsigned i = 0; i < list.size(); ++i) {
      if ((*saved)[i].ok()) continue;
      list[i].setCode(static_cast<std::uint8_t>((*saved)[i].error().code));
      list[i].setMessage((*saved)[i].error().message);
    }
  });
}

Result<Message> perform(Directory& directory, wire::FetchCheckpoint::Reader wanted) {
  auto found = directory.checkpoint(read(wanted.getId()));
  if (!found) return found.error();
  std::vector<Blob> payloads;
  if (*found && !(*found)->state.empty()) payloads.push_back((*found)->state);
  return Message::build<wire::FetchedCheckpoint>(
      [&](wire::FetchedCheckpoint::Builder out) {
        if (*found) write(out.initHead(), **found);
      },
      std::move(payloads));
}

Result<Message> perform(Directory& directory, wire::ListMoves::Reader wanted) {
  auto moves =
      directory.moves(std::min<std::size_t>(wanted.getCountMax(), limits::moves_per_reply_max));
  if (!moves) return moves.error();
  return Message::build<wire::MoveList>([&](wire::MoveList::Builder out) {
    auto list = out.initMoves(static_cast<unsigned>(moves->size()));
    for (unsigned i = 0; i < list.size(); ++i) write(list[i], (*moves)[i]);
  });
}

// Requests about actors; none when it is another's.
std::optional<Result<Message>> perform_for_actors(Directory& directory, const Message& request) {
  if (request.is<wire::LookUpActor>()) {
    auto found = directory.actor(read(request.as<wire::LookUpActor>().getId()));
    return found ? Result<Message>(actor_reply(*found)) : found.error();
  }
  if (request.is<wire::ChangeActor>()) return perform(directory, request.as<wire::ChangeActor>());
  if (request.is<wire::ListActors>()) return perform(directory, request.as<wire::ListActors>());
  if (request.is<wire::FindActors>()) {
    return page_reply(directory.candidates(request.as<wire::FindActors>().getWanted().cStr()));
  }
  if (request.is<wire::FindHomes>()) return perform(directory, request.as<wire::FindHomes>());
  if (request.is<wire::PinActor>()) {
    const auto wanted = request.as<wire::PinActor>();
    auto done = directory.set_pinned(read(wanted.getId()), wanted.getPinned());
    return done ? Result<Message>(done_reply()) : done.error();
  }
  if (request.is<wire::ListPins>()) {
    auto pinned = directory.pinned();
    if (!pinned) return pinned.error();
    return Message::build<wire::PinList>([&](wire::PinList::Builder out) {
      auto list = out.initActors(static_cast<unsigned>(pinned->size()));
      for (unsigned i = 0; i < list.size(); ++i) write(list[i], (*pinned)[i]);
    });
  }
  return std::nullopt;
}

// Requests about nodes; none when it is another's.
std::optional<Result<Message>> perform_for_nodes(Directory& directory, const Message& request) {
  if (request.is<wire::RegisterNode>()) return perform(directory, request.as<wire::RegisterNode>());
  if (request.is<wire::DeregisterNode>()) {
    auto done = directory.deregister_node(read(request.as<wire::DeregisterNode>().getNode()));
    return done ? Result<Message>(done_reply()) : done.error();
  }
  if (request.is<wire::MarkNodeDead>()) {
    auto record = directory.mark_dead(read(request.as<wire::MarkNodeDead>().getNode()));
    return record ? Result<Message>(node_reply(*record)) : record.error();
  }
  if (request.is<wire::CordonNode>()) {
    const auto wanted = request.as<wire::CordonNode>();
    auto record = directory.set_cordoned(wanted.getName().cStr(), wanted.getCordoned());
    return record ? Result<Message>(node_reply(*record)) : record.error();
  }
  if (request.is<wire::ListNodes>()) {
    auto nodes = directory.counted_nodes();
    return nodes ? Result<Message>(node_list(*nodes)) : nodes.error();
  }
  return std::nullopt;
}

Result<Message> perform(Directory& directory, const Message& request) {
  if (auto done = perform_for_actors(directory, request)) return *std::move(done);
  if (auto done = perform_for_nodes(directory, request)) return *std::move(done);
  if (request.is<wire::SaveCheckpoints>()) {
    return perform(directory, request.as<wire::SaveCheckpoints>(), request.payloads());
  }
  if (request.is<wire::FetchCheckpoint>()) {
    return perform(directory, request.as<wire::FetchCheckpoint>());
  }
  if (request.is<wire::ListMoves>()) return perform(directory, request.as<wire::ListMoves>());
  auto done = directory.append_move(read(request.as<wire::LogMove>().getMove()));
  return done ? Result<Message>(done_reply()) : done.error();
}

// What a damaged request makes its reader throw is that request's error, not its transaction's.
Result<Message> perform_caught(Directory& directory, const Message& request) {
  Result<Message> result = Message();
  auto failure = kj::runCatchingExceptions([&] { result = perform(directory, request); });
  KJ_IF_MAYBE (exception, failure) {
    return Error{Code::corrupt, "directory request of type " + std::to_string(request.type_id()) +
                                    ": " + exception->getDescription().cStr()};
  }
  return result;
}

template <class... Types>
bool is_one_of(const Message& request) {
  return (request.is<Types>() || ...);
}

bool is_directory_request(const Message& request) {
  return is_one_of<wire::LookUpActor, wire::ChangeActor, wire::ListActors, wire::FindActors,
                   wire::FindHomes, wire::PinActor, wire::ListPins, wire::RegisterNode,
                   wire::DeregisterNode, wire::MarkNodeDead, wire::CordonNode, wire::ListNodes,
                   wire::SaveCheckpoints, wire::FetchCheckpoint, wire::LogMove, wire::ListMoves>(
      request);
}

}  // namespace

Message node_list(std::span<const CountedNode> nodes) {
  return Message::build<wire::NodeList>([&](wire::NodeList::Builder out) {
    auto list = out.initNodes(static_cast<unsigned>(nodes.size()));
    auto counts = out.initActors(static_cast<unsigned>(nodes.size()));
    for (unsigned i = 0; i < list.size(); ++i) {
      write(list[i], nodes[i].node);
      counts.set(i, static_cast<std::uint32_t>(nodes[i].actors));
    }
  });
}

bool DirectoryService::handle(const Message& request, const Answer& answer) {
  if (!is_directory_request(request)) return false;
  std::unique_lock lock(mutex_);
  const std::size_t bytes = request.size_bytes();
  if (waiting_.size() >= limits::directory_requests_waiting_max ||
      (!waiting_.empty() && bytes_waiting_ + bytes > limits::directory_bytes_waiting_max)) {
    ++counters_.refused;
    const Error refusal{Code::overloaded,
                        "directory: " + std::to_string(waiting_.size()) + " requests of " +
                            std::to_string(bytes_waiting_) + " bytes wait, limits " +
                            std::to_string(limits::directory_requests_waiting_max) + " and " +
                            std::to_string(limits::directory_bytes_waiting_max) +
                            "; try again later"};
    lock.unlock();
    answer(refusal);
    return true;
  }
  ++counters_.requests;
  waiting_.push_back({request, answer});
  bytes_waiting_ += bytes;
  if (serving_) return true;  // Its turn comes when the transaction that is under way is written.
  serving_ = true;
  lock.unlock();
  executor_.run([this] { return serve_all(); },
                [this](const Result<Message>& served) {
                  if (!served) refuse_all(served.error());
                });
  return true;
}

DirectoryService::Counters DirectoryService::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

Result<Message> DirectoryService::serve_all() {
  for (std::vector<Waiting> batch = take_waiting(); !batch.empty(); batch = take_waiting()) {
    serve(std::move(batch));
  }
  return Message();
}

std::vector<DirectoryService::Waiting> DirectoryService::take_waiting() {
  const std::lock_guard lock(mutex_);
  serving_ = !waiting_.empty();
  if (serving_) {
    ++counters_.transactions;
    counters_.largest = std::max<std::uint64_t>(counters_.largest, waiting_.size());
  }
  bytes_waiting_ = 0;
  return std::exchange(waiting_, {});
}

void DirectoryService::serve(std::vector<Waiting> batch) {
  std::vector<Result<Message>> results;
  results.reserve(batch.size());
  const auto committed = directory_.together([&] {
    for (const Waiting& one : batch) results.push_back(perform_caught(directory_, one.request));
  });
  for (std::size_t i = 0; i < batch.size(); ++i) {
    batch[i].answer(committed ? std::move(results[i]) : committed.error());
  }
}

void DirectoryService::refuse_all(const Error& error) {
  std::vector<Waiting> refused;
  {
    const std::lock_guard lock(mutex_);
    refused = std::exchange(waiting_, {});
    bytes_waiting_ = 0;
    serving_ = false;
  }
  for (const Waiting& one : refused) one.answer(error);
}

}  // namespace omma
