// What all cells of a node report of themselves, collected.
#pragma once

#include "runtime/cell/cell_report.hpp"
#include "runtime/node/host.hpp"
#include "runtime/node/switchboard.hpp"

#include <cstddef>
#include <functional>
#include <vector>

namespace omma {

// Reports are given by every cell between two turns; one that takes longer is left out and counted
// as silent.
inline constexpr Duration report_patience = std::chrono::seconds(2);

// `done` is called once, from any thread.
void collect_reports(const Switchboard& switchboard, Host& host,
                     std::function<void(std::vector<CellReport> reports, std::size_t silent)> done);

}  // namespace omma
