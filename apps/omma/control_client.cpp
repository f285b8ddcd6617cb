#include "apps/omma/control_client.hpp"

#include <nlohmann/json.hpp>

#include "runtime/base/limits.hpp"
#include "runtime/node/report_json.hpp"
#include "runtime/node/wire_records.hpp"
#include "schemas/control.capnp.h"
#include "schemas/results.capnp.h"

namespace omma {
namespace {

constexpr Duration call_patience = limits::request_timeout + std::chrono::seconds(2);
// The target may have a network to load before it takes an actor.
constexpr Duration move_patience = limits::move_reserve_patience + std::chrono::seconds(30);
// All actors of a node, some at a time.
constexpr Duration drain_patience = std::chrono::hours(1);

template <class T>
Message about_session(const std::string& session) {
  return Message::build<T>([&](typename T::Builder out) { out.setSession(session); });
}

}  // namespace

Result<ControlClient> ControlClient::connect(const std::string& address,
                                             const std::optional<NodeSpec::Tls>& tls,
                                             Duration patience) {
  std::optional<TlsFiles> files;
  if (tls) {
    files = TlsFiles{tls->authority.string(), tls->certificate.string(), tls->key.string()};
  }
  auto link = connect_client(address, files, patience);
  if (!link) return link.error();
  return ControlClient(*std::move(link));
}

template <class Reply>
Result<Message> ControlClient::call(Message request) {
  return call<Reply>(std::move(request), call_patience);
}

template <class Reply>
Result<Message> ControlClient::call(Message request, Duration patience) {
  auto reply = link_->call(std::move(request), patience);
  if (reply && !reply->template is<Reply>()) {
    return Error{Code::corrupt, "the node answered with message type " +
                                    std::to_string(reply->type_id()) +
                                    "; are omma and the cluster of the same version?"};
  }
  return reply;
}

bool ControlClient::ready() {
  return call<wire::ModelList>(Message::build<wire::ListModels>([](wire::ListModels::Builder) {}))
      .ok();
}

Result<std::string> ControlClient::run(const std::string& app, const std::string& session,
                                       const Parameters& parameters, const std::string& module) {
  auto reply = call<wire::Started>(Message::build<wire::RunApp>([&](wire::RunApp::Builder out) {
    out.setApp(app);
    out.setSession(session);
    out.setModule(module);
    auto list = out.initParameters(static_cast<unsigned>(parameters.size()));
    unsigned i = 0;
    for (const auto& [name, value] : parameters) {
      list[i].setName(name);
      list[i++].setValue(value);
    }
  }));
  if (!reply) return reply.error();
  return std::string(reply->as<wire::Started>().getSession().cStr());
}

Result<Message> ControlClient::fetch(const std::string& session, std::uint64_t after_cursor,
                                     Duration wait) {
  return call<ResultBatch>(Message::build<wire::FetchResults>([&](wire::FetchResults::Builder out) {
    out.setSession(session);
    out.setAfterCursor(after_cursor);
    out.setWaitMs(static_cast<std::uint32_t>(wait / std::chrono::milliseconds(1)));
  }));
}

Result<Message> ControlClient::acknowledge(const std::string& session, std::uint64_t up_to_cursor) {
  return call<SessionSummary>(
      Message::build<wire::AcknowledgeResults>([&](wire::AcknowledgeResults::Builder out) {
        out.setSession(session);
        out.setUpToCursor(up_to_cursor);
      }));
}

Result<Message> ControlClient::summary(const std::string& session) {
  return call<SessionSummary>(about_session<wire::SessionSummaryRequest>(session));
}

Result<Message> ControlClient::stop_session(const std::string& session) {
  return call<SessionSummary>(about_session<wire::StopSession>(session));
}

Result<std::string> ControlClient::processes() {
  auto reply = call<wire::ProcessList>(Message::build<wire::ListProcesses>(
      [](wire::ListProcesses::Builder out) { out.setEverywhere(true); }));
  if (!reply) return reply.error();
  return std::string(reply->as<wire::ProcessList>().getJson().cStr());
}

Result<std::string> ControlClient::models() {
  auto reply =
      call<wire::ModelList>(Message::build<wire::ListModels>([](wire::ListModels::Builder) {}));
  if (!reply) return reply.error();
  return std::string(reply->as<wire::ModelList>().getJson().cStr());
}

Result<std::string> ControlClient::apps() {
  auto reply = call<wire::AppList>(Message::build<wire::ListApps>([](wire::ListApps::Builder) {}));
  if (!reply) return reply.error();
  return std::string(reply->as<wire::AppList>().getJson().cStr());
}

Result<Accounts> ControlClient::accounts(std::vector<std::string>* missing) {
  auto reply = call<wire::Accounts>(Message::build<wire::CollectAccounts>(
      [](wire::CollectAccounts::Builder out) { out.setEverywhere(true); }));
  if (!reply) return reply.error();
  std::vector<Accounts> parts;
  const auto json = nlohmann::json::parse(reply->as<wire::Accounts>().getJson().cStr(), nullptr,
                                          /*allow_exceptions=*/false);
  if (!json.is_array()) return Error{Code::corrupt, "the ledger's accounts are no JSON array"};
  for (const auto& part : json) {
    if (part.contains("unreachable")) {
      if (missing != nullptr) missing->push_back(part.value("node", "?"));
      continue;
    }
    auto accounts = accounts_from_json(part.dump());
    if (!accounts) return accounts.error();
    parts.push_back(*std::move(accounts));
  }
  return merge(parts);
}

Result<void> ControlClient::stop_cluster() {
  auto reply = call<wire::Nothing>(
      Message::build<wire::StopNode>([](wire::StopNode::Builder out) { out.setEverywhere(true); }));
  if (!reply) return reply.error();
  return {};
}

// --- Moves ---

Result<MoveRecord> ControlClient::move(const std::string& actor, const std::string& node,
                                       const std::string& reason) {
  auto reply =
      call<wire::MoveReport>(Message::build<wire::MoveActor>([&](wire::MoveActor::Builder out) {
                               out.setActor(actor);
                               out.setNode(node);
                               out.setReason(reason);
                             }),
                             move_patience);
  if (!reply) return reply.error();
  return read(reply->as<wire::MoveReport>().getMove());
}

Result<Message> ControlClient::drain(const std::string& node) {
  return call<wire::DrainReport>(
      Message::build<wire::DrainNode>([&](wire::DrainNode::Builder out) { out.setNode(node); }),
      drain_patience);
}

Result<void> ControlClient::cordon(const std::string& node, bool on) {
  auto reply =
      call<wire::NodeRecord>(Message::build<wire::SetCordon>([&](wire::SetCordon::Builder out) {
        out.setNode(node);
        out.setOn(on);
      }));
  if (!reply) return reply.error();
  return {};
}

Result<ActorRecord> ControlClient::pin(const std::string& actor, bool on) {
  auto reply = call<wire::ActorRecord>(Message::build<wire::SetPin>([&](wire::SetPin::Builder out) {
    out.setActor(actor);
    out.setOn(on);
  }));
  if (!reply) return reply.error();
  auto record = read(reply->as<wire::ActorRecord>());
  if (!record) return Error{Code::corrupt, "the node answered a pin without a record"};
  return *std::move(record);
}

Result<std::vector<MoveRecord>> ControlClient::moves(std::uint32_t count_max) {
  auto reply = call<wire::MoveList>(Message::build<wire::ListMoves>(
      [&](wire::ListMoves::Builder out) { out.setCountMax(count_max); }));
  if (!reply) return reply.error();
  std::vector<MoveRecord> moves;
  for (auto move : reply->as<wire::MoveList>().getMoves()) moves.push_back(read(move));
  return moves;
}

// --- Traces ---

Result<Message> ControlClient::frame_hops(TraceId frame) {
  return call<wire::FrameHops>(
      Message::build<wire::CollectTrace>([&](wire::CollectTrace::Builder out) {
        out.initFrame().setOrigin(frame.origin);
        out.getFrame().setSequence(frame.sequence);
        out.setEverywhere(true);
      }));
}

Result<Message> ControlClient::slow_frames(std::uint32_t count_max) {
  return call<wire::SlowFrames>(
      Message::build<wire::ListSlowFrames>([&](wire::ListSlowFrames::Builder out) {
        out.setCountMax(count_max);
        out.setEverywhere(true);
      }));
}

Result<std::optional<ActorRecord>> ControlClient::actor(const ActorId& id) {
  auto reply = call<wire::ActorRecord>(Message::build<wire::LookUpActor>(
      [&](wire::LookUpActor::Builder out) { write(out.initId(), id); }));
  if (!reply) return reply.error();
  return read(reply->as<wire::ActorRecord>());
}

Result<std::vector<NodeRecord>> ControlClient::nodes() {
  auto reply =
      call<wire::NodeList>(Message::build<wire::ListNodes>([](wire::ListNodes::Builder) {}));
  if (!reply) return reply.error();
  std::vector<NodeRecord> nodes;
  for (auto node : reply->as<wire::NodeList>().getNodes()) nodes.push_back(read(node));
  return nodes;
}

Result<std::vector<ActorId>> ControlClient::pinned() {
  auto reply = call<wire::PinList>(Message::build<wire::ListPins>([](wire::ListPins::Builder) {}));
  if (!reply) return reply.error();
  std::vector<ActorId> pinned;
  for (auto id : reply->as<wire::PinList>().getActors()) pinned.push_back(read(id));
  return pinned;
}

}  // namespace omma
