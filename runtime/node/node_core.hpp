// NodeCore: what a node does, whatever runs it: it takes packets and requests from its links, asks
// the directory, signs on, and holds the host. A process (node.hpp) gives it threads, sockets and a
// file; the test kit gives it virtual time.
//
//   link handlers --> packets --> Switchboard --> cells
//                 \-> requests -> directory, leases (on the head), host, else what `others` takes
//
// From open() on the head watches the others' leases (fail_over.hpp), the others keep theirs
// (lease_keeper.hpp).
//
// Calls may come from any thread. The hub is destroyed before this, whoever else answers before the
// hub.
#pragma once

#include "runtime/cell/scheduler.hpp"
#include "runtime/node/directory_access.hpp"
#include "runtime/node/fail_over.hpp"
#include "runtime/node/host.hpp"
#include "runtime/node/lease_keeper.hpp"
#include "runtime/node/lease_service.hpp"
#include "runtime/node/switchboard.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <string>

namespace omma {

struct NodeCoreParts {
  Scheduler& scheduler;
  const ActorTypes& types;
  const Clock& clock;
  Executor& compute;
  Executor& io;
  Log& log;
  std::string head;                       // The node that has the directory.
  DirectoryService* directory = nullptr;  // On the head.
  LeaseTimes lease = {};
  // Whether a connection to the head's address is refused: see lease_keeper.hpp. None: never known.
  std::function<void(Duration timeout, std::function<void(bool refused)> answer)> knock = nullptr;
  // The most actors that a node takes. None: the limit of limits.hpp.
  std::function<std::size_t(const std::string& node)> actors_max = nullptr;
  // Declared dead: the actors are others'. This node can only end; a new incarnation may begin.
  std::function<void(const Error& why)> on_dead = nullptr;
  HopSink* hops = nullptr;                // Null: no frame is traced.
  bool times_turns = false;               // Somebody reads how long turns take.
  ActorTypeSource* more_types = nullptr;  // Null: what `types` lacks is unknown.
  TurnWatch* turns = nullptr;             // Null: nobody watches that none takes too long.
};

class NodeCore {
 public:
  using Others = std::function<void(const Message& request, const Answer& answer)>;

  NodeCore(NodeId self, NodeCoreParts parts);
  ~NodeCore();

  // For the hub, which is then attached.
  LinkHandlers link_handlers();
  void attach(LinkHub& hub);

  // Registers under the node's epoch. While the head cannot be reached, again and again, until
  // `patience` is over; then what the last attempt said.
  void sign_on(NodeRecord wanted, Duration patience, std::function<void(Result<void>)> done);
  void sign_off(std::function<void(Result<bool>)> done);

  // After signing on. Actors may be begun here; peers are answered from open() on.
  Host& begin_hosting(History* history = nullptr);
  // `others` takes the requests that are neither the directory's nor the host's.
  void open(Others others);
  // Peers are answered no more, and all actors end.
  void close();

  const NodeId& self() const { return self_; }
  bool is_open() const { return open_; }
  Host& host() { return *host_; }
  Switchboard& switchboard() { return switchboard_; }
  const DirectoryClient& directory() const { return directory_; }
  // Null on the head, and before open().
  const LeaseKeeper* lease() const { return keeper_.get(); }
  // Null elsewhere.
  const FailOver* fail_over() const { return fail_over_.get(); }
  std::size_t actors_max(const std::string& node) const;

 private:
  void on_call(const std::optional<NodeId>& from, const Message& request, const Answer& answer);
  void ask_directory(Message request, Answer answer);
  void try_to_sign_on(const NodeRecord& wanted, Instant until,
                      const std::function<void(Result<void>)>& done);

  void watch_leases();
  void revive(const std::string& node, const ActorId& id,
              std::function<void(Result<Revival>)> done);
  void announce(const NodeId& dead, const std::vector<NodeRecord>& nodes);
  void keep_lease();

  NodeId self_;
  NodeCoreParts parts_;
  LinkHub* hub_ = nullptr;
  std::atomic<bool> open_{false};
  Others others_;
  Switchboard switchboard_;
  DirectoryClient directory_;
  Instant signed_on_{};  // When the request left.
  std::unique_ptr<Host> host_;
  std::unique_ptr<LeaseService> leases_;  // On the head these two, elsewhere the third.
  std::unique_ptr<FailOver> fail_over_;
  std::unique_ptr<LeaseKeeper> keeper_;

  Strand strand_;  // Last: nothing of the above may go while tasks run.
};

}  // namespace omma
