// CellCore: everything about one live actor that needs no thread: its streams, its turns, its
// restarts, its timers, requests and jobs, and its account of what it received and what became of
// it. The CAF shell around it (cell.hpp) only carries inputs in; a test can do the same by hand.
//
//   packet --> Streams --> waiting inputs --> turn --> effects --> Streams, timers, jobs --> port
//
// Inputs of the control channel, timers and jobs go first. Stream inputs wait while a reliable
// subscriber is behind: not acknowledged, they hold their own sender back, and so on to the source.
//
// Not thread-safe; owned by one shell.
#pragma once

#include "runtime/base/duration_tally.hpp"
#include "runtime/base/ring.hpp"
#include "runtime/base/time.hpp"
#include "runtime/cell/actor_type.hpp"
#include "runtime/cell/cell_report.hpp"
#include "runtime/cell/cell_snapshot.hpp"
#include "runtime/cell/replay_log.hpp"
#include "runtime/cell/streams.hpp"
#include "runtime/cell/turn_watch.hpp"
#include "runtime/protocol/hop.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace omma {

struct CellCheckpoint {
  std::uint64_t number = 0;  // Grows over the whole of a life.
  bool keeps_life = false;   // Whoever continues from it is the same life: nothing is lost.
  Blob bytes;                // encode(CellSnapshot).
  Streams::Numbers numbers;  // That it has.
};

// What a cell needs of the node it lives in. Calls must not come back into the cell.
class CellPort {
 public:
  virtual ~CellPort() = default;
  virtual Instant now() const = 0;
  virtual WallTime wall_now() const = 0;
  // False: the node's lease is in doubt, and the cell is to stand still until it hears more.
  virtual bool may_work(Instant /*now*/) const { return true; }
  virtual void send(Packet packet) = 0;
  // Many in their order, for less than one by one.
  virtual void send_all(std::vector<Packet> packets) {
    for (Packet& packet : packets) send(std::move(packet));
  }
  // How to activate a target that may not exist yet. Before the first packet to it.
  virtual void remember(std::shared_ptr<const StageSpec> spec) = 0;
  virtual void ask_directory(const ActorId& target) = 0;
  // Runs the job and gives its result to on_job(id, ...), however it ends.
  virtual void run(ExecutorKind executor, std::uint64_t job, Job work) = 0;
  // Keeps this state for whoever continues after a crash; answered by on_checkpointed(number, ...).
  virtual void keep(CellCheckpoint checkpoint) = 0;
  // The actor has ended and everything it sent is acknowledged: take it out of the directory.
  virtual void retire() = 0;
  virtual void log(const std::string& text) = 0;
  // Where the hops of traced messages go, and how long turns took; null: nobody asks. As long as
  // the cell lives.
  virtual HopSink* hops() { return nullptr; }
  // A turn begins and ends, on this thread: for whoever watches that none takes too long.
  virtual void turn_begins(TurnCause, std::uint64_t /*number*/) {}
  virtual void turn_ended() {}
  virtual DurationTally* turn_times() { return nullptr; }
};

class CellCore {
 public:
  struct Identity {
    ActorId id;
    std::string type;
    std::string name;
    std::vector<std::byte> config;
    std::uint64_t epoch = 0;
    std::uint64_t life = 0;
  };

  CellCore(Identity identity, const ActorType& type, CellPort& port);

  // Makes the actor and runs its first turn.
  void start();

  // --- Moves and crashes: instead of start() --------------------------------------------------
  // Makes the actor from what was saved; nothing runs and nothing leaves until go_live(). The
  // identity says whether it is the same life (then its streams go on) or the next one (then they
  // begin anew, and the peers are told). An error changes nothing outside.
  Result<void> prepare(CellSnapshot snapshot, std::string died_with);
  void go_live();
  // Between two inputs, for a move. An error when the actor cannot be saved as it is.
  Result<CellSnapshot> snapshot() const;
  // A move was called off: the same place under a later epoch.
  void set_epoch(std::uint64_t epoch);
  // What keep() was asked for is safe, or not.
  void on_checkpointed(std::uint64_t number, const Result<void>& kept);
  // The actors that it has streams with.
  std::set<ActorId> peers() const { return streams_.peers(); }

  void on_packet(Packet packet);
  // One after the other; takes out what it has handled. Stops where the node's lease is in doubt.
  void on_packets(std::vector<Packet>& packets);
  void on_job(std::uint64_t job, Result<Message> result, JobTimes times = {});
  // The directory answered: the target lives (again) under this epoch, in this life; 0: not known.
  void on_route(const ActorId& target, std::uint64_t epoch, std::uint64_t life = 0);
  // The target was looked for in vain; requests to it fail now. What else waits for it goes on
  // waiting, or is dropped if it is gone for good.
  void on_not_reached(const ActorId& target, const Error& why, bool gone);
  // A turn from outside, for the node's own business with its actors.
  void on_command(std::function<void(Turn&)> command);
  // Call when next_deadline() has come.
  void on_time();
  std::optional<Instant> next_deadline() const;
  // After a burst of inputs: acknowledgements, in one go, and (durable) the checkpoint before them.
  bool acks_wanted() const { return streams_.acks_wanted() || checkpoint_wanted(); }
  void flush_acks();
  // No turn is wanted any more; what was held goes back to its senders.
  bool retiring() const { return phase_ != Phase::active; }

