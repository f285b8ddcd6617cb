#include "apps/omma/summary.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "actors/stage_latencies.hpp"

namespace omma {
namespace {

using Json = nlohmann::ordered_json;

// Stages in the order that a frame meets them; others follow by name.
constexpr const char* stage_order[] = {"capture", "route", "infer", "track", "count", "record"};

std::string row(const char* format, auto... values) {
  char text[256];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

double milliseconds(Duration duration) {
  return static_cast<double>(duration.count()) / 1e6;
}

std::string value_text(Field::Value::Reader value) {
  switch (value.which()) {
    case Field::Value::TEXT:
      return value.getText().cStr();
    case Field::Value::INTEGER:
      return std::to_string(value.getInteger());
    case Field::Value::REAL:
      return row("%.3f", value.getReal());
    case Field::Value::FLAG:
      return value.getFlag() ? "yes" : "no";
  }
  return "?";
}

StageLatencies latencies_of(SessionSummary::Reader summary) {
  StageLatencies latencies;
  // What a node of the same version wrote can be read; else there is simply nothing to show.
  static_cast<void>(latencies.load(summary.getLatencies()).ok());
  return latencies;
}

std::vector<std::string> in_order(const StageLatencies& latencies) {
  std::vector<std::string> names;
  for (const auto& [name, stage] : latencies.stages()) names.push_back(name);
  const auto rank = [](const std::string& name) {
    const auto found = std::find(std::begin(stage_order), std::end(stage_order), name);
    return name == "total" ? 100 : static_cast<int>(found - std::begin(stage_order));
  };
  std::stable_sort(names.begin(), names.end(),
                   [&](const std::string& a, const std::string& b) { return rank(a) < rank(b); });
  return names;
}

std::string reasons_text(const Reasons& reasons) {
  std::string text;
  for (const auto& [why, count] : reasons) {
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + why;
  }
  return text.empty() ? "0" : text;
}

// "  east: captured 795", then a line for each way its frames went.
std::string camera_text(const Accounts& accounts, const CameraAccount& camera) {
  std::string text = "  " + camera.name + ": captured " + std::to_string(camera.captured) + "\n";
  for (const CameraPath& path : paths_of(accounts, camera)) {
    std::string delivered = "nowhere yet: delivered 0";
    std::string others;
    for (const Ending& ending : path.endings) {
      const std::string frames = std::to_string(ending.frames);
      if (ending.why == "done" || ending.why == "arrived") {
        delivered = "to " + ending.where + ": delivered " + frames;
      } else {
        others += ", " + frames + " " + ending.why + " (" + ending.where + ")";
      }
    }
    if (path.unrecorded > 0) {
      others += ", " + std::to_string(path.unrecorded) +
                " of them captured or sent once more, or by a life that died with its node";
    }
    text += "    " + delivered + others + "\n";
  }
  return text;
}

}  // namespace

std::string summary_text(SessionSummary::Reader summary) {
  std::string text = row("Results: %llu%s\n", static_cast<unsigned long long>(summary.getResults()),
                         summary.getEnded() ? "" : " so far");
  for (auto last : summary.getLastOfKind()) {
    if (!last.getTag().getEnd()) continue;
    text +=
        "  " + std::string(last.getTag().getCamera().cStr()) + " (" + last.getKind().cStr() + ")\n";
    if (last.getTag().getError().size() > 0) {
      text += "    ended early: " + std::string(last.getTag().getError().cStr()) + "\n";
    }
    for (auto field : last.getFields()) {
      text += row("    %-28s %s\n", field.getName().cStr(), value_text(field.getValue()).c_str());
    }
  }
  const StageLatencies latencies = latencies_of(summary);
  if (latencies.stages().empty()) return text;
  text += "Latency, milliseconds       in the stage            on the way to it\n";
  text += "  stage                     p50        p99          p50        p99\n";
  for (const std::string& name : in_order(latencies)) {
    const auto& stage = latencies.stages().at(name);
    if (name == "total") {
      text += row("  %-20s %8s   %8s     %8.1f   %8.1f\n", "capture to result", "", "",
                  milliseconds(stage.wire.percentile(50)), milliseconds(stage.wire.percentile(99)));
      continue;
    }
    text +=
        row("  %-20s %8.1f   %8.1f     %8.1f   %8.1f\n", name.c_str(),
            milliseconds(stage.compute.percentile(50)), milliseconds(stage.compute.percentile(99)),
            milliseconds(stage.wire.percentile(50)), milliseconds(stage.wire.percentile(99)));
  }
  return text;
}

std::string summary_json(SessionSummary::Reader summary) {
  Json json{{"results", summary.getResults()}, {"ended", summary.getEnded()}};
  json["last"] = Json::array();
  for (auto last : summary.getLastOfKind()) {
    Json item{{"camera", last.getTag().getCamera().cStr()}, {"kind", last.getKind().cStr()}};
    if (last.getTag().getError().size() > 0) item["error"] = last.getTag().getError().cStr();
    for (auto field : last.getFields()) {
      const auto value = field.getValue();
      Json& out = item[field.getName().cStr()];
      if (value.isInteger()) {
        out = value.getInteger();
      } else {
        out = value_text(value);
      }
    }
    json["last"].push_back(std::move(item));
  }
  const StageLatencies latencies = latencies_of(summary);
  for (const std::string& name : in_order(latencies)) {
    const auto& stage = latencies.stages().at(name);
    json["latency_ms"][name] = {{"compute_p50", milliseconds(stage.compute.percentile(50))},
                                {"compute_p99", milliseconds(stage.compute.percentile(99))},
                                {"wire_p50", milliseconds(stage.wire.percentile(50))},
                                {"wire_p99", milliseconds(stage.wire.percentile(99))}};
  }
  return json.dump();
}

bool is_quiet(const Accounts& accounts) {
  const bool edges = std::all_of(accounts.edges.begin(), accounts.edges.end(),
                                 [](const EdgeAccount& edge) { return edge.in_flight == 0; });
  return edges &&
         std::all_of(accounts.stages.begin(), accounts.stages.end(), [](const StageAccount& stage) {
           return std::all_of(stage.by_origin.begin(), stage.by_origin.end(),
                              [](const auto& flow) { return flow.second.held == 0; });
         });
}

std::string ledger_text(const Accounts& accounts, const std::vector<Violation>& broken,
                        const std::vector<std::string>& missing_nodes, bool quiet, bool details) {
  std::string text = "Where each camera's frames ended\n";
  for (const CameraAccount& camera : accounts.cameras) text += camera_text(accounts, camera);
  if (details) {
    text += "Stages\n";
    for (const StageAccount& stage : accounts.stages) {
      StageFlow sum;
      for (const auto& [origin, flow] : stage.by_origin) {
        sum.received += flow.received;
        sum.emitted += flow.emitted;
        sum.held += flow.held;
        for (const auto& [why, count] : flow.filtered) sum.filtered[why] += count;
        for (const auto& [why, count] : flow.failed) sum.failed[why] += count;
      }
      text += row("  %-16s %-16s received %llu = emitted %llu", stage.type.c_str(),
                  stage.name.substr(0, 40).c_str(), static_cast<unsigned long long>(sum.received),
                  static_cast<unsigned long long>(sum.emitted));
      text += " + filtered " + reasons_text(sum.filtered) + " + failed " +
              reasons_text(sum.failed) + " + held " + std::to_string(sum.held) + "\n";
    }
    text += "Edges\n";
    for (const EdgeAccount& edge : accounts.edges) {
      text += "  " + edge.stream.sender.short_text() + " to " + edge.stream.target.short_text() +
              " (" + std::string(to_string(edge.stream.channel)) + "): sent " +
              std::to_string(edge.sent) + " = received " + std::to_string(edge.received) +
              " + dropped " + reasons_text(edge.dropped) + " + in flight " +
              std::to_string(edge.in_flight);
      if (edge.lost > 0) text += " + lost with " + edge.lost_with + " " + std::to_string(edge.lost);
      if (edge.unrecorded > 0) {
        text +=
            " - not on record since " + edge.lost_with + " died " + std::to_string(edge.unrecorded);
      }
      text += "\n";
    }
  }
  for (const std::string& node : missing_nodes) text += "node " + node + " did not answer\n";
  for (const Violation& violation : broken) {
    text += "BROKEN " + violation.law + ": " + violation.what + ": " + violation.numbers + "\n";
  }
  if (broken.empty()) {
    text += std::string("The ledger adds up") +
            (quiet ? ": every frame is accounted for.\n" : ", with messages still on their way.\n");
  }
  return text;
}

std::string ledger_json(const Accounts& accounts, const std::vector<Violation>& broken,
                        const std::vector<std::string>& missing_nodes, bool quiet) {
  Json json{{"quiet", quiet}, {"laws_hold", broken.empty()}, {"missing_nodes", missing_nodes}};
  json["cameras"] = Json::array();
  for (const CameraAccount& camera : accounts.cameras) {
    Json item{{"camera", camera.name}, {"captured", camera.captured}, {"ways", Json::array()}};
    for (const CameraPath& path : paths_of(accounts, camera)) {
      Json way = Json::array();
      for (const Ending& ending : path.endings) {
        way.push_back({{"where", ending.where}, {"why", ending.why}, {"frames", ending.frames}});
      }
      item["ways"].push_back(std::move(way));
      item["unrecorded"] = path.unrecorded;
    }
    json["cameras"].push_back(std::move(item));
  }
  json["broken"] = Json::array();
  for (const Violation& violation : broken) {
    json["broken"].push_back(
        {{"law", violation.law}, {"what", violation.what}, {"numbers", violation.numbers}});
  }
  return json.dump();
}

}  // namespace omma
