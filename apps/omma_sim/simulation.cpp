#include "apps/omma_sim/simulation.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_set>
#include <utility>

#include "apps/omma_sim/walker.hpp"
#include "runtime/base/check.hpp"
#include "runtime/testkit/sim_cluster.hpp"

namespace omma::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t broken_max = 8;
constexpr Duration settle_time = 500ms;
constexpr Duration begin_patience = 30s;
// Of each actor and each pair of nodes; twenty times what a run that calms down has.
constexpr std::uint64_t events_max_each = 10'000;
// With resends that have backed off to limits::resend_after_max, this is a lot.
constexpr Duration drain_patience = 90s;
// Whoever was declared dead hears of it: its links come back and it asks for its lease.
constexpr Duration told_by = 2 * Duration(limits::reconnect_delay_max) + 2s;
// After the walkers begin to look for each other: a look-up and a way there and back.
constexpr Duration found_by = 200ms;

class Simulation final : public Onlooker {
 public:
  Simulation(const Plan& plan, const Trace& trace) : plan_(plan), cluster_(options(trace)) {}

  Verdict run() {
    cluster_.start();
    begin_all();
    // Until all have found those that they name: what was published before is owed to nobody.
    pass(std::chrono::milliseconds(plan_.wait_ms) + found_by);
    const Instant start = cluster_.time().now();
    for (const Happening& happening : plan_.happenings) {
      const Duration wait = start + happening.at - cluster_.time().now();
      if (wait > Duration(0)) pass(wait);
      if (!verdict_.broken.empty()) break;
      happen(happening);
    }
    cluster_.end_faults();
    if (verdict_.broken.empty()) look_when_quiet();
    finish();
    return std::move(verdict_);
  }

  // --- Onlooker ---------------------------------------------------------------------------------
  void began(const NodeId& node, Walker& walker) override {
    live_[{walker.id(), node.incarnation}] = &walker;
  }
  void ended(const NodeId& node, Walker& walker) override {
    const auto found = live_.find({walker.id(), node.incarnation});
    if (found != live_.end() && found->second == &walker) live_.erase(found);
  }
  void on_turn(const NodeId& node, const ActorId& self) override {
    const ActorRecord record = cluster_.record(self);
    if (record.state == ActorRecord::State::active && record.node.incarnation == node.incarnation) {
      return;
    }
    violation("I3", name_of(self) + " runs on " + node.name + " while the directory says " +
                        record.node.name + ", epoch " + std::to_string(record.epoch));
  }
  void violation(const std::string& invariant, const std::string& what) override {
    cluster_.trace(invariant, what);
    if (verdict_.broken.size() < broken_max) verdict_.broken.push_back({invariant, what});
  }
  std::uint64_t life_of(const ActorId& id) override { return cluster_.record(id).life; }
  bool is_durable(const ActorId& id) const override { return durable_.contains(id); }

 private:
  SimOptions options(const Trace& trace) {
    SimOptions options;
    options.seed = plan_.seed;
    for (const std::string& node : plan_.nodes) options.nodes.push_back({.name = node});
    options.lease = LeaseTimes{.ttl = std::chrono::milliseconds(plan_.lease_ms)};
    options.types = [this](const NodeId& node) {
      ActorTypes types;
      types.add(actor_type<Walker>([this, node](WalkerConfig::Reader config) {
        return std::make_unique<Walker>(config, node, *this);
      }));
      return types;
    };
    options.trace = trace;
    return options;
  }

  std::string name_of(const ActorId& id) const {
    const auto found = names_.find(id);
    return found == names_.end() ? id.short_text() : found->second;
  }

  void begin_all() {
    const Instant first = cluster_.time().now();
    std::size_t begun = 0;
    std::size_t open = 0;
    const auto room = [&] { return open < plan_.begun_at_a_time; };
    for (const WalkerPlan& walker : plan_.walkers) {
      ++open;
      begin(walker, [this, &walker, &begun, &open](const Result<ActorRecord>& record) {
        --open;
        ++begun;
        if (record) return;
        violation("I5", walker.name + " cannot begin: " + record.error().message);
      });
      cluster_.time().advance_until(begin_patience, room);
    }
    cluster_.time().advance_until(begin_patience, [&] { return begun == plan_.walkers.size(); });
    OMMA_CHECK(begun == plan_.walkers.size(), begun, plan_.walkers.size());
    const Duration took = cluster_.time().now() - first;
    if (took < std::chrono::milliseconds(plan_.wait_ms)) return;
    violation("I5", "to begin all took " + std::to_string(took / 1ms) +
                        " ms, and the first looks for the others after " +
                        std::to_string(plan_.wait_ms) + " ms");
  }

