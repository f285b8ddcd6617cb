// VirtualWorld: any number of live actors in one thread, on a clock that moves only when told to.
// It carries packets between CellCores as a node would, activates stages on first use, and runs
// jobs in place. No sleeps, the same answer on every run.
//
//   test::VirtualWorld world;
//   world.types.add(omma::actor_type<Counter>());
//   auto counter = world.stage<Counter>([](CounterConfig::Builder config) { ... });
//   world.send<Tick>(counter, [](Tick::Builder tick) { ... });
//   world.settle();
#pragma once

#include "runtime/cell/cell_core.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace omma::test {

class VirtualWorld {
 public:
  VirtualWorld() = default;

  ActorTypes types;
  ManualClock clock;
  std::vector<std::string> logged;
  // Consulted for each packet: true loses it.
  std::function<bool(const Packet&)> lose = [](const Packet&) { return false; };
  // False: jobs wait in `jobs` until run_job().
  HopSink* hops = nullptr;  // Where cells note what passes them; null: nowhere.
  bool run_jobs_at_once = true;

  struct WaitingJob {
    ActorId owner;
    std::uint64_t id = 0;
    Job work;
  };
  std::deque<WaitingJob> jobs;

  // The name of a stage; nothing lives yet.
  template <class A, class Fill>
  Ref<A> stage(Fill&& fill) {
    return Turn::make_stage_ref<A>(std::forward<Fill>(fill));
  }

  // Begins (or finds) the actor's life.
  CellCore& activate(const StageSpec& spec) {
    if (auto* cell = find(spec.id)) return *cell;
    const ActorType* type = types.find(spec.type);
    OMMA_CHECK(type != nullptr, spec.type);
    return begin(spec.id, spec.type, spec.name, spec.config, ++epochs_[spec.id]);
  }

  CellCore* find(const ActorId& id) {
    const auto found = residents_.find(id);
    return found == residents_.end() ? nullptr : found->second.core.get();
  }

  // Ends the actor's life without a word, as a crash does. With a specification known, the next
  // packet for it begins a new one.
  void kill(const ActorId& id) { residents_.erase(id); }

  // Moves the actor, as between two nodes: saved, encoded, decoded and made anew, one epoch later.
  // What was on its way to where it was is lost.
  Result<void> move(const ActorId& id) {
    Result<CellSnapshot> saved = find(id)->snapshot();
    if (!saved) return saved.error();
    Result<Blob> bytes = encode(*saved);
    if (!bytes) return bytes.error();
    return go_on(id, *bytes, true, "");
  }
  // Its node dies; another one goes on from the last checkpoint, if there is one.
  Result<void> fail_over(const ActorId& id) {
    const auto kept = kept_.find(id);
    if (kept == kept_.end()) {
      const CellCore::Identity identity = residents_.at(id).identity;
      residents_.erase(id);
      begin(identity.id, identity.type, identity.name, identity.config, ++epochs_[id]);
      return {};
    }
    return go_on(id, kept->second.bytes, kept->second.keeps_life, "dead-node");
  }
  // Checkpoints wait in `keeping` until keep_all(); else they are safe at once.
  bool keep_at_once = true;
  void keep_all() {
    auto waiting = std::move(keeping_);
    keeping_.clear();
    for (auto& [id, checkpoint] : waiting) keep(id, std::move(checkpoint));
  }

  // A message on the control channel from nobody; answers to it are lost.
  template <class T, class A, class Fill>
  void send(const Ref<A>& to, Fill&& fill, std::vector<Blob> payloads = {}) {
    if (to.spec) activate(*to.spec);
    Message message = Message::build<T>(std::forward<Fill>(fill), std::move(payloads));
    deliver_from_test(to.id, std::move(message));
  }

  // Runs a closure as a turn of this actor.
  template <class A>
  void command(const Ref<A>& to, std::function<void(Turn&)> run) {
    if (to.spec) activate(*to.spec);
    find(to.id)->on_command(std::move(run));
  }

