#include "runtime/node/control_service.hpp"

#include <atomic>
#include <mutex>
#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/base/nearest_name.hpp"
#include "runtime/node/report_collection.hpp"
#include "runtime/node/report_json.hpp"
#include "schemas/control.capnp.h"
#include "schemas/results.capnp.h"

namespace omma {
namespace {

Message nothing() {
  return Message::build<wire::Nothing>([](wire::Nothing::Builder) {});
}

ActorId session_id(const std::string& name) {
  return ActorId::of("query_session", std::string_view(name));
}

std::string text_of(capnp::Text::Reader text) {
  return {text.begin(), text.size()};
}

}  // namespace

void ControlService::handle(const Message& request, const Answer& answer) {
  if (request.is<wire::RunApp>()) return bring_and_run(request, answer);
  if (request.is<wire::FetchResults>()) {
    const auto fetch = request.as<wire::FetchResults>();
    return ask_session(fetch.getSession(),
                       Message::build<FetchRequest>([&](FetchRequest::Builder out) {
                         out.setAfterCursor(fetch.getAfterCursor());
                         out.setResultsMax(fetch.getResultsMax());
                         out.setWaitMs(fetch.getWaitMs());
                       }),
                       answer);
  }
  if (request.is<wire::AcknowledgeResults>()) {
    const auto done = request.as<wire::AcknowledgeResults>();
    return ask_session(done.getSession(),
                       Message::build<AcknowledgeRequest>([&](AcknowledgeRequest::Builder out) {
                         out.setUpToCursor(done.getUpToCursor());
                       }),
                       answer);
  }
  if (request.is<wire::SessionSummaryRequest>()) {
    return ask_session(request.as<wire::SessionSummaryRequest>().getSession(),
                       Message::build<SummaryRequest>([](SummaryRequest::Builder) {}), answer);
  }
  if (request.is<wire::StopSession>()) {
    return ask_session(request.as<wire::StopSession>().getSession(),
                       Message::build<StopRequest>([](StopRequest::Builder) {}), answer);
  }
  if (request.is<wire::ListProcesses>()) {
    return list_processes(request.as<wire::ListProcesses>().getEverywhere(), answer);
  }
  if (request.is<wire::CollectAccounts>()) {
    return collect_accounts(request.as<wire::CollectAccounts>().getEverywhere(), answer);
  }
  if (request.is<wire::ListModels>()) {
    return answer(Message::build<wire::ModelList>(
        [&](wire::ModelList::Builder out) { out.setJson(services_.models_json()); }));
  }
  if (request.is<wire::ListApps>()) {
    return answer(Message::build<wire::AppList>([&](wire::AppList::Builder out) {
      out.setJson(to_json(services_.apps.modules().apps()));
    }));
  }
  if (request.is<wire::StopNode>()) {
    return stop(request.as<wire::StopNode>().getEverywhere(), answer);
  }
  if (services_.moves.handle(request, answer)) return;
  answer(Error{Code::invalid_argument,
               "a request of type " + std::to_string(request.type_id()) +
                   ", which this node does not know; use an omma of the same version"});
}

// --- Queries ---

void ControlService::bring_and_run(const Message& request, const Answer& answer) {
  const auto wanted = request.as<wire::RunApp>();
  services_.apps.bring_app(text_of(wanted.getApp()), text_of(wanted.getModule()),
                           [this, request, answer](const Result<void>& brought) {
                             if (!brought) return answer(brought.error());
                             run_app(request.as<wire::RunApp>(), answer);
                           });
}

void ControlService::run_app(wire::RunApp::Reader request, const Answer& answer) {
  const std::string wanted = text_of(request.getApp());
  const auto app = services_.apps.modules().app(wanted);
  if (!app) return answer(app.error());
  Parameters parameters;
  for (auto parameter : request.getParameters()) {
    parameters.emplace(text_of(parameter.getName()), text_of(parameter.getValue()));
  }
  Result<std::vector<StageSpec>> inputs = (*app)->start(parameters, services_.cluster);
  if (!inputs) return answer(inputs.error());

  std::string session = text_of(request.getSession());
  if (session.empty()) {
    session = wanted + "-" + std::to_string(services_.random.below(1'000'000));
  }
  auto spec = std::make_shared<StageSpec>();
  capnp::MallocMessageBuilder builder;
  auto config = builder.initRoot<QuerySessionConfig>();
  config.setName(session);
  auto list = config.initInputs(static_cast<unsigned>(inputs->size()));
  for (unsigned i = 0; i < list.size(); ++i) {
    const StageSpec& input = (*inputs)[i];
    list[i].setIdHigh(input.id.high);
    list[i].setIdLow(input.id.low);
    list[i].setType(input.type);
    list[i].setName(input.name);
    list[i].setConfig(
        {reinterpret_cast<const kj::byte*>(input.config.data()), input.config.size()});
    list[i].setWishNode(input.wish.node);
    list[i].setWishCamera(input.wish.near_camera);
    list[i].setWishRole(input.wish.role);
  }
  config.setEveryResult(every_frame(parameters));
  spec->type = "query_session";
  spec->name = session;
  spec->id = session_id(session);
  spec->config = bytes_of_words(capnp::canonicalize(config.asReader()));
  spec->wish.node = services_.self.name;  // Near its client.

  // A name stands for one query: a second one under it is refused, not mixed in.
  services_.directory.actor(
      spec->id, [this, spec, session, answer](Result<std::optional<ActorRecord>> found) {
        if (!found) return answer(found.error());
        if (*found && (*found)->state == ActorRecord::State::active) {
          return answer(Error{Code::conflict,
                              "session '" + session + "' runs already; follow it with omma query " +
                                  session + ", or end it with omma stop " + session});
        }
        services_.gateway.ask(spec->id, spec,
                              Message::build<SummaryRequest>([](SummaryRequest::Builder) {}),
                              [answer, session](Result<Message> reply) {
                                if (!reply) return answer(reply.error());
                                answer(Message::build<wire::Started>(
                                    [&](wire::Started::Builder out) { out.setSession(session); }));
                              });
      });
}

// Recorded video is watched to the last result; a live query rather drops old results than stop.
bool ControlService::every_frame(const Parameters& parameters) const {
  for (const std::string& name : AppQuery(parameters, &services_.cluster, "").camera_names()) {
    capnp::MallocMessageBuilder builder;
    auto camera = builder.initRoot<CameraConfig>();
    if (!services_.cluster.camera(name, camera)) return false;
    if (camera.getMode() != CaptureMode::EVERY_FRAME) return false;
  }
  return true;
}

void ControlService::ask_session(capnp::Text::Reader session, Message request,
                                 const Answer& answer) {
  const std::string name = text_of(session);
  services_.gateway.ask(
      session_id(name), nullptr, std::move(request), [this, name, answer](Result<Message> reply) {
        if (reply) return answer(std::move(reply));
        if (reply.error().code != Code::not_found) return answer(reply.error());
        const ActorQuery sessions{.which = ActorQuery::Which::active, .type = "query_session"};
        services_.directory.actors(sessions, [name, answer](const Result<ActorPage>& page) {
          if (!page) return answer(page.error());
          std::vector<std::string> names;
          for (const ActorRecord& actor : page->actors) names.push_back(actor.name);
          const auto nearest = nearest_name(name, names);
          answer(Error{Code::not_found,
                       "no session '" + name + "'" +
                           (nearest ? "; did you mean '" + *nearest + "'?" : "") +
                           (names.empty() ? "; none runs: start one with omma run" : "")});
        });
      });
}

// --- Looking inside ---

namespace {

// Joins this node's JSON with that of the others.
struct Gathering {
  std::mutex mutex;
  std::vector<std::string> parts;
  std::vector<std::string> missing;
  std::size_t open = 1;
  std::function<void(std::string)> done;

