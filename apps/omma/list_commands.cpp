// The commands that show what is there: nodes, actors, models, apps.
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "apps/omma/contact.hpp"
#include "apps/omma/node_process.hpp"
#include "runtime/node/report_json.hpp"

namespace omma {

namespace {

// "alive", "cordoned" or "dead": what placement thinks of the node.
std::string state_of(const NodeRecord& node) {
  return !node.alive ? "dead" : node.cordoned ? "cordoned" : "alive";
}

// What only the directory knows is added to what the nodes say of themselves.
void annotate(nlohmann::json& nodes, const std::vector<NodeRecord>& records,
              const std::vector<ActorId>& pinned) {
  std::map<std::string, std::string> states;
  for (const NodeRecord& record : records) states[record.id.name] = state_of(record);
  std::set<std::string> pins;
  for (const ActorId& id : pinned) pins.insert(id.text());
  for (auto& node : nodes) {
    const auto state = states.extract(node.value("node", ""));
    node["state"] = state.empty() ? "unknown" : state.mapped();
    if (!node.contains("actors")) continue;
    for (auto& actor : node["actors"]) actor["pinned"] = pins.contains(actor.value("id", ""));
  }
  for (const auto& [name, state] : states) nodes.push_back({{"node", name}, {"state", state}});
}

void print_actor(const nlohmann::json& actor) {
  const std::string id = actor.at("id").get<std::string>().substr(0, 8);
  std::printf("  %s  %-16s %-28s turns %-8llu waiting %-4llu held %-4llu in flight %-5llu%s%s%s\n",
              id.c_str(), actor.at("type").get<std::string>().c_str(),
              actor.at("name").get<std::string>().substr(0, 28).c_str(),
              actor.at("turns").get<unsigned long long>(),
              actor.at("inputs_waiting").get<unsigned long long>(),
              actor.at("messages_held").get<unsigned long long>(),
              actor.at("in_flight").get<unsigned long long>(),
              actor.at("blocked").get<bool>() ? "  held back" : "",
              actor.value("pinned", false) ? "  pinned" : "",
              actor.at("failed_turns").get<std::uint64_t>() > 0 ? "  FAILED TURNS" : "");
  for (const auto& error : actor.at("last_errors")) {
    std::printf("            %s\n", error.get<std::string>().c_str());
  }
}

// What is missing among the actors, and what keeps it.
void print_troubles(const nlohmann::json& node) {
  for (const auto& turn : node.value("long_turns", nlohmann::json::array())) {
    std::printf("  %s  %s  ONE TURN TAKES %.1f s ALREADY; it handles %s\n",
                turn.at("id").get<std::string>().substr(0, 8).c_str(),
                turn.at("actor").get<std::string>().c_str(),
                turn.at("running_ms").get<double>() / 1000,
                turn.at("handles").get<std::string>().c_str());
  }
  const auto silent = node.value("silent_actors", std::uint64_t{0});
  if (silent == 0) return;
  std::printf("  %llu actors did not report in time and are not listed\n",
              static_cast<unsigned long long>(silent));
}

}  // namespace

int ps_command(const CommonOptions& common) {
  auto to = contact(common);
  if (!to) return report(common, to.error(), exit_no_cluster);
  auto text = to->client.processes();
  if (!text) return report(common, text.error());
  auto records = to->client.nodes();
  if (!records) return report(common, records.error());
  auto pinned = to->client.pinned();
  if (!pinned) return report(common, pinned.error());
  auto nodes = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!nodes.is_array()) return report(common, {Code::corrupt, "the list is no JSON array"});
  annotate(nodes, *records, *pinned);
  if (common.json) {
    std::printf("%s\n", nodes.dump().c_str());
    return exit_ok;
  }
  for (const auto& node : nodes) {
    const std::string name = node.value("node", "?");
    const std::string state = node.value("state", "unknown");
    if (!node.contains("actors")) {
      const bool dead = state == "dead";
      std::printf("%s  %s\n", name.c_str(), dead ? "is dead" : "DOES NOT ANSWER");
      continue;
    }
    std::printf("%s  (%zu actors%s)\n", name.c_str(), node.at("actors").size(),
                state == "alive" ? "" : (", " + state).c_str());
    for (const auto& actor : node.at("actors")) print_actor(actor);
    print_troubles(node);
  }
  return exit_ok;
}

