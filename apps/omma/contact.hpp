// What every command that talks to a cluster begins with, and how it says what went wrong.
#pragma once

#include "apps/omma/cluster_home.hpp"
#include "apps/omma/commands.hpp"
#include "apps/omma/control_client.hpp"

#include <string>

namespace omma {

// Which cluster, and a connection to its head.
struct Contact {
  RunningCluster cluster;
  ControlClient client;
};

// not_found when no such cluster runs; unavailable when it does not answer, with where to look.
Result<Contact> contact(const CommonOptions& common);

// A line for people, on standard error.
void say(const std::string& line);

}  // namespace omma
