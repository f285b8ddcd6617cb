// Walker: the simulation's only actor. Its configuration says whom it sends to, relays to, asks and
// follows; its state is an account of all that it sent and took, so that what was lost, doubled or
// reordered shows in it. Each turn is shown to the oracle.
//
// Lives in one simulation, on its thread.
#pragma once

#include "apps/omma_sim/plan.hpp"
#include "apps/omma_sim/walkers.capnp.h"
#include "runtime/cell/actor_type.hpp"

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace omma::sim {

class Walker;

// Who looks on.
class Onlooker {
 public:
  virtual ~Onlooker() = default;
  virtual void began(const NodeId& node, Walker& walker) = 0;
  virtual void ended(const NodeId& node, Walker& walker) = 0;
  // A turn runs.
  virtual void on_turn(const NodeId& node, const ActorId& self) = 0;
  virtual void violation(const std::string& invariant, const std::string& what) = 0;
  // The actor's present life, by the directory.
  virtual std::uint64_t life_of(const ActorId& id) = 0;
  virtual bool is_durable(const ActorId& id) const = 0;
};

class Walker final : public Actor {
 public:
  static constexpr const char* type_name = "walker";
  using Config = WalkerConfig;
  using State = WalkerState;
  using Accepts = omma::Accepts<Step, Question, Reply, Chore>;
  using Publishes = omma::Publishes<Step>;
  static std::string title(WalkerConfig::Reader config) { return config.getName(); }
  static std::string key(WalkerConfig::Reader config) { return config.getName(); }
  static PlacementWish wish(WalkerConfig::Reader) {
    return {.node = {}, .near_camera = {}, .role = "worker"};
  }
  static bool durable(WalkerConfig::Reader config) { return config.getDurable(); }

  // The last two are of a relayed number: what came to the relay, as sent or as every.
  enum Kind : std::uint8_t { sent = 0, every = 1, newest = 2, relayed_sent = 3, relayed_every = 4 };
  struct From {
    ActorId sender;
    Kind kind = sent;
    friend auto operator<=>(const From&, const From&) = default;
  };
  struct Received {
    std::uint64_t last = 0;
    std::uint64_t sender_life = 0;
    std::uint64_t own_life = 0;
  };
  struct Account {
    std::uint32_t ticks = 0;
    std::uint64_t published = 0;
    std::uint64_t asked = 0;
    std::uint64_t answered = 0;
    std::uint64_t refused = 0;
    std::uint64_t jobs_wanted = 0;
    std::uint64_t jobs_done = 0;
    std::uint64_t anew = 0;
    std::map<ActorId, std::uint64_t> sent;
    std::map<From, Received> received;
    std::set<std::uint64_t> open;
  };

  Walker(WalkerConfig::Reader config, NodeId node, Onlooker& onlooker);
  ~Walker() override;

  void on(Step::Reader step, Turn& turn);
  void on(Question::Reader question, Turn& turn);
  void on(Reply::Reader reply, Turn& turn);
  void on(Chore::Reader chore, Turn& turn);
  void save(WalkerState::Builder out) const;
  Result<void> load(WalkerState::Reader in);
  void on_start(Turn& turn) override;
  void on_resume(Turn& turn) override;
  void on_timer(std::uint64_t timer, Turn& turn) override;
  void on_job_failed(std::uint64_t job, const Error& error, Turn& turn) override;
  void on_request_failed(std::uint64_t correlation, const Error& error, Turn& turn) override;
  void on_peer_lost(const ActorId& peer, Turn& turn) override;

  const ActorId& id() const { return id_; }
  const std::string& name() const { return name_; }
  const Account& account() const { return account_; }
  const std::vector<ActorId>& follows() const { return follows_; }
  bool has_ticks_left() const { return account_.ticks < ticks_; }
  std::uint32_t ticks() const { return ticks_; }
  const std::vector<ActorId>& sends() const { return sends_; }

 private:
  void begin(Turn& turn);
  void tick(Turn& turn);
  void walk_on(Turn& turn);
  struct Origin {
    ActorId sender;
    std::uint64_t number = 0;
  };
  void send_to(const ActorId& target, Turn& turn, const Origin& origin);
  void check_relayed(const ActorId& relay, const Step::Reader& step);
  void do_chore(Turn& turn);
  void check(const From& from, const Step::Reader& step);

  const NodeId node_;
  Onlooker& onlooker_;
  const std::string name_;
  const ActorId id_;
  const std::uint32_t ticks_;
  const Duration period_;
  const Duration wait_;
  std::vector<ActorId> sends_, relays_, asks_, follows_, glances_;
  Account account_;
  Outlet<Step> steps_;
};

ActorId walker_id(std::string_view name);
// As the plan has it; it looks for those that it names after `wait_ms`.
Ref<Walker> walker_ref(const WalkerPlan& plan, std::uint32_t wait_ms);

}  // namespace omma::sim
