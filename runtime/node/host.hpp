// Host: begins and ends the lives of this node's actors, moves them, keeps their checkpoints, and
// finds the others. The directory's compare-and-set decides who lives where; the host asks it, and
// tells cells and switchboard.
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
#include "runtime/cell/scheduler.hpp"
#include "runtime/node/checkpoint_keeper.hpp"
#include "runtime/node/directory_access.hpp"
#include "runtime/node/mover.hpp"
#include "runtime/node/switchboard.hpp"
#include "runtime/observe/history.hpp"
#include "runtime/observe/log.hpp"
#include "runtime/protocol/accounts.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace omma {

class NodePort;

// Where actor types come from that the node lacks.
class ActorTypeSource {
 public:
  virtual ~ActorTypeSource() = default;
  // Returns at once; once `done` says so, from any thread, the type is among the node's. `peer` may
  // have it; empty: nobody in particular.
  virtual void bring(const std::string& type, const std::string& peer,
                     std::function<void(Result<void>)> done) = 0;
};

struct HostServices {
  Scheduler& scheduler;
  const ActorTypes& types;
  const Clock& clock;
  Switchboard& switchboard;
  const DirectoryClient& directory;
  Executor& compute;
  Executor& io;
  Log& log;
  LinkHub* hub = nullptr;                 // Null for a node without peers.
  History* history = nullptr;             // Null where nobody checks.
  HopSink* hops = nullptr;                // Null where nobody traces.
  bool times_turns = false;               // Somebody reads turn_times().
  ActorTypeSource* more_types = nullptr;  // Null: what `types` lacks is unknown.
  TurnWatch* turns = nullptr;             // Null: nobody watches that none takes too long.
};

class Host final : private MoverPort {
 public:
  struct Counters {
    std::uint64_t activated = 0;
    std::uint64_t retired = 0;
    std::uint64_t lookups = 0;
    std::uint64_t lookups_failed = 0;
    std::uint64_t moved_in = 0;
    std::uint64_t moved_out = 0;
    std::uint64_t moves_refused = 0;  // At the source, before the pause.
    std::uint64_t moves_aborted = 0;  // At the source, after it.
    std::uint64_t taken_over = 0;
    std::uint64_t checkpoints = 0;
    std::uint64_t checkpoints_failed = 0;
  };

  Host(NodeId self, HostServices services);
  ~Host() override;

  void remember(std::shared_ptr<const StageSpec> spec);
  // Finds (or activates) the target, then tells the asker; a null asker means every cell.
  void resolve(const ActorId& target, const ActorId& asker);
  // Begins the actor's life here unless it lives already; answers where it lives then.
  void activate(const StageSpec& spec, std::function<void(Result<ActorRecord>)> done);
  void retire(const ActorId& id);

  // Moves an actor that lives here to that node; the record's outcome says how it went.
  void move(const ActorId& id, const std::string& to_node, std::string reason,
            std::function<void(Result<MoveRecord>)> done);
  // Goes on here with an actor whose node was lost, from its last checkpoint.
  void take_over(const ActorId& id, std::function<void(Result<Revival>)> done);
  void keep(const ActorId& id, CellCheckpoint checkpoint);

  // Until then this node may work. Cells look at it before they do anything, so a process that was
  // paused notices first.
  void extend_lease(Instant until);
  // The lease is in doubt: all cells stand still; or good again: they go on.
  void set_fenced(bool fenced);
  // This node was declared dead: its actors are others' now. All goes, without a word.
  void abandon_all();
  // Another node was: what leads there is looked up again.
  void on_node_lost(const NodeId& node);

  // Ends every cell here and waits for it; nothing may be activated afterwards.
  void stop_all();

  // Requests of other nodes to this one's host. True if it is one; then it is answered.
  bool handle(const std::string& peer, const Message& request, const Answer& answer);
  // A peer sent something for an actor that does not live here: tell it where it does.
  void on_stray(const std::string& peer, const ActorId& target, const ActorId& origin);
  void on_peer_up(const NodeId& peer);

  // Runs the task on the host's strand after this long.
  void after(Duration delay, std::function<void()> task) override {
    strand_.post_after(delay, std::move(task));
  }

  // What the actors that ended here leave to the ledger.
  Accounts closed_accounts() const;
  Counters counters() const;
  // What the actors that ended here had counted, by type.
  std::map<std::string, CellReport::Health> closed_health() const;
  // By actor type: how long turns took here since the node began.
  std::map<std::string, DurationTally::Counts> turn_times() const;
  // From the last turn there to the first here, of moves that this node began and that came off.
  const DurationTally& move_pauses() const { return move_pauses_; }
  // The lease ends then; fenced(): it is in doubt already.
  Instant lease_until() const { return instant_of(lease_until_ns_); }
  bool fenced() const { return fenced_; }
  // The handle of an actor that lives here.
  std::optional<Cell> cell(const ActorId& id) const;

 private:
  struct Search {
    std::set<ActorId> askers;
    bool every_cell = false;
  };
  using Found = std::function<void(Result<ActorRecord>)>;
  friend class NodePort;

