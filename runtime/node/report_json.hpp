// What a node tells of itself, as JSON: the form of `omma ps --json`, and the ledger's accounts on
// their way to whoever adds them up.
#pragma once

#include "runtime/cell/cell_report.hpp"
#include "runtime/link/link.hpp"
#include "runtime/node/app.hpp"
#include "runtime/node/host.hpp"
#include "runtime/protocol/accounts.hpp"

#include <string>
#include <vector>

namespace omma {

struct NodeReport {
  NodeId node;
  std::vector<CellReport> cells;
  std::size_t silent_cells = 0;  // Did not answer in time.
  std::vector<LongTurn> long_turns;
  Switchboard::Counters switchboard;
  LinkCounters link;
  Host::Counters host;
};

std::string to_json(const NodeReport& report);
std::string to_json(const Accounts& accounts);
// What `omma apps --json` prints.
std::string to_json(const std::vector<const App*>& apps);
// corrupt when the text is not what to_json writes.
Result<Accounts> accounts_from_json(const std::string& text);

}  // namespace omma
