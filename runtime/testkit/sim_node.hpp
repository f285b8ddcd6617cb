// SimNode: one simulated process of a SimCluster, with the parts that a real one has (node.cpp) in
// virtual time: scheduler, executors, links in memory, and on the head the directory's service.
//
// Single-threaded, as VirtualTime says.
#pragma once

#include "runtime/node/node_core.hpp"
#include "runtime/testkit/virtual_scheduler.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace omma {

class SimCluster;

struct SimNodeSpec {
  std::string name;
  std::vector<std::string> roles{"worker"};
};

class SimNode {
 public:
  SimNode(SimCluster& cluster, SimNodeSpec spec, NodeId self);
  // As by kill -9, unless stop() came before.
  ~SimNode();

  // Signs on and opens, by itself as time goes on.
  void begin();
  // In good order; takes some virtual time.
  void stop();
  void pause();
  void resume();

  bool is_open() const { return core_->is_open(); }
  bool is_paused() const { return scheduler_.is_paused(); }
  const NodeId& self() const { return core_->self(); }
  NodeCore& core() { return *core_; }
  Host& host() { return core_->host(); }
  LinkHub& hub() { return *hub_; }
  std::size_t cells() const { return scheduler_.cells(); }

 private:
  NodeCoreParts parts();
  void open();

  SimCluster& cluster_;
  const SimNodeSpec spec_;
  std::unique_ptr<Log> log_;
  VirtualScheduler scheduler_;
  VirtualExecutor jobs_;
  VirtualExecutor directory_io_;
  ActorTypes types_;
  std::unique_ptr<DirectoryService> service_;
  std::unique_ptr<NodeCore> core_;
  std::unique_ptr<LinkHub> hub_;
};

}  // namespace omma
