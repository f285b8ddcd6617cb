// One node of a cluster as a process: the wiring diagram of everything that it runs.
#pragma once

#include "runtime/node/app.hpp"
#include "runtime/placement/cluster_file.hpp"

#include <memory>
#include <string>
#include <vector>

namespace omma {

// The apps that this build knows.
std::vector<std::unique_ptr<App>> make_apps();

// Runs until it is told to stop (by `omma down`, SIGTERM or SIGINT). An ExitCode.
int run_node(const std::string& name, const std::filesystem::path& cluster_file,
             const ClusterVariables& variables, bool verbose,
             std::vector<std::unique_ptr<App>> apps = make_apps());

}  // namespace omma