  // Carries packets until none is left, and acknowledges.
  void settle() {
    for (bool busy = true; busy;) {
      busy = false;
      while (!packets_.empty()) {
        Packet packet = std::move(packets_.front());
        packets_.pop_front();
        carry(std::move(packet));
        busy = true;
      }
      busy = finish_jobs() || busy;
      if (keep_at_once && !keeping_.empty()) {
        keep_all();
        busy = true;
      }
      for (auto& [id, resident] : residents_) {
        if (!resident.core->acks_wanted()) continue;
        resident.core->flush_acks();
        busy = true;
      }
      bury_retired();
    }
  }

  bool run_job() {
    if (jobs.empty()) return false;
    WaitingJob job = std::move(jobs.front());
    jobs.pop_front();
    Result<Message> result = job.work();
    if (auto* cell = find(job.owner)) cell->on_job(job.id, std::move(result));
    settle();
    return true;
  }

  // Moves the clock in steps, so that deadlines come in their order.
  void advance(Duration by) {
    const Instant end = clock.now() + by;
    while (clock.now() < end) {
      Instant next = end;
      for (auto& [id, resident] : residents_) {
        const auto deadline = resident.core->next_deadline();
        if (deadline && *deadline < next) next = std::max(*deadline, clock.now());
      }
      clock.advance(std::max(next - clock.now(), Duration(1)));
      for (const ActorId& id : ids()) {
        auto* cell = find(id);
        if (cell == nullptr) continue;
        const auto deadline = cell->next_deadline();
        if (deadline && *deadline <= clock.now()) cell->on_time();
      }
      settle();
    }
  }

  std::vector<ActorId> ids() const {
    std::vector<ActorId> all;
    for (const auto& [id, resident] : residents_) all.push_back(id);
    return all;
  }
  const std::vector<ActorId>& retired() const { return retired_; }
  // All actors end now: for a world whose actors refer to something that ends before it.
  void end_all() { residents_.clear(); }

 private:
  class Port final : public CellPort {
   public:
    Port(VirtualWorld& world, ActorId self) : world_(world), self_(self) {}
    Instant now() const override { return world_.clock.now(); }
    WallTime wall_now() const override { return world_.clock.wall_now(); }
    void send(Packet packet) override { world_.packets_.push_back(std::move(packet)); }
    void remember(std::shared_ptr<const StageSpec> spec) override {
      world_.specs_[spec->id] = std::move(spec);
    }
    void ask_directory(const ActorId& target) override {
      if (world_.find(target) == nullptr && !world_.specs_.contains(target)) {
        world_.gone_.push_back({self_, target});
      }
    }
    void run(ExecutorKind, std::uint64_t job, Job work) override {
      if (world_.run_jobs_at_once) {
        world_.done_.push_back({self_, job, work()});
        return;
      }
      world_.jobs.push_back({self_, job, std::move(work)});
    }
    void keep(CellCheckpoint checkpoint) override {
      world_.keeping_.emplace_back(self_, std::move(checkpoint));
    }
    void retire() override { world_.retiring_.push_back(self_); }
    void log(const std::string& text) override { world_.logged.push_back(text); }
    HopSink* hops() override { return world_.hops; }

   private:
    VirtualWorld& world_;
    ActorId self_;
  };
  struct Resident {
    CellCore::Identity identity;
    std::unique_ptr<Port> port;
    std::unique_ptr<CellCore> core;
  };
  struct Done {
    ActorId owner;
    std::uint64_t job;
    Result<Message> result;
  };

  CellCore& begin(const ActorId& id, const std::string& type, const std::string& name,
                  const std::vector<std::byte>& config, std::uint64_t epoch) {
    sent_by_test_.erase(id);  // A new life counts from 1.
    place({id, type, name, config, epoch, epoch}).start();
    return *find(id);
  }

