// Node: one process of a cluster. It wires the parts together in order, registers with the
// directory, and takes itself apart again in the opposite order.
//
//   main() --> Node::start(spec, types, apps) --> ... wait_until_stopped() ... --> ~Node
#pragma once

#include "runtime/cell/actor_type.hpp"
#include "runtime/node/app.hpp"
#include "runtime/placement/cluster_file.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace omma {

class Log;
class AppModules;
class BatchTally;
class ModelExchange;
class SharedArena;

struct NodeOptions {
  NodeSpec spec;  // Of this node in `cluster`.
  ClusterFile cluster;
  Duration register_patience = std::chrono::seconds(20);  // For the head to come up.
  std::size_t scheduler_threads = 2;
};

// What main() made and the node uses; must outlive it.
struct NodeParts {
  const Clock& clock;
  Random& random;
  Log& log;
  std::shared_ptr<BufferPool> pool;
  AppModules& modules;  // Joined to the cluster while the node lives.
  const ClusterView& view;
  ModelExchange& exchange;  // Likewise.
  std::function<std::string()> models_json;
  const BatchTally* batches = nullptr;  // Of the networks in this process, for its metrics.
  std::shared_ptr<SharedArena> arena = nullptr;  // That `pool` takes large buffers from, if any.
};

class Node {
 public:
  // unavailable when the address cannot be bound or the head does not answer in time; else what the
  // directory says.
  static Result<std::unique_ptr<Node>> start(NodeOptions options, ActorTypes types,
                                             NodeParts parts);
  // Stops the actors, signs off, closes the links.
  virtual ~Node() = default;

  virtual std::string address() const = 0;
  // From any thread, also a signal's.
  virtual void request_stop() = 0;
  // Also returns when the node was declared dead: its actors are others', and only a new Node, with
  // a new incarnation, may go on in its place.
  virtual void wait_until_stopped() = 0;
  virtual bool was_declared_dead() const = 0;
};

}  // namespace omma
