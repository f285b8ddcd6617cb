#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/omma/commands.hpp"
#include "apps/omma/contact.hpp"
#include "apps/omma/node_process.hpp"
#include "runtime/node/report_json.hpp"

namespace omma {
namespace {

// Somebody pressed a key and waits: what is not known by then is not offered.
constexpr int patience_us = 300'000;

void end_at_the_deadline() {
  struct sigaction action {};
  action.sa_handler = [](int) { ::_exit(exit_ok); };
  ::sigaction(SIGALRM, &action, nullptr);
  itimerval timer{};
  timer.it_value.tv_usec = patience_us;
  ::setitimer(ITIMER_REAL, &timer, nullptr);
}

using Names = std::set<std::string>;

Names cluster_names() {
  Names names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(clusters_folder(), ignored)) {
    if (std::filesystem::exists(entry.path() / "cluster.json", ignored)) {
      names.insert(entry.path().filename().string());
    }
  }
  return names;
}

// From the cluster file, without asking the cluster.
Names camera_names(const CommonOptions& common, const std::string& end = {}) {
  Names names;
  const auto cluster = find_cluster(common.cluster);
  if (!cluster) return names;
  const auto file = read_cluster_file(cluster->cluster_file, cluster->variables);
  if (!file) return names;
  for (const CameraSpec& camera : file->cameras) names.insert(camera.name + end);
  return names;
}

Names node_names(const CommonOptions& common) {
  Names names;
  if (const auto cluster = find_cluster(common.cluster)) {
    for (const auto& [node, process] : cluster->processes) names.insert(node);
  }
  return names;
}

// TYPE/NAME of every actor; of one type the names alone.
Names actor_names(const CommonOptions& common, const std::string& type = {}) {
  Names names;
  auto to = contact(common);
  if (!to) return names;
  const auto text = to->client.processes();
  if (!text) return names;
  for (const auto& node : nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false)) {
    if (!node.contains("actors")) continue;
    for (const auto& actor : node["actors"]) {
      const auto name = actor.value("name", std::string());
      const auto its_type = actor.value("type", std::string());
      if (type.empty()) names.insert(its_type + "/" + name);
      if (type == its_type) names.insert(name);
    }
  }
  return names;
}

// Those built in; modules of the cluster bring more.
nlohmann::json known_apps(const CommonOptions& common) {
  if (auto to = contact(common)) {
    if (const auto text = to->client.apps()) {
      return nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
    }
  }
  const auto built_in = make_apps();
  std::vector<const App*> apps;
  for (const auto& app : built_in) apps.push_back(app.get());
  return nlohmann::json::parse(to_json(apps));
}

Names app_names(const CommonOptions& common) {
  Names names;
  for (const auto& app : known_apps(common)) names.insert(app.value("name", std::string()));
  return names;
}

Names parameter_names(const CommonOptions& common, const std::string& wanted) {
  Names names;
  for (const auto& app : known_apps(common)) {
    if (app.value("name", std::string()) != wanted || !app.contains("parameters")) continue;
    for (const auto& parameter : app["parameters"]) {
      names.insert("--" + parameter.value("name", std::string()));
    }
  }
  return names;
}

}  // namespace

int values_command(const CommonOptions& common, const std::string& kind, const std::string& about) {
  end_at_the_deadline();
  Names names;
  if (kind == "CLUSTER") names = cluster_names();
  if (kind == "NODE") names = node_names(common);
  if (kind == "CAMERA") names = camera_names(common);
  if (kind == "FRAME") names = camera_names(common, "/");
  if (kind == "ACTOR") names = actor_names(common);
  if (kind == "SESSION") names = actor_names(common, "query_session");
  if (kind == "APP") names = app_names(common);
  if (kind == "PARAMETER") names = parameter_names(common, about);
  if (kind == "PARAMETER_VALUE" && about == "camera") names = camera_names(common);
  for (const std::string& name : names) std::printf("%s\n", name.c_str());
  return exit_ok;
}

}  // namespace omma