  CellCore& place(CellCore::Identity identity) {
    const ActorType* type = types.find(identity.type);
    OMMA_CHECK(type != nullptr, identity.type);
    Resident& resident = residents_[identity.id];
    resident.core.reset();
    resident.identity = identity;
    resident.port = std::make_unique<Port>(*this, identity.id);
    resident.core = std::make_unique<CellCore>(std::move(identity), *type, *resident.port);
    return *resident.core;
  }

  Result<void> go_on(const ActorId& id, const Blob& bytes, bool keeps_life, std::string died_with) {
    Result<CellSnapshot> snapshot = decode_cell_snapshot(bytes);
    if (!snapshot) return snapshot.error();
    CellCore::Identity identity = residents_.at(id).identity;
    identity.epoch = ++epochs_[id];
    if (!keeps_life) {
      identity.life = identity.epoch;
      sent_by_test_.erase(id);
    }
    std::erase_if(packets_, [&](const Packet& packet) { return destination_of(packet) == id; });
    std::erase_if(done_, [&](const Done& done) { return done.owner == id; });
    std::erase_if(jobs, [&](const WaitingJob& job) { return job.owner == id; });
    std::erase_if(keeping_, [&](const auto& one) { return one.first == id; });
    CellCore& core = place(std::move(identity));
    if (auto prepared = core.prepare(*std::move(snapshot), std::move(died_with)); !prepared) {
      return prepared;
    }
    core.go_live();
    return {};
  }

  void keep(const ActorId& id, CellCheckpoint checkpoint) {
    const std::uint64_t number = checkpoint.number;
    kept_[id] = std::move(checkpoint);
    if (auto* cell = find(id)) cell->on_checkpointed(number, {});
  }

  void carry(Packet packet) {
    if (lose(packet)) return;
    const ActorId target = destination_of(packet);
    if (find(target) == nullptr) {
      const auto spec = specs_.find(target);
      if (spec == specs_.end() || std::holds_alternative<Ack>(packet)) return;
      activate(*spec->second);
    }
    find(target)->on_packet(std::move(packet));
  }

  // One job of each round, so that packets flow in between as they would.
  bool finish_jobs() {
    if (done_.empty()) return false;
    Done done = std::move(done_.front());
    done_.pop_front();
    if (auto* cell = find(done.owner)) cell->on_job(done.job, std::move(done.result));
    return true;
  }

  void bury_retired() {
    for (const ActorId& id : retiring_) {
      residents_.erase(id);
      retired_.push_back(id);
    }
    retiring_.clear();
    auto gone = std::move(gone_);
    gone_.clear();
    for (const auto& [asker, target] : gone) {
      if (auto* cell = find(asker))
        cell->on_not_reached(target, {Code::not_found, "no such actor"}, true);
    }
  }

  void deliver_from_test(const ActorId& to, Message message) {
    Envelope envelope;
    envelope.stream = {ActorId{0, 1}, to, Channel::control};
    envelope.lives = {.sender = 1, .target = residents_[to].identity.life};
    envelope.sequence = ++sent_by_test_[to];
    envelope.credit_bytes = std::max<std::uint64_t>(message.size_bytes(), 64);
    envelope.message = std::move(message);
    packets_.push_back(std::move(envelope));
  }

  std::map<ActorId, Resident> residents_;
  std::map<ActorId, std::uint64_t> epochs_;
  std::map<ActorId, std::shared_ptr<const StageSpec>> specs_;
  std::map<ActorId, std::uint64_t> sent_by_test_;
  std::map<ActorId, CellCheckpoint> kept_;
  std::vector<std::pair<ActorId, CellCheckpoint>> keeping_;
  std::deque<Packet> packets_;
  std::deque<Done> done_;
  std::vector<ActorId> retiring_;
  std::vector<ActorId> retired_;
  std::vector<std::pair<ActorId, ActorId>> gone_;
};

}  // namespace omma::test
