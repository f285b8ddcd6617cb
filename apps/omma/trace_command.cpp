// omma trace: where the time of a frame went.
#include <charconv>
#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/omma/contact.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/nearest_name.hpp"
#include "runtime/node/trace_service.hpp"
#include "runtime/observe/frame_trace.hpp"
#include "schemas/control.capnp.h"

namespace omma {
namespace {

using Json = nlohmann::ordered_json;

double milliseconds(Duration duration) {
  return static_cast<double>(duration.count()) / 1e6;
}

std::string text_of(capnp::Text::Reader text) {
  return {text.begin(), text.size()};
}

// What nodes answered, and what they could not.
struct Collected {
  FrameTrace trace;
  std::vector<std::string> silent;         // Nodes.
  std::vector<std::string> without_trace;  // The cluster file says trace: off.
  std::vector<std::string> without_clock;  // Their times may be off by any amount.
  std::map<std::string, Duration> clock_errors;
  std::uint64_t forgotten = 0;
};

Result<Collected> collect(ControlClient& client, TraceId frame) {
  auto reply = client.frame_hops(frame);
  if (!reply) return reply.error();
  Collected all;
  std::vector<NodeHops> nodes;
  const auto told = reply->as<wire::FrameHops>();
  for (auto node : told.getNodes()) {
    NodeHops& hops = nodes.emplace_back();
    hops.node = text_of(node.getNode());
    hops.head_ahead = Duration(node.getHeadAheadNs());
    hops.error = Duration(std::max<std::int64_t>(node.getHeadErrorNs(), 0));
    for (auto hop : node.getHops()) hops.hops.push_back(read(hop, frame));
    all.forgotten += node.getForgotten();
    if (!node.getTraces()) all.without_trace.push_back(hops.node);
    if (node.getHeadErrorNs() < 0 && !hops.hops.empty()) all.without_clock.push_back(hops.node);
    if (!hops.hops.empty()) all.clock_errors[hops.node] = hops.error;
  }
  for (auto node : told.getMissing()) all.silent.push_back(text_of(node));
  all.trace = assemble(frame, std::move(nodes));
  return all;
}

// Names of actors, asked for once each.
class ActorNames {
 public:
  explicit ActorNames(ControlClient& client) : client_(client) {}

  std::string of(const ActorId& id) {
    const auto [found, fresh] = names_.try_emplace(id, id.short_text());
    if (!fresh) return found->second;
    auto record = client_.actor(id);
    if (record && *record) found->second = (*record)->type + "/" + (*record)->name;
    return found->second;
  }
  // "lobby/1234": as `omma trace` takes it, if the trace shows which actor the frame comes from.
  std::string of(const FrameTrace& trace) {
    for (const auto& visit : trace.visits) {
      if (visit.actor.low != trace.trace.origin) continue;
      std::string name = of(visit.actor);
      if (name.starts_with("camera/")) name.erase(0, std::string("camera/").size());
      return name + "/" + std::to_string(trace.trace.sequence);
    }
    return "frame " + std::to_string(trace.trace.sequence) + " of an unknown source";
  }

