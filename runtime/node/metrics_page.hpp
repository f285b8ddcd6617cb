// What a node shows to Prometheus: one page of its own numbers, docs/METRICS.md names and explains
// each. Nobody registers anything: a scrape asks the objects that own the counters, and this makes
// the page of their answers.
//
// Pure functions of their arguments.
#pragma once

#include "runtime/base/duration_tally.hpp"
#include "runtime/cell/executor.hpp"
#include "runtime/link/link.hpp"
#include "runtime/model/batch_tally.hpp"
#include "runtime/node/fail_over.hpp"
#include "runtime/node/lease_keeper.hpp"
#include "runtime/node/report_json.hpp"
#include "runtime/observe/hop_ring.hpp"
#include "runtime/observe/metrics_text.hpp"
#include "runtime/protocol/clock_offset.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace omma {

// What the owners of the counters say at one moment.
struct NodeNumbers {
  NodeReport report;
  Accounts closed;                                          // Of actors that ended here.
  std::map<std::string, CellReport::Health> closed_health;  // Of these, by type.
  std::map<std::uint64_t, std::string> cameras;             // Names by TraceId::origin.
  std::map<std::string, DurationTally::Counts> turn_times;  // By actor type.
  DurationTally::Counts move_pauses;
  std::vector<LinkPeerCounters> peers;
  std::map<std::string, ExecutorCounters> executors;
  std::map<std::string, BatchTally::Counts> batches;    // By network.
  std::optional<DirectoryService::Counters> directory;  // Only the head has these two.
  std::optional<FailOver::Counters> fail_over;
  std::optional<LeaseKeeper::Counters> lease;  // And these two only the others.
  std::optional<Duration> lease_left;
  bool fenced = false;
  std::optional<ClockOffset::Estimate> head_clock;
  std::optional<HopRing::Counters> hops;
  std::uint64_t log_records_lost = 0;
  std::optional<std::uint64_t> resident_bytes;
};

struct MetricInfo {
  std::string_view name;
  MetricKind kind;
  std::string_view help;
};

// Every name on the page, in its order; each is there even when it has no samples.
std::span<const MetricInfo> documented_metrics();
std::string metrics_page(const NodeNumbers& numbers);

inline constexpr const char* metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace omma