  // Finding (host.cpp).
  void search(const ActorId& target);
  void search_later(const ActorId& target);
  bool is_lost(const NodeId& node) const;
  void on_found(const ActorId& target, Result<std::optional<ActorRecord>> found);
  void place(const ActorId& target, std::shared_ptr<const StageSpec> spec);
  void place_among(const StageSpec& spec, const std::vector<CountedNode>& nodes,
                   const std::optional<ActorRecord>& camera);
  void finish(const ActorId& target, Result<ActorRecord> record);
  void give_up(const ActorId& target, const Error& why, bool gone = false);
  void on_not_here(const std::string& peer, wire::NotHere::Reader hint);
  void tell(const ActorId& asker, CellInput::Route news);

  // Lives (host_lives.cpp).
  Result<void> check_type(const std::string& name, std::span<const std::byte> config) const;
  void with_type(const std::string& name, const std::string& peer,
                 std::function<void(Result<void>)> next);
  void begin(const StageSpec& spec);
  void on_begun(const ActorId& id, Result<ActorRecord> record);
  Cell spawn(const ActorRecord& record, std::shared_ptr<Continuation> continuation);
  void settle(const ActorRecord& record, Cell cell);
  void close_account(const Cell& cell);
  bool lives_here(const ActorRecord& record) const {
    return record.node.incarnation == self_.incarnation;
  }
  bool may_work(Instant now) const;

  // Take-overs (host_moves.cpp).
  using Revived = std::function<void(Result<Revival>)>;
  struct TakeOver {
    ActorRecord record;  // As it was.
    std::optional<Checkpoint> checkpoint;
    Revived done;
  };
  void read_for_take_over(const ActorId& id, Revived done);
  void prepare_take_over(TakeOver wanted);
  void win(TakeOver wanted, bool keeps_life, std::optional<Cell> cell);
  void on_won(const TakeOver& wanted, bool keeps_life, std::optional<Cell> cell,
              Result<ChangeOutcome> outcome);
  std::optional<CellSnapshot> snapshot_in(const TakeOver& wanted);
  void end_what_stays(const ActorRecord& record, const Revived& done);

  // MoverPort (host_moves.cpp).
  const NodeId& self() const override { return self_; }
  Instant now() const override { return services_.clock.now(); }
  WallTime wall_now() const override { return services_.clock.wall_now(); }
  void call(const std::string& peer, Message request, Duration timeout, Answer answer) override;
  void change(const RecordChange& change, Done<std::optional<ActorRecord>> done) override;
  void read(const ActorId& id, Done<std::optional<ActorRecord>> done) override;
  std::optional<Resident> resident(const ActorId& id) const override;
  Result<void> may_leave(const ActorRecord& record) const override;
  Result<void> admit(const ActorRecord& record) const override;
  void prewarm(const ActorRecord& record, std::function<void(Result<void>)> done) override;
  Cell stage(const ActorRecord& record, CellSnapshot snapshot,
             std::function<void(Result<void>)> prepared) override;
  std::vector<RouteHint> routes_of(const std::vector<ActorId>& peers) const override;
  void learn(const std::vector<RouteHint>& routes) override;
  void settle_in(const ActorRecord& record, Cell cell) override;
  void move_out(const ActorId& id, const std::string& node, std::uint64_t epoch,
                const std::vector<ActorId>& peers) override;
  void keep_under(const ActorRecord& record) override;
  void report(const MoveRecord& move) override;
  void on_frozen(const Resident& resident, const std::string& to,
                 const Streams::Numbers& numbers) override;
  void on_thawed(const ActorRecord& record) override;
  void on_staged(const ActorRecord& record) override;
  void on_unstaged(const ActorRecord& record, const Error& why) override;
  void note_begun(const ActorRecord& record, History::Beginning how);
  void alarm(const std::string& text) override;

  const NodeId self_;
  HostServices services_;
  std::map<ActorId, std::shared_ptr<const StageSpec>> specs_;
  std::map<ActorId, Search> searches_;
  std::map<ActorId, std::vector<Found>> beginnings_;
  std::map<ActorId, Resident> residents_;
  std::map<std::string, Incarnation> peers_;
  std::set<Incarnation> lost_nodes_;
  std::set<ActorId> taking_over_;
  std::map<ActorId, Streams::Numbers> staged_numbers_;  // Only while a history is kept.
  Mover mover_;
  CheckpointKeeper keeper_;
  std::atomic<std::int64_t> lease_until_ns_;
  std::atomic<bool> fenced_{false};

  mutable std::mutex mutex_;  // For what other threads read.
  std::condition_variable ports_gone_;
  std::size_t ports_ = 0;  // Cells that still have a way into this object.
  bool stopping_ = false;
  Accounts closed_;
  Counters counters_;
  std::map<std::string, CellReport::Health> closed_health_;
  std::map<std::string, DurationTally> turn_times_;
  DurationTally move_pauses_;

  Strand strand_;  // Last: nothing of the above may go while tasks run.
};

// What a cell's report means in the ledger's terms.
Accounts accounts_of(const CellReport& report);

}  // namespace omma