  void add(std::string part) {
    std::unique_lock lock(mutex);
    parts.push_back(std::move(part));
    close(lock);
  }
  void miss(const std::string& node) {
    std::unique_lock lock(mutex);
    missing.push_back(node);
    close(lock);
  }
  void close(std::unique_lock<std::mutex>& lock) {
    if (--open > 0) return;
    std::string json = "[";
    for (std::size_t i = 0; i < parts.size(); ++i) json += (i == 0 ? "" : ",") + parts[i];
    for (const std::string& node : missing) {
      json += std::string(json.size() > 1 ? "," : "") + "{\"node\":\"" + node +
              "\",\"unreachable\":true}";
    }
    json += "]";
    lock.unlock();
    done(std::move(json));
  }
};

}  // namespace

void ControlService::reports(std::function<void(std::vector<CellReport>, std::size_t)> done) {
  collect_reports(services_.switchboard, services_.host, std::move(done));
}

void ControlService::gather(bool everywhere, Message to_peers, std::string local,
                            const Answer& answer,
                            std::function<std::string(const Message&)> json_of,
                            std::function<Message(std::string)> reply_of) {
  if (!everywhere) return answer(reply_of(std::move(local)));
  services_.directory.nodes([=, this](Result<std::vector<NodeRecord>> nodes) {
    if (!nodes) return answer(nodes.error());
    auto gathering = std::make_shared<Gathering>();
    gathering->done = [answer, reply_of](std::string json) { answer(reply_of(std::move(json))); };
    std::vector<std::string> peers;
    for (const NodeRecord& node : *nodes) {
      if (node.alive && node.id.name != services_.self.name) peers.push_back(node.id.name);
    }
    gathering->open += peers.size();
    for (const std::string& peer : peers) {
      services_.hub.call(peer, to_peers, report_patience * 2,
                         [gathering, peer, json_of](Result<Message> reply) {
                           if (!reply) return gathering->miss(peer);
                           gathering->add(json_of(*reply));
                         });
    }
    gathering->add(local);
  });
}

void ControlService::list_processes(bool everywhere, const Answer& answer) {
  reports([=, this](std::vector<CellReport> cells, std::size_t silent) {
    NodeReport report;
    report.node = services_.self;
    report.cells = std::move(cells);
    report.silent_cells = silent;
    report.long_turns = services_.turns.long_turns();
    report.switchboard = services_.switchboard.counters();
    report.link = services_.hub.counters();
    report.host = services_.host.counters();
    gather(
        everywhere, Message::build<wire::ListProcesses>([](wire::ListProcesses::Builder) {}),
        to_json(report), answer,
        [](const Message& reply) {
          return reply.is<wire::ProcessList>() ? text_of(reply.as<wire::ProcessList>().getJson())
                                               : std::string("{}");
        },
        [](std::string json) {
          return Message::build<wire::ProcessList>(
              [&](wire::ProcessList::Builder out) { out.setJson(json); });
        });
  });
}

void ControlService::collect_accounts(bool everywhere, const Answer& answer) {
  reports([=, this](std::vector<CellReport> cells, std::size_t) {
    std::vector<Accounts> parts{services_.host.closed_accounts()};
    for (const CellReport& cell : cells) parts.push_back(accounts_of(cell));
    gather(
        everywhere, Message::build<wire::CollectAccounts>([](wire::CollectAccounts::Builder) {}),
        to_json(merge(parts)), answer,
        [](const Message& reply) {
          return reply.is<wire::Accounts>() ? text_of(reply.as<wire::Accounts>().getJson())
                                            : std::string("{}");
        },
        [](std::string json) {
          return Message::build<wire::Accounts>(
              [&](wire::Accounts::Builder out) { out.setJson(json); });
        });
  });
}

void ControlService::stop(bool everywhere, const Answer& answer) {
  if (!everywhere) {
    answer(nothing());
    return services_.stop_node();
  }
  services_.directory.nodes([this, answer](Result<std::vector<NodeRecord>> nodes) {
    // The head's directory is what the others sign off from: this node, if it is the head, last.
    auto open = std::make_shared<std::atomic<std::size_t>>(1);
    const auto one_done = [this, answer, open](const Result<Message>&) {
      if (--*open > 0) return;
      answer(nothing());
      services_.stop_node();
    };
    if (nodes) {
      for (const NodeRecord& node : *nodes) {
        if (!node.alive || node.id.name == services_.self.name) continue;
        ++*open;
        services_.hub.call(node.id.name,
                           Message::build<wire::StopNode>([](wire::StopNode::Builder) {}),
                           report_patience, one_done);
      }
    }
    one_done(nothing());
  });
}

}  // namespace omma
