// What a finished query and the ledger look like to a person, and as JSON.
#pragma once

#include "runtime/protocol/accounts.hpp"
#include "schemas/results.capnp.h"

#include <string>
#include <vector>

namespace omma {

// Last rows by camera and kind, latencies by stage.
std::string summary_text(SessionSummary::Reader summary);
std::string summary_json(SessionSummary::Reader summary);

// Where each camera's frames ended, then the edges; then the broken laws, or that none is.
std::string ledger_text(const Accounts& accounts, const std::vector<Violation>& broken,
                        const std::vector<std::string>& missing_nodes, bool quiet, bool details);
std::string ledger_json(const Accounts& accounts, const std::vector<Violation>& broken,
                        const std::vector<std::string>& missing_nodes, bool quiet);

// Nothing is on its way anywhere: the laws are exact.
bool is_quiet(const Accounts& accounts);

}  // namespace omma
