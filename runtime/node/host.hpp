// Host: begins and ends the lives of this node's actors, and finds the others. The directory's
// compare-and-set decides who lives where; the host asks it, and tells cells and switchboard.
//
//   a cell sends to X --> no way known --> look X up --+--> lives on node N: route over N
//                                                      +--> lives nowhere, specification known:
//                                                      |      placement chooses a node; that node's
//                                                      |      host does the compare-and-set
//                                                      +--> lives nowhere, unknown: X is gone
//
// Public calls may come from any thread; the work is done on one strand.
#pragma once

#include "runtime/base/random.hpp"
#include "runtime/cell/cell.hpp"
#include "runtime/cell/executor.hpp"
#include "runtime/node/directory_access.hpp"
#include "runtime/node/switchboard.hpp"
#include "runtime/observe/log.hpp"
#include "runtime/protocol/accounts.hpp"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace omma {

class NodePort;

struct HostServices {
  caf::actor_system& system;
  const ActorTypes& types;
  const Clock& clock;
  Switchboard& switchboard;
  const DirectoryClient& directory;
  Executor& compute;
  Executor& io;
  Log& log;
  LinkHub* hub = nullptr;  // Null for a node without peers.
};

class Host {
 public:
  struct Counters {
    std::uint64_t activated = 0;
    std::uint64_t retired = 0;
    std::uint64_t lookups = 0;
    std::uint64_t lookups_failed = 0;
  };

  Host(NodeId self, HostServices services);
  ~Host();

  void remember(std::shared_ptr<const StageSpec> spec);
  // Finds (or activates) the target, then tells the asker; a null asker means every cell.
  void resolve(const ActorId& target, const ActorId& asker);
  // Begins the actor's life here unless it lives already; answers where it lives then.
  void activate(const StageSpec& spec, std::function<void(Result<ActorRecord>)> done);
  void retire(const ActorId& id);

  // Ends every cell here and waits for it; nothing may be activated afterwards.
  void stop_all();

  void on_not_here(const std::string& peer, const ActorId& id);
  void on_peer_up(const NodeId& peer);

  // Runs the task on the host's strand after this long.
  void after(Duration delay, std::function<void()> task) {
    strand_.post_after(delay, std::move(task));
  }

  // What the actors that ended here leave to the ledger.
  Accounts closed_accounts() const;
  Counters counters() const;
  // The handle of an actor that lives here.
  std::optional<Cell> cell(const ActorId& id) const;

 private:
  struct Search {
    std::set<ActorId> askers;
    bool every_cell = false;
  };
  using Done = std::function<void(Result<ActorRecord>)>;
  friend class NodePort;

  void search(const ActorId& target);
  void on_found(const ActorId& target, Result<std::optional<ActorRecord>> found);
  void place(const ActorId& target, std::shared_ptr<const StageSpec> spec);
  void place_among(const StageSpec& spec, const std::vector<NodeRecord>& nodes,
                   const std::vector<ActorRecord>& actors);
  void finish(const ActorId& target, Result<ActorRecord> record);
  void give_up(const ActorId& target, const Error& why, bool gone = false);
  void begin(const StageSpec& spec);
  void on_begun(const ActorId& id, Result<ActorRecord> record);
  void spawn(const ActorRecord& record);
  bool lives_here(const ActorRecord& record) const {
    return record.node.incarnation == self_.incarnation;
  }

  const NodeId self_;
  HostServices services_;
  std::map<ActorId, std::shared_ptr<const StageSpec>> specs_;
  std::map<ActorId, Search> searches_;
  std::map<ActorId, std::vector<Done>> beginnings_;
  std::map<ActorId, ActorRecord> residents_;
  std::map<std::string, Incarnation> peers_;

  mutable std::mutex mutex_;  // For what other threads read.
  std::condition_variable ports_gone_;
  std::size_t ports_ = 0;  // Cells that still have a way into this object.
  bool stopping_ = false;
  Accounts closed_;
  Counters counters_;

  Strand strand_;  // Last: nothing of the above may go while tasks run.
};

// What a cell's report means in the ledger's terms.
Accounts accounts_of(const CellReport& report);

}  // namespace omma
