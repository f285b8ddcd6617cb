#include "runtime/testkit/sim_cluster.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "runtime/base/check.hpp"

namespace omma {
namespace {

constexpr Duration start_patience = std::chrono::minutes(5);
constexpr Duration answer_patience = std::chrono::seconds(30);
// Until a refusal comes back.
constexpr Duration knock_time = std::chrono::microseconds(200);

}  // namespace

SimCluster::SimCluster(SimOptions options)
    : options_(std::move(options)),
      time_(options_.seed),
      incarnations_(time_.random().next()),
      directory_(make_memory_directory()) {
  OMMA_CHECK(!options_.nodes.empty(), "a cluster has a head");
}

SimCluster::~SimCluster() = default;

void SimCluster::start() {
  for (const SimNodeSpec& spec : options_.nodes) begin(spec.name);
  OMMA_CHECK(time_.advance_until(start_patience, [this] { return all_open(); }),
             options_.nodes.size());
}

// --- Faults -------------------------------------------------------------------------------------

void SimCluster::begin(const std::string& node) {
  if (is_there(node)) return;
  trace(node, "begins");
  const auto spec = std::find_if(options_.nodes.begin(), options_.nodes.end(),
                                 [&](const SimNodeSpec& one) { return one.name == node; });
  OMMA_CHECK(spec != options_.nodes.end(), node);
  const NodeId self{node, Incarnation::draw(incarnations_), 0};
  auto& begun = running_[node] = std::make_unique<SimNode>(*this, *spec, self);
  begun->begin();
}

void SimCluster::stop(const std::string& node) {
  if (!is_open(node)) return;
  trace(node, "is stopped");
  running_.at(node)->stop();
  running_.erase(node);
}

void SimCluster::crash(const std::string& node) {
  if (!is_there(node)) return;
  trace(node, "is killed");
  running_.erase(node);
}

void SimCluster::pause(const std::string& node) {
  if (!is_there(node)) return;
  trace(node, "stands still");
  running_.at(node)->pause();
}

void SimCluster::resume(const std::string& node) {
  if (!is_there(node) || !running_.at(node)->is_paused()) return;
  trace(node, "goes on");
  running_.at(node)->resume();
}

std::pair<std::string, std::string> SimCluster::pair_of(const std::string& a,
                                                        const std::string& b) {
  return a < b ? std::pair(a, b) : std::pair(b, a);
}

void SimCluster::partition(const std::string& a, const std::string& b) {
  if (a == b || !partitioned_.insert(pair_of(a, b)).second) return;
  trace(a, "is cut off from " + b);
  time_.network().partition(a, b);
}

void SimCluster::heal(const std::string& a, const std::string& b) {
  if (partitioned_.erase(pair_of(a, b)) == 0) return;
  trace(a, "reaches " + b + " again");
  time_.network().heal(a, b);
}

void SimCluster::set_faults(const MemoryFaults& faults) {
  for (std::size_t i = 0; i < options_.nodes.size(); ++i) {
    for (std::size_t j = i + 1; j < options_.nodes.size(); ++j) {
      time_.network().set_faults(options_.nodes[i].name, options_.nodes[j].name, faults);
    }
  }
}

void SimCluster::end_faults() {
  for (const auto& [a, b] : std::exchange(partitioned_, {})) time_.network().heal(a, b);
  set_faults({});
  options_.directory_delays = {};
  for (const SimNodeSpec& spec : options_.nodes) {
    begin(spec.name);
    resume(spec.name);
  }
}

// A refusal needs the machine's word that no process listens there.
SimCluster::Knock SimCluster::knock(const std::string& from, Duration timeout) const {
  const bool silent = partitioned_.contains(pair_of(from, head()));
  return {silent ? timeout : knock_time, !silent && !is_there(head())};
}

void SimCluster::on_dead(const NodeId& node, const Error& why) {
  trace(node.name, "ends: " + why.message);
  time_.at(time_.now() + options_.rebirth_delay, [this, node] {
    const auto found = running_.find(node.name);
    if (found == running_.end() || found->second->self().incarnation != node.incarnation) return;
    running_.erase(found);
    begin(node.name);
  });
}

void SimCluster::trace(const std::string& node, const std::string& text) const {
  if (!options_.trace) return;
  char when[32];
  const double seconds = static_cast<double>(nanoseconds_of(time_.now())) * 1e-9;
  std::snprintf(when, sizeof when, "%12.6f ", seconds);
  options_.trace(when + node + ": " + text);
}

// --- Looking ------------------------------------------------------------------------------------

bool SimCluster::is_open(const std::string& node) const {
  const auto found = running_.find(node);
  return found != running_.end() && found->second->is_open();
}

bool SimCluster::all_open() const {
  return running_.size() == options_.nodes.size() &&
         std::all_of(running_.begin(), running_.end(),
                     [](const auto& running) { return running.second->is_open(); });
}

SimNode& SimCluster::node(const std::string& name) {
  const auto found = running_.find(name);
  OMMA_CHECK(found != running_.end(), name);
  return *found->second;
}

ActorRecord SimCluster::record(const ActorId& id) {
  const auto found = directory_->actor(id);
  OMMA_CHECK(found.ok(), id.text());
  return found->value_or(ActorRecord{});
}

std::vector<std::pair<std::string, CellReport>> SimCluster::reports() {
  struct Gathered {
    std::vector<std::pair<std::string, CellReport>> reports;
    std::size_t wanted = 0;
  };
  const auto gathered = std::make_shared<Gathered>();
  for (const auto& [name, running] : running_) {
    if (!running->is_open()) continue;
    for (const auto& [id, cell] : running->core().switchboard().cells()) {
      ++gathered->wanted;
      cell.put(CellInput{CellInput::ReportWanted{[gathered, node = name](CellReport report) {
        gathered->reports.emplace_back(node, std::move(report));
      }}});
    }
  }
  time_.advance_until(answer_patience,
                      [&] { return gathered->reports.size() == gathered->wanted; });
  return gathered->reports;
}

// --- Actors -------------------------------------------------------------------------------------

Result<ActorRecord> SimCluster::activate(const std::string& node_name, const StageSpec& spec) {
  const auto answer = std::make_shared<std::optional<Result<ActorRecord>>>();
  node(node_name).host().activate(
      spec, [answer](Result<ActorRecord> record) { answer->emplace(std::move(record)); });
  time_.advance_until(answer_patience, [&] { return answer->has_value(); });
  if (!*answer) {
    return Error{Code::unavailable,
                 "node " + node_name + " did not say whether '" + spec.name + "' lives there"};
  }
  return **answer;
}

bool SimCluster::run(const ActorId& id, std::function<void(Turn&)> turn) {
  const ActorRecord where = record(id);
  if (where.state != ActorRecord::State::active || !is_open(where.node.name)) return false;
  const auto cell = node(where.node.name).host().cell(id);
  if (!cell) return false;
  cell->put(CellInput{CellInput::Command{std::move(turn)}});
  return true;
}

}  // namespace omma