int nodes_command(const CommonOptions& common) {
  auto to = contact(common);
  if (!to) return report(common, to.error(), exit_no_cluster);
  auto nodes = to->client.nodes();
  if (!nodes) return report(common, nodes.error());
  nlohmann::ordered_json json = nlohmann::json::array();
  for (const NodeRecord& node : *nodes) {
    std::string roles;
    for (const std::string& role : node.roles) roles += (roles.empty() ? "" : ", ") + role;
    json.push_back({{"node", node.id.name},
                    {"state", state_of(node)},
                    {"cordoned", node.cordoned},
                    {"incarnation", node.id.incarnation.text()},
                    {"epoch", node.id.epoch},
                    {"address", node.address},
                    {"roles", node.roles}});
    if (common.json) continue;
    std::printf("%-16s %-9s %-24s %s%s\n", node.id.name.c_str(), state_of(node).c_str(),
                roles.c_str(), node.address.c_str(),
                !node.alive && node.cordoned ? "  cordoned" : "");
  }
  if (common.json) std::printf("%s\n", json.dump().c_str());
  return exit_ok;
}

int where_command(const CommonOptions& common) {
  const auto cluster = find_cluster(common.cluster);
  if (!cluster) return report(common, cluster.error(), exit_no_cluster);
  if (common.json) {
    const nlohmann::json json{{"folder", cluster->folder.string()}};
    std::printf("%s\n", json.dump().c_str());
  } else {
    std::printf("%s\n", cluster->folder.c_str());
  }
  return exit_ok;
}

int models_command(const CommonOptions& common) {
  auto to = contact(common);
  if (!to) return report(common, to.error(), exit_no_cluster);
  auto text = to->client.models();
  if (!text) return report(common, text.error());
  if (common.json) {
    std::printf("%s\n", text->c_str());
    return exit_ok;
  }
  const auto json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  for (const auto& model : json.at("models")) {
    std::string classes;
    for (const auto& name : model.at("classes")) classes += " " + name.get<std::string>();
    std::printf(
        "%-44s %-10s %4d x %-4d  %6.1f MB %s\n", model.at("name").get<std::string>().c_str(),
        model.at("kind").get<std::string>().c_str(), model.at("width").get<int>(),
        model.at("height").get<int>(), model.at("bytes").get<double>() / 1e6, classes.c_str());
  }
  for (const auto& refused : json.at("refused")) {
    std::printf("refused: %s\n", refused.get<std::string>().c_str());
  }
  return exit_ok;
}

int apps_command(const CommonOptions& common) {
  // Those of the cluster, if one runs, are more: modules bring some.
  const auto built_in = make_apps();
  std::vector<const App*> known;
  for (const auto& app : built_in) known.push_back(app.get());
  std::string text = to_json(known);
  if (auto to = contact(common)) {
    auto apps = to->client.apps();
    if (!apps) return report(common, apps.error());
    text = *std::move(apps);
  } else if (!common.cluster.empty() || to.error().code != Code::not_found) {
    return report(common, to.error(), exit_no_cluster);
  }
  if (common.json) {
    std::printf("%s\n", text.c_str());
    return exit_ok;
  }
  for (const auto& app : nlohmann::json::parse(text)) {
    std::printf("%s: %s\n", app.at("name").get<std::string>().c_str(),
                app.at("summary").get<std::string>().c_str());
    if (!app.contains("parameters")) continue;
    for (const auto& parameter : app.at("parameters")) {
      const auto fallback = parameter.at("default").get<std::string>();
      std::printf("  --%-14s %s%s\n", parameter.at("name").get<std::string>().c_str(),
                  parameter.at("help").get<std::string>().c_str(),
                  fallback.empty() ? "" : (" [" + fallback + "]").c_str());
    }
  }
  return exit_ok;
}

}  // namespace omma
