#include "apps/omma/control_client.hpp"

#include <nlohmann/json.hpp>

#include "runtime/base/limits.hpp"
#include "runtime/node/report_json.hpp"
#include "schemas/control.capnp.h"
#include "schemas/results.capnp.h"

namespace omma {
namespace {

constexpr Duration call_patience = limits::request_timeout + std::chrono::seconds(2);

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
  auto reply = link_->call(std::move(request), call_patience);
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
                                       const Parameters& parameters) {
  auto reply = call<wire::Started>(Message::build<wire::RunApp>([&](wire::RunApp::Builder out) {
    out.setApp(app);
    out.setSession(session);
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

}  // namespace omma
