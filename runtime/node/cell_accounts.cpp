// What a cell's report means in the ledger's terms.
#include <utility>

#include "runtime/node/host.hpp"

namespace omma {

Accounts accounts_of(const CellReport& report) {
  Accounts accounts;
  for (const auto& out : report.out) {
    EdgeAccount edge;
    edge.stream = out.stream;
    edge.sent = out.counters.offered;
    const auto count = [&](const char* why, std::uint64_t number) {
      if (number > 0) edge.dropped[why] = number;
    };
    count("newer came", out.counters.dropped_full);
    count("expired", out.counters.dropped_expired);
    count("lost with the target's life", out.counters.lost_with_life);
    count("unsubscribed", out.counters.dropped_unwanted);
    count("target gone", out.dropped_target_gone);
    edge.in_flight = out.in_flight;
    for (const auto& [origin, sent] : out.sent_by_origin) edge.by_origin[origin].sent = sent;
    for (const auto& [origin, n] : out.dropped_by_origin) edge.by_origin[origin].dropped = n;
    for (const auto& [origin, n] : out.in_flight_by_origin) edge.by_origin[origin].in_flight = n;
    accounts.edges.push_back(std::move(edge));
  }
  for (const auto& in : report.in) {
    EdgeAccount edge;
    edge.stream = in.stream;
    edge.received = in.finished;
    for (const auto& [origin, n] : in.finished_by_origin) edge.by_origin[origin].received = n;
    accounts.edges.push_back(std::move(edge));
  }
  if (!report.stage.empty()) {
    StageAccount stage;
    stage.id = report.id;
    stage.type = report.type;
    stage.name = report.name;
    stage.ends_frames = report.ends_frames;
    for (const auto& [origin, counts] : report.stage) {
      stage.by_origin[origin] = {counts.received, counts.emitted, counts.filtered, counts.failed,
                                 counts.held};
    }
    accounts.stages.push_back(std::move(stage));
  }
  for (const auto& [camera, captured] : report.captured) {
    accounts.cameras.push_back({report.id.low, camera, captured});
  }
  accounts.reported.insert(report.id);
  if (!report.died_with.empty()) {
    accounts.died_with[report.id] = {report.died_with.begin(), report.died_with.end()};
  }
  return accounts;
}

}  // namespace omma
