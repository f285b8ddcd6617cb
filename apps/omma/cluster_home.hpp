// ClusterHome: where a running cluster keeps its sockets, logs and data on this machine, and how a
// command finds it again. One folder a cluster, named as the cluster, under one base folder:
// $OMMA_HOME, else $XDG_RUNTIME_DIR/omma, else /tmp/omma-<uid>. (Short, since a Unix socket's path
// has at most 107 bytes.)
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/placement/cluster_file.hpp"

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace omma {

// What `omma up` writes down and the other commands read.
struct RunningCluster {
  std::string name;
  std::filesystem::path folder;
  std::filesystem::path cluster_file;
  ClusterVariables variables;
  std::string head_address;
  std::optional<NodeSpec::Tls> tls;
  std::map<std::string, pid_t> processes;  // By node.
};

std::filesystem::path clusters_folder();

// unavailable when it cannot be written.
Result<void> write_down(const RunningCluster& cluster);
void forget(const RunningCluster& cluster);

// The cluster of this name; without a name the only one. not_found says what runs and how to start
// one.
Result<RunningCluster> find_cluster(const std::string& name);

// Still the process that we started: the command line must be that of an omma node.
bool is_alive(pid_t process, const std::string& node);

}  // namespace omma