  CellReport report() const;

 private:
  // broken: there is no way to make the actor. It takes nothing any more, and its report says why;
  // ending it would only have its senders begin it again.
  enum class Phase : std::uint8_t { active, draining, retired, broken };
  struct Moment {
    Instant now;
    WallTime wall_now;
  };
  struct Held {
    Envelope envelope;
    unsigned attempts = 0;
  };
  struct OpenRequest {
    ActorId target;
    Instant deadline;
  };
  struct StoppedJob {
    std::uint64_t id;
    Job work;
    ExecutorKind executor;
  };
  struct Subscribed {
    std::shared_ptr<const StageSpec> spec;
    SubscribeOptions options;
  };

  // Turns.
  void run_ready();
  void run_turn(Input input);
  void dispatch(Actor& actor, Input& input, Turn& turn);
  Turn::Context context_of(const Input& input);
  bool affordable(const TurnEffects& effects, std::string& why) const;
  void commit(Input& input, TurnEffects& effects, const Moment& moment);
  // What a trace shows of it (cell_trace.cpp).
  void note_turn(const Input& input, const TurnEffects& effects, Instant begun);
  void note_departures(std::vector<Packet>& packets);
  void retry_later(Input input, const std::string& error);
  void restart(bool held_are_to_blame);
  void break_down();
  void put_back(Input input);
  std::unique_ptr<Actor> rebuild(const Message& snapshot, bool repeat_turns);
  void set_aside(Input& input, const std::string& error);
  void note_error(const std::string& error);

  // Effects.
  void carry_out(Streams::Effects&& effects);
  void carry_out(Streams::Effects& effects);
  void send(TurnEffects::Send send, Streams::Effects& effects);
  void send(TurnEffects::Send send, const Moment& moment, Streams::Effects& effects);
  void subscribe(const TurnEffects::Subscription& change, Streams::Effects& effects);
  void send_subscribe(const ActorId& publisher, std::uint64_t type, const Subscribed& subscribed,
                      Streams::Effects& effects);
  void send_unsubscribe(const ActorId& publisher, std::uint64_t type, Streams::Effects& effects);
  void start_job(StoppedJob job);
  void start_waiting_jobs();

  // Inputs.
  void enqueue(Envelope envelope);
  void enqueue_control(Input input);
  bool handle_system(const Envelope& envelope);
  void on_subscribe(const Envelope& envelope);
  void on_unsubscribe(const Envelope& envelope);
  void drop_subscriber(const ActorId& id, std::uint64_t message_type);

  // Life.
  std::size_t subscriber_count() const;
  void update_linger();
  void begin_draining();
  void continue_draining();

  // Checkpoints.
  bool has_news() const { return turns_ != kept_turns_ || (durable_ && streams_.withholds()); }
  bool may_checkpoint() const;
  bool checkpoint_wanted() const;
  void take_checkpoint();
  CellSnapshot saved_part() const;
  Result<CellSnapshot> saved_actor() const;

  // The ledger.
  StageCounts& account_of(TraceId trace) { return stage_[trace.origin]; }
  void count_fate(TraceId trace, Fate fate, const std::string& reason);

  Identity identity_;
  const ActorType& type_;
  CellPort& port_;
  HopSink* const hops_;
  DurationTally* const turn_times_;
  Streams streams_;
  std::unique_ptr<Actor> actor_;
  ReplayLog replay_;
  Phase phase_ = Phase::active;

  Ring<Input> control_inputs_;
  Ring<Input> stream_inputs_;
  std::map<std::uint64_t, Held> held_;
  std::map<std::uint64_t, Instant> timers_;
  std::map<std::uint64_t, OpenRequest> requests_;
  std::map<std::uint64_t, TraceId> jobs_;
  Ring<StoppedJob> waiting_jobs_;
  std::map<std::pair<ActorId, std::uint64_t>, Subscribed> subscribed_;
  std::optional<Instant> linger_until_;
  std::optional<Instant> drain_until_;
  std::uint64_t next_id_ = 1;
  std::uint64_t turns_ = 0;
  std::optional<Moment> next_turn_;  // Its time, if that has just been read.

  // What a checkpoint that is on its way has.
  struct Keeping {
    std::uint64_t number = 0;
    std::uint64_t turns = 0;
    Streams::Marks marks;
  };
  const bool durable_;
  std::optional<Keeping> keeping_;
  std::uint64_t checkpoints_ = 0;
  std::uint64_t kept_turns_ = 0;  // When the last checkpoint that is safe was taken.
  Instant next_checkpoint_{};     // Not before.
  std::vector<std::string> died_with_;
  bool resubscribes_ = false;  // A new life that has not told its publishers.

  std::map<std::uint64_t, StageCounts> stage_;  // By origin camera.
  std::map<std::string, std::uint64_t> captured_;
  CellReport::Health health_;
};

}  // namespace omma
