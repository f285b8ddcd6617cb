// BenchNode: a node as `omma node` wires it, with real threads, sockets and leases, but with
// nothing of cameras and models: a directory in memory, its own actor types, and no clients.
//
// Made and used by one thread.
#pragma once

#include "runtime/cell/actor_type.hpp"
#include "runtime/cell/caf_scheduler.hpp"
#include "runtime/link/shared_arena.hpp"
#include "runtime/node/node_core.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace omma::bench {

class BenchNode {
 public:
  struct Options {
    std::string name;
    std::string head;
    std::string listen_address;
    std::size_t threads = 2;  // Of the cells' scheduler.
    std::string peer = {};    // Dialled if its name is the larger one.
    std::string peer_address = {};
  };

  BenchNode(Options options, ActorTypes types);
  ~BenchNode();

  std::string address() const { return hub_->listen_address(); }
  BufferPool& pool() { return *pool_; }
  NodeCore& core() { return *core_; }
  LinkCounters link_counters() const { return hub_->counters(); }

  // Begins an actor here and waits until it lives.
  Cell begin(const StageSpec& spec);
  // Waits until nothing is under way any more and checks the ledger's laws of all actors here;
  // stops the process when one is broken.
  void check_ledger();

 private:
  struct SystemConfig : caf::actor_system_config {
    explicit SystemConfig(std::size_t threads) { configure_cells(*this, threads, false); }
  };
  Accounts accounts() const;

  ActorTypes types_;
  SystemClock clock_;
  SystemRandom random_;
  std::shared_ptr<Log> log_;
  std::shared_ptr<SharedArena> arena_;  // Only for Unix sockets.
  std::shared_ptr<BufferPool> pool_;
  SystemConfig config_;
  caf::actor_system system_;
  CafScheduler scheduler_;
  std::unique_ptr<Executor> compute_;
  std::unique_ptr<Executor> io_;
  std::unique_ptr<Executor> directory_io_;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<DirectoryService> service_;
  std::unique_ptr<NodeCore> core_;
  std::unique_ptr<LinkHub> hub_;
};

}  // namespace omma::bench
