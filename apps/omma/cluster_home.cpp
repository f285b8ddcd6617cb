#include "apps/omma/cluster_home.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "runtime/base/nearest_name.hpp"

namespace omma {
namespace {

using Json = nlohmann::json;

constexpr const char* file_name = "cluster.json";

Result<RunningCluster> read_down(const std::filesystem::path& folder) {
  std::ifstream file(folder / file_name);
  if (!file) return Error{Code::not_found, "no cluster runs in " + folder.string()};
  try {  // nlohmann's door.
    const Json json = Json::parse(file);
    RunningCluster cluster;
    cluster.folder = folder;
    cluster.name = json.at("name");
    cluster.cluster_file = json.at("cluster_file").get<std::string>();
    cluster.variables = json.at("variables").get<ClusterVariables>();
    cluster.head_address = json.at("head_address");
    cluster.processes = json.at("processes").get<std::map<std::string, pid_t>>();
    if (json.contains("tls")) {
      const Json& tls = json.at("tls");
      cluster.tls = NodeSpec::Tls{tls.at(0).get<std::string>(), tls.at(1).get<std::string>(),
                                  tls.at(2).get<std::string>()};
    }
    return cluster;
  } catch (const std::exception& thrown) {
    return Error{Code::corrupt, (folder / file_name).string() + ": " + thrown.what() +
                                    "; remove the folder and start the cluster again"};
  }
}

}  // namespace

std::filesystem::path clusters_folder() {
  if (const char* home = std::getenv("OMMA_HOME"); home != nullptr && *home != '\0') return home;
  if (const char* runtime = std::getenv("XDG_RUNTIME_DIR");
      runtime != nullptr && *runtime != '\0') {
    return std::filesystem::path(runtime) / "omma";
  }
  return "/tmp/omma-" + std::to_string(::getuid());
}

Result<void> write_down(const RunningCluster& cluster) {
  Json json{{"name", cluster.name},
            {"cluster_file", cluster.cluster_file.string()},
            {"variables", cluster.variables},
            {"head_address", cluster.head_address},
            {"processes", cluster.processes}};
  if (cluster.tls) {
    json["tls"] = {cluster.tls->authority.string(), cluster.tls->certificate.string(),
                   cluster.tls->key.string()};
  }
  const auto path = cluster.folder / file_name;
  std::ofstream file(path);
  file << json.dump(2) << '\n';
  file.flush();
  if (!file) return Error{Code::unavailable, "cannot write " + path.string()};
  return {};
}

void forget(const RunningCluster& cluster) {
  std::error_code ignored;
  std::filesystem::remove(cluster.folder / file_name, ignored);
}

Result<RunningCluster> find_cluster(const std::string& name) {
  std::vector<std::string> running;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(clusters_folder(), ignored)) {
    if (std::filesystem::exists(entry.path() / file_name, ignored)) {
      running.push_back(entry.path().filename().string());
    }
  }
  if (running.empty()) {
    return Error{Code::not_found, "no cluster runs on this machine; start one with: omma up FILE"};
  }
  if (name.empty() && running.size() > 1) {
    std::string names;
    for (const std::string& one : running) names += " " + one;
    return Error{Code::invalid_argument,
                 "several clusters run:" + names + "; choose one with --cluster NAME"};
  }
  const std::string wanted = name.empty() ? running.front() : name;
  if (std::find(running.begin(), running.end(), wanted) == running.end()) {
    return Error{Code::not_found,
                 "no cluster '" + wanted + "' runs" + suggestion_for(wanted, running)};
  }
  return read_down(clusters_folder() / wanted);
}

bool is_alive(pid_t process, const std::string& node) {
  std::ifstream file("/proc/" + std::to_string(process) + "/cmdline", std::ios::binary);
  std::string line((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  for (char& c : line) c = c == '\0' ? ' ' : c;
  return line.find(" node " + node + " ") != std::string::npos;
}

}  // namespace omma