  void begin(const WalkerPlan& plan, std::function<void(Result<ActorRecord>)> done) {
    const ActorId id = walker_id(plan.name);
    names_[id] = plan.name;
    if (plan.durable) durable_.insert(id);
    const Ref<Walker> ref = walker_ref(plan, plan_.wait_ms);
    cluster_.node(plan.node).host().activate(*ref.spec, std::move(done));
  }

  std::string busiest() {
    std::string text;
    for (const std::string& name : plan_.nodes) {
      if (!cluster_.is_open(name)) continue;
      const auto packets = cluster_.node(name).core().switchboard().counters();
      text += name + ": " + std::to_string(packets.local) + " local, " +
              std::to_string(packets.remote) + " remote, " + std::to_string(packets.unrouted) +
              " unrouted, " + std::to_string(packets.strays) + " strays, " +
              std::to_string(cluster_.node(name).host().counters().lookups) + " lookups; ";
    }
    return text;
  }

  // What is saved under a later epoch is never replaced by what is saved under an earlier one.
  void check_checkpoints() {
    for (const auto& [id, name] : names_) {
      const auto saved = cluster_.directory().checkpoint(id);
      if (!saved || !*saved) continue;
      std::uint64_t& epoch = checkpoint_epochs_[id];
      if ((*saved)->epoch < epoch) {
        violation("I2", name + "'s checkpoint of epoch " + std::to_string(epoch) +
                            " was replaced by one of epoch " + std::to_string((*saved)->epoch));
      }
      epoch = (*saved)->epoch;
    }
  }

  // Lets time go on; a storm of packets that does not end would keep it from doing so.
  void pass(Duration time) {
    const std::uint64_t events_max =
        events_max_each * (plan_.walkers.size() + plan_.nodes.size() * plan_.nodes.size());
    VirtualTime& virtual_time = cluster_.time();
    if (virtual_time.advance_until(time, [&] { return virtual_time.events() > events_max; })) {
      violation("I5", "more than " + std::to_string(events_max) +
                          " events: it does not calm down; " + busiest());
    }
  }

  void happen(const Happening& happening) {
    check_checkpoints();
    using Kind = Happening::Kind;
    switch (happening.kind) {
      case Kind::move:
        return move(walker_id(happening.a), happening.b);
      case Kind::crash:
        if (cluster_.is_there(happening.a)) ++verdict_.crashes;
        return cluster_.crash(happening.a);
      case Kind::begin:
        return cluster_.begin(happening.a);
      case Kind::pause:
        return cluster_.pause(happening.a);
      case Kind::resume:
        return cluster_.resume(happening.a);
      case Kind::cut:
        return cluster_.partition(happening.a, happening.b);
      case Kind::heal:
        return cluster_.heal(happening.a, happening.b);
      case Kind::storm:
        return storm(happening.strength);
      case Kind::slow: {
        const Duration slow = std::chrono::milliseconds(happening.strength);
        return cluster_.set_directory_delays(slow == Duration(0) ? VirtualDelays{}
                                                                 : VirtualDelays{slow / 4, slow});
      }
    }
  }

  void storm(unsigned strength) {
    MemoryFaults faults;
    if (strength != 0) {
      const double much = strength;
      faults.delay_max = std::chrono::milliseconds(4 * strength * strength);
      faults.loss = 0.02 * much;
      faults.duplication = 0.02 * much;
      faults.reordering = 0.03 * much;
      faults.break_chance = 0.001 * much;
    }
    cluster_.set_faults(faults);
  }

