// Launcher: starts the processes of a cluster on this machine, waits until they answer, and stops
// them again.
#pragma once

#include "apps/omma/cluster_home.hpp"

#include <functional>
#include <string>

namespace omma {

struct LaunchOptions {
  std::filesystem::path cluster_file;
  ClusterVariables variables;  // Beyond ${run_dir} and ${cluster_dir}.
  bool verbose = false;
  std::function<void(const std::string&)> say;  // Progress, a line each.
};

// Every node of the file, each as a process of its own in the background; returns when all are
// ready. On failure those that came up are stopped again, and the message holds the end of the log
// of the one that failed.
Result<RunningCluster> launch(const LaunchOptions& options);

// Asks the head to stop the cluster and waits for the processes; one that does not end within ten
// seconds is sent SIGTERM, then SIGKILL.
Result<void> shut_down(const RunningCluster& cluster,
                       const std::function<void(const std::string&)>& say);

}  // namespace omma
