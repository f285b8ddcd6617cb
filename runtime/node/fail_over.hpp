// FailOver: the head's watch over the others. It declares dead who did not renew its lease, and has
// the actors of dead nodes go on elsewhere.
//
//   every LeaseTimes::look_every: lease over? ---> directory: node dead (fences it)
//                                 orphans? ------> FailOverPlan ---> Revive on another node,
//                                                  whose compare-and-set decides
//
// It decides nothing by itself that the directory does not decide again, so it may die at any point
// and begin anew with the next head. Work is done on one strand.
#pragma once

#include "runtime/cell/scheduler.hpp"
#include "runtime/node/fail_over_plan.hpp"
#include "runtime/node/lease_service.hpp"
#include "runtime/observe/log.hpp"
#include "runtime/protocol/move_record.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace omma {

class ActorTypeSource;

struct FailOverServices {
  Scheduler& scheduler;
  const Clock& clock;
  Log& log;
  const ActorTypes& types;
  const DirectoryClient& directory;
  LeaseService& leases;
  std::string self;  // The head's name.
  // Has the actor go on at that node; answers with its record there.
  std::function<void(const std::string& node, const ActorId& id,
                     std::function<void(Result<Revival>)> done)>
      revive;
  // Tells the nodes that this one is dead, so that what leads there is looked up again.
  std::function<void(const NodeId& dead, const std::vector<NodeRecord>& nodes)> announce;
  std::function<std::size_t(const std::string& node)> actors_max;
  ActorTypeSource* more_types = nullptr;  // Null: what `types` lacks is unknown.
};

class FailOver {
 public:
  struct Counters {
    std::uint64_t declared_dead = 0;
    std::uint64_t revived = 0;
    std::uint64_t failed = 0;  // Tries; each is tried again.
    std::uint64_t ended = 0;
  };

  explicit FailOver(FailOverServices services);
  // After the node is ready to serve Revive itself.
  void begin();
  void close() { strand_.close(); }
  Counters counters() const;

 private:
  // One look: nodes, then deaths, then orphans, then where they may go, then steps; the next when
  // it is done.
  void look();
  void on_nodes(std::vector<NodeRecord> nodes);
  void declare_dead(std::vector<NodeId> due, std::vector<NodeRecord> nodes);
  void find_orphans();
  struct Found {
    std::vector<ActorRecord> orphans;
    std::vector<CountedNode> nodes;
    Homes cameras;
  };
  void look_around(std::vector<ActorRecord> orphans);
  void on_orphans(const Found& found);
  void look_later();
  void carry_out(const FailOverPlan::Step& step);
  void revive(const std::string& node, const FailOverPlan::Step& step);
  void on_revived(const FailOverPlan::Step& step, Instant away_since,
                  const Result<Revival>& revival);
  void log_move(const FailOverPlan::Step& step, Instant away_since, const Revival& revival) const;
  void note_silence(const std::vector<ActorRecord>& orphans);
  void get_type(const std::string& type);

  const FailOverServices services_;
  FailOverPlan plan_;
  // When each node was last heard of; of one that is gone, while it has orphans.
  std::map<Incarnation, Instant> heard_;
  std::set<std::string> coming_types_;
  std::atomic<std::uint64_t> declared_dead_{0};
  std::atomic<std::uint64_t> revived_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::atomic<std::uint64_t> ended_{0};
  Strand strand_;  // Last: nothing of the above may go while tasks run.
};

}  // namespace omma