  void move(const ActorId& id, const std::string& to) {
    const ActorRecord record = cluster_.record(id);
    const std::string& from = record.node.name;
    if (record.state != ActorRecord::State::active || !cluster_.is_open(from)) return;
    SimNode& source = cluster_.node(from);
    if (source.is_paused() || source.self().incarnation != record.node.incarnation) return;
    cluster_.trace(name_of(id), "is to move from " + from + " to " + to);
    const std::uint64_t number = ++moves_made_;
    open_moves_[number] = source.self().incarnation;
    source.host().move(id, to, "simulation", [this, number](Result<MoveRecord> done) {
      open_moves_.erase(number);
      if (!done) {
        ++verdict_.refused;
        return;
      }
      switch (done->outcome) {
        case MoveRecord::Outcome::moved:
          ++verdict_.moved;
          verdict_.pauses.push_back(done->pause);
          break;
        case MoveRecord::Outcome::aborted:
          ++verdict_.aborted;
          break;
        default:
          ++verdict_.refused;
      }
    });
  }

  // --- The end ----------------------------------------------------------------------------------

  void look_when_quiet() {
    std::string why;
    const Instant until = cluster_.time().now() + drain_patience;
    do {
      pass(settle_time);
      why = what_is_under_way();
    } while (!why.empty() && verdict_.broken.empty() && cluster_.time().now() < until);
    if (!verdict_.broken.empty()) return;
    if (!why.empty()) {
      show_streams();
      return violation("I5", why);
    }
    pass(told_by);
    check_hosts();
    check_ledger();
  }

  // What is still under way, for whoever has to find out why.
  void show_streams() {
    for (const auto& [node, report] : cluster_.reports()) {
      cluster_.trace(
          report.name,
          "on " + node + ": epoch " + std::to_string(report.epoch) + ", life " +
              std::to_string(report.life) + ", " + report.phase + ", " +
              std::to_string(report.inputs_waiting) + " waiting, " +
              std::to_string(report.checkpoints) + " checkpoints" +
              (report.health.last_errors.empty() ? "" : ", " + report.health.last_errors.back()));
      for (const auto& out : report.out) {
        if (out.in_flight == 0) continue;
        cluster_.trace(report.name,
                       "to " + name_of(out.stream.target) + " (" +
                           std::string(to_string(out.stream.channel)) +
                           "): " + std::to_string(out.in_flight) + " in flight, acknowledged " +
                           std::to_string(out.counters.acknowledged) + ", resent " +
                           std::to_string(out.counters.resent) + ", probes " +
                           std::to_string(out.counters.probes) + ", acknowledgements ignored " +
                           std::to_string(out.counters.ignored_acks));
      }
    }
  }

  Walker* live(const ActorId& id) {
    const ActorRecord record = cluster_.record(id);
    if (record.state != ActorRecord::State::active) return nullptr;
    const auto found = live_.find({id, record.node.incarnation});
    return found == live_.end() ? nullptr : found->second;
  }

  // Empty when nothing is.
  std::string what_is_under_way() {
    if (!cluster_.all_open()) return "a node is not open again";
    const auto nodes = cluster_.directory().nodes();
    const std::set<Incarnation> alive = running();
    for (const NodeRecord& node : *nodes) {
      if (node.alive && alive.contains(node.id.incarnation)) continue;
      return node.id.name + " does not know yet that it is dead";
    }
    for (const auto& [number, incarnation] : open_moves_) {
      if (alive.contains(incarnation)) return "I6: a move has no end";
    }
    const auto orphans = cluster_.directory().actors({.which = ActorQuery::Which::orphaned});
    if (!orphans || !orphans->actors.empty()) return "an actor of a lost node has no other";
    for (const WalkerPlan& plan : plan_.walkers) {
      const ActorId id = walker_id(plan.name);
      Walker* walker = live(id);
      if (walker == nullptr) return plan.name + " does not live";
      if (auto waits = waits_of(*walker); !waits.empty()) return plan.name + waits;
    }
    return {};
  }

  std::string waits_of(const Walker& walker) {
    const Walker::Account& account = walker.account();
    if (walker.has_ticks_left()) {
      return " made " + std::to_string(account.ticks) + " ticks of " +
             std::to_string(walker.ticks());
    }
    if (!account.open.empty()) {
      return " waits for " + std::to_string(account.open.size()) + " replies";
    }
    if (account.jobs_done < account.jobs_wanted) return " waits for a job";
    for (const auto& [target, number] : account.sent) {
      auto missing = missing_of(walker.id(), target, Walker::sent, number);
      if (!missing.empty()) return missing;
    }
    for (const ActorId& publisher : walker.follows()) {
      Walker* source = live(publisher);
      if (source == nullptr || source->account().published == 0) continue;
      std::string missing =
          missing_of(publisher, walker.id(), Walker::every, source->account().published);
      if (!missing.empty()) return ": " + missing;
    }
    return {};
  }

