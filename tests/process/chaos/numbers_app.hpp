// The chaos test's load: numbers run from a source through relays into a tally, and a session gets
// a row for each. Every actor has a state that a lost, repeated or overtaken number would spoil,
// and the tally says so in a row of its own, "wrong".
//
//   source --+--> relay 0 --+--> tally --> session
//            +--> relay 1 --+
//
//   omma_chaos_node run numbers --name a --relays 2 --period-ms 50 --numbers 1000 --durable true
#pragma once

#include "runtime/node/app.hpp"

#include <memory>
#include <vector>

namespace omma {

// Three: "numbers", which is the one to run, and one each for the types of source and relay.
std::vector<std::unique_ptr<App>> make_numbers_apps();

}  // namespace omma