 private:
  ControlClient& client_;
  std::map<ActorId, std::string> names_;
};

Json json_of(const Collected& collected, ActorNames& names) {
  const FrameTrace& trace = collected.trace;
  Json visits = Json::array();
  for (const auto& visit : trace.visits) {
    Json json{{"node", visit.node},
              {"actor", names.of(visit.actor)},
              {"id", visit.actor.text()},
              {"after_ms", milliseconds(visit.came - trace.visits.front().came)},
              {"from", visit.from.is_null() ? Json(nullptr) : Json(names.of(visit.from))},
              {"credit_ms", milliseconds(visit.credit)},
              {"wire_ms", visit.wire ? Json(milliseconds(*visit.wire)) : Json(nullptr)},
              {"wire_error_ms", milliseconds(visit.wire_error)},
              {"queue_ms", milliseconds(visit.queue)},
              {"compute_ms", milliseconds(visit.compute)},
              {"messages", visit.messages},
              {"bytes", visit.bytes}};
    visits.push_back(std::move(json));
  }
  Json errors = Json::object();
  for (const auto& [node, error] : collected.clock_errors) errors[node] = milliseconds(error);
  return {{"frame", names.of(trace)},
          {"total_ms", milliseconds(trace.total)},
          {"hops", std::move(visits)},
          {"clock_error_ms", std::move(errors)},
          {"missing_nodes", collected.silent},
          {"nodes_without_trace", collected.without_trace},
          {"nodes_without_clock", collected.without_clock},
          {"hops_forgotten", collected.forgotten}};
}

void print(const Collected& collected, ActorNames& names) {
  const FrameTrace& trace = collected.trace;
  std::printf("%s: %zu hops, %.3f ms from the first to the end of the last\n",
              names.of(trace).c_str(), trace.visits.size(), milliseconds(trace.total));
  std::printf("  %-12s %-34s %10s %10s %10s %10s %10s %10s\n", "node", "actor", "after ms",
              "credit ms", "wire ms", "queue ms", "compute ms", "bytes");
  for (const auto& visit : trace.visits) {
    char wire[24] = "?";
    if (visit.wire) std::snprintf(wire, sizeof wire, "%.3f", milliseconds(*visit.wire));
    std::printf("  %-12s %-34s %10.3f %10.3f %10s %10.3f %10.3f %10llu\n", visit.node.c_str(),
                names.of(visit.actor).substr(0, 34).c_str(),
                milliseconds(visit.came - trace.visits.front().came), milliseconds(visit.credit),
                visit.from.is_null() ? "-" : wire, milliseconds(visit.queue),
                milliseconds(visit.compute), static_cast<unsigned long long>(visit.bytes));
  }
  std::printf("  clocks against the head's, at worst:");
  for (const auto& [node, error] : collected.clock_errors) {
    std::printf(" %s %.3f ms;", node.c_str(), milliseconds(error));
  }
  std::printf("\n");
  const auto list = [](const char* what, const std::vector<std::string>& nodes) {
    if (nodes.empty()) return;
    std::printf("  %s:", what);
    for (const std::string& node : nodes) std::printf(" %s", node.c_str());
    std::printf("\n");
  };
  list("did not answer", collected.silent);
  list("do not trace (trace: off)", collected.without_trace);
  list("clock not compared with the head's yet, so their times may be off",
       collected.without_clock);
}

Result<TraceId> frame_from(const std::string& text) {
  const auto slash = text.rfind('/');
  TraceId frame;
  const char* const end = text.data() + text.size();
  const bool well_formed = slash != std::string::npos && slash > 0 && slash + 1 < text.size() &&
                           std::from_chars(text.data() + slash + 1, end, frame.sequence).ptr == end;
  if (!well_formed) {
    return Error{Code::invalid_argument,
                 "'" + text + "' names no frame; write CAMERA/NUMBER, as in east/100"};
  }
  frame.origin = ActorId::of("camera", std::string_view(text).substr(0, slash)).low;
  return frame;
}

Result<std::vector<TraceId>> slowest(ControlClient& client, std::uint32_t count) {
  auto reply = client.slow_frames(count);
  if (!reply) return reply.error();
  std::vector<TraceId> frames;
  for (auto frame : reply->as<wire::SlowFrames>().getFrames()) {
    frames.push_back({frame.getFrame().getOrigin(), frame.getFrame().getSequence()});
  }
  if (frames.empty()) {
    return Error{Code::not_found,
                 "no node remembers a frame; either none has passed or the cluster file says "
                 "trace: off"};
  }
  return frames;
}

Result<void> export_to(const std::string& file, const std::vector<Collected>& all,
                       ActorNames& names) {
  std::vector<FrameTrace> traces;
  std::map<TraceId, std::string> frames;
  for (const Collected& collected : all) {
    traces.push_back(collected.trace);
    frames[collected.trace.trace] = names.of(collected.trace);
  }
  std::ofstream out(file, std::ios::trunc);
  out << chrome_trace_json(traces, {[&](const ActorId& id) { return names.of(id); },
                                    [&](TraceId trace) { return frames[trace]; }});
  out.close();
  if (out) return {};
  return Error{Code::unavailable, "cannot write " + file};
}

}  // namespace

int trace_command(const CommonOptions& common, const TraceOptions& options) {
  if (options.frame.empty() == (options.slowest == 0)) {
    return report(common, {Code::invalid_argument, "name a frame (CAMERA/NUMBER) or --slowest"},
                  exit_usage);
  }
  if (options.slowest > limits::trace_slowest_max) {
    return report(common,
                  {Code::over_limit, "--slowest " + std::to_string(options.slowest) + ", limit " +
                                         std::to_string(limits::trace_slowest_max)},
                  exit_usage);
  }
  std::vector<TraceId> frames;
  if (!options.frame.empty()) {
    auto frame = frame_from(options.frame);
    if (!frame) return report(common, frame.error(), exit_usage);
    frames.push_back(*frame);
  }
  auto to = contact(common);
  if (!to) return report(common, to.error(), exit_no_cluster);
  if (options.slowest > 0) {
    auto found = slowest(to->client, options.slowest);
    if (!found) return report(common, found.error());
    frames = *std::move(found);
  }
  std::vector<Collected> all;
  for (const TraceId frame : frames) {
    auto collected = collect(to->client, frame);
    if (!collected) return report(common, collected.error());
    all.push_back(*std::move(collected));
  }
  if (!options.frame.empty() && all.front().trace.visits.empty()) {
    return report(common, {Code::not_found, "no node remembers a hop of frame " + options.frame +
                                                "; " + std::to_string(all.front().forgotten) +
                                                " hops went for newer ones since the nodes began"});
  }
  ActorNames names(to->client);
  Json json = Json::array();
  for (const Collected& collected : all) {
    if (common.json) {
      json.push_back(json_of(collected, names));
    } else {
      print(collected, names);
    }
  }
  if (common.json) std::printf("%s\n", json.dump().c_str());
  if (options.export_file.empty()) return exit_ok;
  if (auto written = export_to(options.export_file, all, names); !written) {
    return report(common, written.error());
  }
  if (!common.json) say("written: " + options.export_file + " (open it at ui.perfetto.dev)");
  return exit_ok;
}

}  // namespace omma