  // What the target lacks of the sender's numbers, unless a life that ended took it.
  std::string missing_of(const ActorId& sender, const ActorId& target, Walker::Kind kind,
                         std::uint64_t number) {
    Walker* receiver = live(target);
    if (receiver == nullptr) return " sent to one that does not live";
    const auto found = receiver->account().received.find({sender, kind});
    const Walker::Received known =
        found == receiver->account().received.end() ? Walker::Received{} : found->second;
    if (known.last == number) return {};
    const bool strict = is_durable(sender) && is_durable(target);
    const bool first_lives = life_of(sender) == 1 && life_of(target) == 1;
    const bool same = known.sender_life == 0 ? first_lives
                                             : known.sender_life == life_of(sender) &&
                                                   known.own_life == life_of(target);
    if (!same && !strict) return {};
    return " of " + name_of(sender) + ", kind " + std::to_string(kind) + ": " + name_of(target) +
           " has " + std::to_string(known.last) + " of " + std::to_string(number);
  }

  std::set<Incarnation> running() {
    std::set<Incarnation> running;
    for (const std::string& name : plan_.nodes) {
      if (cluster_.is_open(name)) running.insert(cluster_.node(name).self().incarnation);
    }
    return running;
  }

  void check_hosts() {
    std::map<std::string, std::size_t> living;
    for (const WalkerPlan& plan : plan_.walkers) {
      const ActorRecord record = cluster_.record(walker_id(plan.name));
      ++living[record.node.name];
      if (!cluster_.node(record.node.name).host().cell(record.id)) {
        violation("I8", plan.name + " is not on " + record.node.name);
      }
    }
    for (const std::string& name : plan_.nodes) {
      const std::size_t cells = cluster_.node(name).cells();
      if (cells == living[name]) continue;
      violation("I7", name + " has " + std::to_string(cells) + " cells and " +
                          std::to_string(living[name]) + " actors");
    }
  }

  void check_ledger() {
    std::vector<Accounts> all;
    for (const auto& [node, report] : cluster_.reports()) {
      const ActorRecord record = cluster_.record(report.id);
      if (report.epoch != record.epoch || report.life != record.life) {
        violation("I8", name_of(report.id) + " works under epoch " + std::to_string(report.epoch) +
                            ", the directory says " + std::to_string(record.epoch));
      }
      all.push_back(accounts_of(report));
    }
    for (const std::string& name : plan_.nodes) {
      all.push_back(cluster_.node(name).host().closed_accounts());
    }
    for (const Violation& found : ledger_check(settle_losses(merge(all)), true)) {
      violation("I10", found.law + ": " + found.what + ": " + found.numbers);
    }
  }

  void finish() {
    VirtualTime& time = cluster_.time();
    for (const auto& [key, walker] : live_) {
      const Walker::Account& account = walker->account();
      for (const std::uint64_t value :
           {key.first.low, std::uint64_t{account.ticks}, account.published, account.answered,
            account.refused, account.jobs_done, account.anew}) {
        time.mix(value);
      }
    }
    for (const auto& [id, name] : names_) time.mix(cluster_.record(id).epoch);
    time.mix(time.events());
    verdict_.digest = time.digest();
    verdict_.events = time.events();
    verdict_.virtual_time = time.now() - Instant{};
    verdict_.unanswered = open_moves_.size();
  }

  const Plan& plan_;
  Verdict verdict_;
  std::map<ActorId, std::string> names_;
  std::unordered_set<ActorId> durable_;
  std::map<std::pair<ActorId, Incarnation>, Walker*> live_;
  std::map<std::uint64_t, Incarnation> open_moves_;
  std::map<ActorId, std::uint64_t> checkpoint_epochs_;
  std::uint64_t moves_made_ = 0;
  SimCluster cluster_;  // Last: its actors look at the above.
};

}  // namespace

Verdict simulate(const Plan& plan, const Trace& trace) {
  return Simulation(plan, trace).run();
}

}  // namespace omma::sim
