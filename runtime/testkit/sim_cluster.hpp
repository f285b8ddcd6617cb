// SimCluster: a whole cluster in one thread and in virtual time, made of the code that ships:
// hosts, movers, leases, switchboards, the directory's service and its clients, cells and their
// streams, over links in memory. Its faults are those of machines and networks. The same options
// and the same calls give the same run, bit for bit.
//
//   SimCluster cluster({.seed = 7, .nodes = {{"head"}, {"east"}, {"west"}}, .types = my_types});
//   cluster.start();
//   cluster.crash("east");
//   cluster.advance(10s);
//
// Single-threaded.
#pragma once

#include "runtime/testkit/sim_node.hpp"
#include "runtime/testkit/virtual_time.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace omma {

struct SimOptions {
  std::uint64_t seed = 1;
  std::vector<SimNodeSpec> nodes;  // The first is the head, which has the directory.
  // Called for each process that begins; what its actors refer to must outlive the cluster.
  std::function<ActorTypes(const NodeId& node)> types;
  LeaseTimes lease{};
  VirtualDelays job_delays{};
  VirtualDelays directory_delays{};
  // A node that was declared dead begins anew after this long.
  Duration rebirth_delay = std::chrono::milliseconds(500);
  // Takes what the nodes log, and the faults; none: nothing is written.
  std::function<void(const std::string& line)> trace = nullptr;
};

class SimCluster {
 public:
  explicit SimCluster(SimOptions options);
  ~SimCluster();

  // Begins all nodes and waits until they are open.
  void start();
  VirtualTime& time() { return time_; }
  void advance(Duration by) { time_.advance(by); }

  // --- Faults; those of a node that is not there do nothing ------------------------------------
  // A new incarnation of the name begins; it opens by itself once the head answers.
  void begin(const std::string& node);
  void stop(const std::string& node);
  void crash(const std::string& node);
  void pause(const std::string& node);
  void resume(const std::string& node);
  void partition(const std::string& a, const std::string& b);
  void heal(const std::string& a, const std::string& b);
  void set_faults(const MemoryFaults& faults);  // Of all links.
  void set_directory_delays(const VirtualDelays& delays) { options_.directory_delays = delays; }
  // All nodes are there and run, all links are whole and quick.
  void end_faults();

  // --- Looking ---------------------------------------------------------------------------------
  const std::vector<SimNodeSpec>& nodes() const { return options_.nodes; }
  const std::string& head() const { return options_.nodes.front().name; }
  bool is_there(const std::string& node) const { return running_.contains(node); }
  bool is_open(const std::string& node) const;
  bool all_open() const;
  SimNode& node(const std::string& name);
  // What the head's disk holds; it survives the head's process.
  Directory& directory() { return *directory_; }
  // The record; of epoch 0 when there is none.
  ActorRecord record(const ActorId& id);
  // The reports of all actors that live, by node.
  std::vector<std::pair<std::string, CellReport>> reports();

  // --- Actors ----------------------------------------------------------------------------------
  // Begins the actor's life on this node whatever it wishes.
  Result<ActorRecord> activate(const std::string& node, const StageSpec& spec);
  // Runs a turn of an actor where the directory says that it lives; false when that node is away.
  bool run(const ActorId& id, std::function<void(Turn&)> turn);

  // --- For the nodes -----------------------------------------------------------------------------
  const VirtualDelays& job_delays() const { return options_.job_delays; }
  const VirtualDelays& directory_delays() const { return options_.directory_delays; }
  const LeaseTimes& lease() const { return options_.lease; }
  ActorTypes types_for(const NodeId& node) const { return options_.types(node); }
  struct Knock {
    Duration after;
    bool refused;
  };
  Knock knock(const std::string& from, Duration timeout) const;
  void on_dead(const NodeId& node, const Error& why);
  bool traces() const { return options_.trace != nullptr; }
  void trace(const std::string& node, const std::string& text) const;

 private:
  static std::pair<std::string, std::string> pair_of(const std::string& a, const std::string& b);

  SimOptions options_;
  VirtualTime time_;
  SeededRandom incarnations_;
  std::unique_ptr<Directory> directory_;
  std::set<std::pair<std::string, std::string>> partitioned_;
  std::map<std::string, std::unique_ptr<SimNode>> running_;
};

}  // namespace omma
