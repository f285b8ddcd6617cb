#include "apps/omma/launcher.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <thread>

#include "apps/omma/control_client.hpp"

extern char** environ;

namespace omma {
namespace {

constexpr Duration ready_patience = std::chrono::seconds(30);
constexpr Duration stop_patience = std::chrono::seconds(10);
constexpr Duration poll_interval = std::chrono::milliseconds(20);

std::filesystem::path log_of(const RunningCluster& cluster, const std::string& node) {
  return cluster.folder / (node + ".log");
}

std::string end_of(const std::filesystem::path& log) {
  constexpr std::streamoff shown_bytes = 2000;
  std::ifstream file(log, std::ios::binary | std::ios::ate);
  if (!file) return "(no log)";
  const std::streamoff size = file.tellg();
  file.seekg(std::max<std::streamoff>(0, size - shown_bytes));
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Result<pid_t> spawn_node(const RunningCluster& cluster, const std::string& node, bool verbose) {
  std::vector<std::string> words{"/proc/self/exe", "node", node, "--file",
                                 cluster.cluster_file.string()};
  words[0] = std::filesystem::read_symlink("/proc/self/exe").string();
  for (const auto& [name, value] : cluster.variables) {
    words.insert(words.end(), {"--set", name + "=" + value});
  }
  if (verbose) words.push_back("--verbose");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  const std::string log = log_of(cluster, node).string();
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);  // It outlives this terminal.
  pid_t process = 0;
  const int failure =
      posix_spawn(&process, words[0].c_str(), &files, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (failure != 0) {
    return Error{Code::unavailable, "cannot start node " + node + ": " + std::strerror(failure)};
  }
  return process;
}

void pause_a_little() {
  std::this_thread::sleep_for(poll_interval);
}

bool ended(pid_t process, const std::string& node) {
  int status = 0;
  if (::waitpid(process, &status, WNOHANG) == process) return true;
  return !is_alive(process, node);
}

// Each node answers for itself: only then can work be placed on it.
Result<void> wait_until_ready(const RunningCluster& cluster, const ClusterFile& file) {
  const SystemClock clock;
  const Instant until = clock.now() + ready_patience;
  for (const NodeSpec& node : file.nodes) {
    for (;;) {
      auto client = ControlClient::connect(node.listen_address, node.tls, poll_interval * 50);
      if (client && client->ready()) break;
      const pid_t process = cluster.processes.at(node.name);
      if (ended(process, node.name)) {
        return Error{Code::unavailable, "node " + node.name + " ended while starting:\n" +
                                            end_of(log_of(cluster, node.name))};
      }
      if (clock.now() >= until) {
        return Error{Code::unavailable, "node " + node.name + " does not answer at " +
                                            node.listen_address + ":\n" +
                                            end_of(log_of(cluster, node.name))};
      }
      pause_a_little();
    }
  }
  return {};
}

void end_processes(const RunningCluster& cluster) {
  const SystemClock clock;
  for (const int signal : {0, SIGTERM, SIGKILL}) {
    const Instant until = clock.now() + stop_patience;
    for (const auto& [node, process] : cluster.processes) {
      if (signal != 0 && !ended(process, node)) ::kill(process, signal);
      while (!ended(process, node) && clock.now() < until) pause_a_little();
    }
  }
}

}  // namespace

Result<RunningCluster> launch(const LaunchOptions& options) {
  std::error_code failed;
  RunningCluster cluster;
  cluster.cluster_file = std::filesystem::absolute(options.cluster_file);
  cluster.variables = options.variables;
  cluster.variables["run_dir"] = "/nowhere";  // Until the file has said its name.
  auto named = read_cluster_file(cluster.cluster_file, cluster.variables);
  if (!named) return named.error();
  cluster.name = named->name;
  cluster.folder = clusters_folder() / cluster.name;
  if (!options.variables.contains("run_dir")) {
    cluster.variables["run_dir"] = cluster.folder.string();
  } else {
    cluster.variables["run_dir"] = options.variables.at("run_dir");
  }
  auto file = read_cluster_file(cluster.cluster_file, cluster.variables);
  if (!file) return file.error();

  if (auto running = find_cluster(cluster.name)) {
    for (const auto& [node, process] : running->processes) {
      if (!is_alive(process, node)) continue;
      return Error{Code::conflict, "cluster '" + cluster.name + "' runs already (node " + node +
                                       ", process " + std::to_string(process) +
                                       "); stop it with: omma down --cluster " + cluster.name};
    }
  }
  std::filesystem::create_directories(cluster.folder, failed);
  if (failed) {
    return Error{Code::unavailable,
                 "cannot make " + cluster.folder.string() + ": " + failed.message()};
  }
  std::filesystem::permissions(cluster.folder, std::filesystem::perms::owner_all, failed);
  for (const NodeSpec& node : file->nodes) {
    if (node.name != file->head_node) continue;
    cluster.head_address = node.listen_address;
    cluster.tls = node.tls;
  }
  for (const NodeSpec& node : file->nodes) {
    auto process = spawn_node(cluster, node.name, options.verbose);
    if (!process) {
      end_processes(cluster);
      return process.error();
    }
    cluster.processes[node.name] = *process;
    options.say("node " + node.name + " at " + node.listen_address + ", process " +
                std::to_string(*process) + ", log " + log_of(cluster, node.name).string());
  }
  auto ready = wait_until_ready(cluster, *file);
  if (ready) ready = write_down(cluster);
  if (!ready) {
    for (const auto& [node, process] : cluster.processes) {
      if (!ended(process, node)) ::kill(process, SIGTERM);
    }
    end_processes(cluster);
    return ready.error();
  }
  return cluster;
}

Result<void> shut_down(const RunningCluster& cluster,
                       const std::function<void(const std::string&)>& say) {
  auto client = ControlClient::connect(cluster.head_address, cluster.tls, std::chrono::seconds(2));
  if (client) {
    if (auto stopped = client->stop_cluster(); !stopped) say(stopped.error().describe());
  } else {
    say("the head does not answer (" + client.error().message + "); ending the processes");
    for (const auto& [node, process] : cluster.processes) {
      if (is_alive(process, node)) ::kill(process, SIGTERM);
    }
  }
  end_processes(cluster);
  for (const auto& [node, process] : cluster.processes) {
    if (is_alive(process, node)) {
      return Error{Code::internal, "node " + node + ", process " + std::to_string(process) +
                                       ", does not end even on SIGKILL"};
    }
  }
  forget(cluster);
  return {};
}

}  // namespace omma
