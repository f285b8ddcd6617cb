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

#include "runtime/base/time.hpp"
#include "runtime/cell/actor_type.hpp"
#include "runtime/cell/cell_report.hpp"
#include "runtime/cell/replay_log.hpp"
#include "runtime/cell/streams.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace omma {

// What a cell needs of the node it lives in. Calls must not come back into the cell.
class CellPort {
 public:
  virtual ~CellPort() = default;
  virtual Instant now() const = 0;
  virtual WallTime wall_now() const = 0;
  virtual void send(Packet packet) = 0;
  // How to activate a target that may not exist yet. Before the first packet to it.
  virtual void remember(std::shared_ptr<const StageSpec> spec) = 0;
  virtual void ask_directory(const ActorId& target) = 0;
  // Runs the job and gives its result to on_job(id, ...), however it ends.
  virtual void run(ExecutorKind executor, std::uint64_t job, Job work) = 0;
  // The actor has ended and everything it sent is acknowledged: take it out of the directory.
  virtual void retire() = 0;
  virtual void log(const std::string& text) = 0;
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
  void on_packet(Packet packet);
  void on_job(std::uint64_t job, Result<Message> result);
  // The directory answered: the target lives (again) under this epoch.
  void on_route(const ActorId& target, std::uint64_t epoch);
  // The target was looked for in vain; requests to it fail now. What else waits for it goes on
  // waiting, or is dropped if it is gone for good.
  void on_not_reached(const ActorId& target, const Error& why, bool gone);
  // A turn from outside, for the node's own business with its actors.
  void on_command(std::function<void(Turn&)> command);
  // Call when next_deadline() has come.
  void on_time();
  std::optional<Instant> next_deadline() const;
  // After a burst of inputs: acknowledgements, in one go.
  bool acks_wanted() const { return streams_.acks_wanted(); }
  void flush_acks();
  // No turn is wanted any more; what was held goes back to its senders.
  bool retiring() const { return phase_ != Phase::active; }

  CellReport report() const;

 private:
  // broken: there is no way to make the actor. It takes nothing any more, and its report says why;
  // ending it would only have its senders begin it again.
  enum class Phase : std::uint8_t { active, draining, retired, broken };
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
  Turn::Context context_of(const Input& input) const;
  bool affordable(const TurnEffects& effects, std::string& why) const;
  void commit(Input& input, TurnEffects effects);
  void retry_later(Input input, const std::string& error);
  void restart(bool held_are_to_blame);
  void break_down();
  void put_back(Input input);
  std::unique_ptr<Actor> rebuild(const Message& snapshot, bool repeat_turns);
  void set_aside(Input& input, const std::string& error);
  void note_error(const std::string& error);

  // Effects.
  void carry_out(Streams::Effects effects);
  void send(TurnEffects::Send send, Streams::Effects& effects);
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

  // The ledger.
  StageCounts& account_of(TraceId trace) { return stage_[trace.origin]; }
  void count_fate(TraceId trace, Fate fate, const std::string& reason);

  Identity identity_;
  const ActorType& type_;
  CellPort& port_;
  Streams streams_;
  std::unique_ptr<Actor> actor_;
  ReplayLog replay_;
  Phase phase_ = Phase::active;

  std::deque<Input> control_inputs_;
  std::deque<Input> stream_inputs_;
  std::map<std::uint64_t, Held> held_;
  std::map<std::uint64_t, Instant> timers_;
  std::map<std::uint64_t, OpenRequest> requests_;
  std::map<std::uint64_t, TraceId> jobs_;
  std::deque<StoppedJob> waiting_jobs_;
  std::map<std::pair<ActorId, std::uint64_t>, Subscribed> subscribed_;
  std::optional<Instant> linger_until_;
  std::optional<Instant> drain_until_;
  std::uint64_t next_id_ = 1;
  std::uint64_t turns_ = 0;

  std::map<std::uint64_t, StageCounts> stage_;  // By origin camera.
  std::map<std::string, std::uint64_t> captured_;
  CellReport::Health health_;
};

}  // namespace omma
