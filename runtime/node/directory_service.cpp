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

Message actors_reply(std::span<const ActorRecord> actors) {
  return Message::build<wire::ActorList>([&](wire::ActorList::Builder out) {
    auto list = out.initActors(static_cast<unsigned>(actors.size()));
    for (unsigned i = 0; i < list.size(); ++i) write(list[i], actors[i]);
  });
}

// As many as fit into one message, and one at least.
std::span<const ActorRecord> that_fit(std::span<const ActorRecord> actors) {
  // Of a record, beside its texts and its configuration: the struct, its pointers, their padding.
  constexpr std::size_t fixed_bytes = 256;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < actors.size(); ++i) {
    const ActorRecord& actor = actors[i];
    bytes += fixed_bytes + actor.type.size() + actor.name.size() + actor.config.size() +
             actor.node.name.size();
    if (bytes > limits::listed_records_bytes_max && i > 0) return actors.first(i);
  }
  return actors;
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
  if (request.is<wire::ListActors>()) {
    auto actors = directory.actors();
    return actors ? Result<Message>(actors_reply(*actors)) : actors.error();
  }
  if (request.is<wire::ListOrphans>()) {
    auto orphans = directory.orphans();
    return orphans ? Result<Message>(actors_reply(that_fit(*orphans))) : orphans.error();
  }
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
    auto nodes = directory.nodes();
    if (!nodes) return nodes.error();
    return Message::build<wire::NodeList>([&](wire::NodeList::Builder out) {
      auto list = out.initNodes(static_cast<unsigned>(nodes->size()));
      for (unsigned i = 0; i < list.size(); ++i) write(list[i], (*nodes)[i]);
    });
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
  return is_one_of<wire::LookUpActor, wire::ChangeActor, wire::ListActors, wire::ListOrphans,
                   wire::PinActor, wire::ListPins, wire::RegisterNode, wire::DeregisterNode,
                   wire::MarkNodeDead, wire::CordonNode, wire::ListNodes, wire::SaveCheckpoints,
                   wire::FetchCheckpoint, wire::LogMove, wire::ListMoves>(request);
}

}  // namespace

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
