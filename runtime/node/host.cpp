#include "runtime/node/host.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/node/wire_records.hpp"
#include "runtime/placement/placement_rule.hpp"

namespace omma {
namespace {

// A record says "here" while the cell is not yet, or no longer, in the table.
constexpr Duration between_lives_delay = std::chrono::milliseconds(100);
// A turn that runs longer than this while the node stops is a bug worth a line in the log.
constexpr Duration stop_patience = std::chrono::seconds(5);

bool has_role(const NodeRecord& node, const std::string& role) {
  return std::find(node.roles.begin(), node.roles.end(), role) != node.roles.end();
}

// A camera's neighbours go where it lives; whoever asks keeps its stage near if it may.
Result<std::string> node_for(const PlacementWish& wish, const std::string& self,
                             const std::vector<NodeRecord>& nodes,
                             const std::vector<ActorRecord>& actors) {
  std::map<std::string, std::size_t> actors_on;
  NodeWish rule{wish.node, wish.role, {}};
  const ActorId camera = ActorId::of("camera", std::string_view(wish.near_camera));
  for (const ActorRecord& actor : actors) {
    if (actor.state != ActorRecord::State::active) continue;
    ++actors_on[actor.node.name];
    if (!wish.near_camera.empty() && actor.id == camera) rule.preferred_node = actor.node.name;
  }
  std::vector<NodeLoad> loads;
  for (const NodeRecord& node : nodes) {
    loads.push_back({node, actors_on[node.id.name], {}});
    if (rule.preferred_node.empty() && wish.near_camera.empty() && node.id.name == self &&
        has_role(node, wish.role)) {
      rule.preferred_node = self;
    }
  }
  Result<NodeRecord> chosen = choose_node(loads, rule);
  if (!chosen) return chosen.error();
  return chosen->id.name;
}

}  // namespace

// What one cell sees of its node.
class NodePort final : public CellPort {
 public:
  NodePort(ActorId self, std::string name, Cell cell, HostServices services, Host& host)
      : self_(self),
        name_(std::move(name)),
        cell_(std::move(cell)),
        services_(services),
        host_(host) {}
  ~NodePort() override {
    std::lock_guard lock(host_.mutex_);
    if (--host_.ports_ == 0) host_.ports_gone_.notify_all();
  }

  Instant now() const override { return services_.clock.now(); }
  WallTime wall_now() const override { return services_.clock.wall_now(); }
  void send(Packet packet) override { services_.switchboard.send(std::move(packet)); }
  void remember(std::shared_ptr<const StageSpec> spec) override { host_.remember(std::move(spec)); }
  void ask_directory(const ActorId& target) override { host_.resolve(target, self_); }
  void retire() override { host_.retire(self_); }
  void log(const std::string& text) override { services_.log.warn("actor", name_ + ": " + text); }

  void run(ExecutorKind kind, std::uint64_t job, Job work) override {
    Executor& executor = kind == ExecutorKind::compute ? services_.compute : services_.io;
    executor.run(std::move(work), [cell = cell_, job](Result<Message> result) {
      cell.put(CellInput{CellInput::JobResult{job, std::move(result)}});
    });
  }

 private:
  const ActorId self_;
  const std::string name_;
  const Cell cell_;
  HostServices services_;
  Host& host_;
};

Host::Host(NodeId self, HostServices services)
    : self_(std::move(self)), services_(services), strand_(services.system) {}

Host::~Host() = default;

void Host::remember(std::shared_ptr<const StageSpec> spec) {
  std::lock_guard lock(mutex_);
  if (specs_.size() >= limits::actors_per_node_max && !specs_.contains(spec->id)) {
    specs_.erase(specs_.begin());
  }
  const ActorId id = spec->id;
  specs_.insert_or_assign(id, std::move(spec));
}

// --- Finding ------------------------------------------------------------------------------------

void Host::resolve(const ActorId& target, const ActorId& asker) {
  strand_.post([this, target, asker] {
    const bool running = searches_.contains(target);
    Search& wanted = searches_[target];
    if (asker.is_null()) {
      wanted.every_cell = true;
    } else {
      wanted.askers.insert(asker);
    }
    if (!running) search(target);
  });
}

void Host::search(const ActorId& target) {
  {
    std::lock_guard lock(mutex_);
    ++counters_.lookups;
  }
  services_.directory.actor(target, [this, target](Result<std::optional<ActorRecord>> found) {
    strand_.post([this, target, found = std::move(found)] { on_found(target, found); });
  });
}

void Host::on_found(const ActorId& target, Result<std::optional<ActorRecord>> found) {
  if (!found) {
    return give_up(target, found.error());
  }
  const std::optional<ActorRecord>& record = *found;
  if (record && record->state == ActorRecord::State::active) {
    if (lives_here(*record) && !residents_.contains(target)) {
      // Between the directory's word and ours; it will not last.
      return strand_.post_after(between_lives_delay, [this, target] { search(target); });
    }
    return finish(target, *record);
  }
  std::shared_ptr<const StageSpec> spec;
  {
    std::lock_guard lock(mutex_);
    const auto known = specs_.find(target);
    if (known != specs_.end()) spec = known->second;
  }
  if (!spec) {
    return give_up(
        target, Error{Code::not_found, "actor " + target.short_text() + " does not exist"}, true);
  }
  place(target, std::move(spec));
}

void Host::place(const ActorId& target, std::shared_ptr<const StageSpec> spec) {
  services_.directory.nodes([this, target, spec](Result<std::vector<NodeRecord>> nodes) {
    services_.directory.actors(
        [this, target, spec, nodes = std::move(nodes)](Result<std::vector<ActorRecord>> actors) {
          strand_.post([this, target, spec, nodes, actors = std::move(actors)] {
            if (!nodes) return give_up(target, nodes.error());
            if (!actors) return give_up(target, actors.error());
            place_among(*spec, *nodes, *actors);
          });
        });
  });
}

void Host::place_among(const StageSpec& spec, const std::vector<NodeRecord>& nodes,
                       const std::vector<ActorRecord>& actors) {
  const ActorId target = spec.id;
  const Result<std::string> chosen = node_for(spec.wish, self_.name, nodes, actors);
  if (!chosen) {
    return give_up(target,
                   Error{chosen.error().code, "no place for " + spec.type + " '" + spec.name +
                                                  "': " + chosen.error().message});
  }
  const auto done = [this, target](Result<ActorRecord> record) {
    strand_.post([this, target, record = std::move(record)] { finish(target, record); });
  };
  if (*chosen == self_.name) return activate(spec, done);
  services_.hub->call(
      *chosen, Message::build<wire::Activate>([&](wire::Activate::Builder out) {
        write(out.initSpec(), spec);
      }),
      limits::request_timeout, [done](Result<Message> reply) {
        if (!reply) return done(reply.error());
        auto record =
            reply->is<wire::ActorRecord>() ? read(reply->as<wire::ActorRecord>()) : std::nullopt;
        if (!record) return done(Error{Code::corrupt, "activation was answered without a record"});
        done(*std::move(record));
      });
}

void Host::finish(const ActorId& target, Result<ActorRecord> record) {
  if (!record) return give_up(target, record.error());
  if (!lives_here(*record)) {
    services_.switchboard.set_route(target, Route{RemoteRoute{record->node.name}, record->epoch});
  }
  const auto found = searches_.find(target);
  if (found == searches_.end()) return;
  const Search wanted = std::move(found->second);
  searches_.erase(found);
  const CellInput news{CellInput::Route{target, record->epoch}};
  if (wanted.every_cell) {
    for (const auto& [id, cell] : services_.switchboard.cells()) cell.put(news);
    return;
  }
  for (const ActorId& asker : wanted.askers) {
    if (auto asking = cell(asker)) asking->put(news);
  }
}

// Unless the target is gone for good, the askers' outboxes will ask again.
void Host::give_up(const ActorId& target, const Error& why, bool gone) {
  const auto found = searches_.find(target);
  if (found == searches_.end()) return;
  const Search wanted = std::move(found->second);
  searches_.erase(found);
  {
    std::lock_guard lock(mutex_);
    ++counters_.lookups_failed;
  }
  services_.log.warn("host", "actor not reached",
                     {{"actor", target.short_text()}, {"why", why.describe()}});
  for (const ActorId& asker : wanted.askers) {
    if (auto asking = cell(asker)) asking->put(CellInput{CellInput::NotReached{target, why, gone}});
  }
}

// --- Lives --------------------------------------------------------------------------------------

void Host::activate(const StageSpec& spec, Done done) {
  strand_.post([this, spec, done = std::move(done)] {
    const auto resident = residents_.find(spec.id);
    if (resident != residents_.end()) return done(resident->second);
    auto& waiting = beginnings_[spec.id];
    waiting.push_back(done);
    if (waiting.size() == 1) begin(spec);
  });
}

void Host::begin(const StageSpec& spec) {
  if (services_.types.find(spec.type) == nullptr) {
    return on_begun(
        spec.id, Error{Code::unsupported, "node " + self_.name + " knows no actor type '" +
                                              spec.type + "'; all nodes must run the same build"});
  }
  services_.directory.actor(spec.id, [this, spec](Result<std::optional<ActorRecord>> current) {
    const auto report = [this, id = spec.id](Result<ActorRecord> record) {
      strand_.post([this, id, record = std::move(record)] { on_begun(id, record); });
    };
    if (!current) return report(current.error());
    if (*current && (*current)->state == ActorRecord::State::active) return report(**current);
    const Result<RecordChange> change =
        omma::activate(*current, spec.id, spec.type, spec.name, spec.config, self_);
    if (!change) return report(change.error());
    services_.directory.compare_and_set(*change, [report](Result<ChangeOutcome> outcome) {
      if (!outcome) return report(outcome.error());
      if (!outcome->current) return report(Error{Code::internal, "a change left no record"});
      if (outcome->current->state != ActorRecord::State::active) {
        return report(Error{Code::conflict, "it lived and ended meanwhile; ask again"});
      }
      report(*outcome->current);
    });
  });
}

void Host::on_begun(const ActorId& id, Result<ActorRecord> record) {
  if (record && lives_here(*record) && !residents_.contains(id)) spawn(*record);
  const auto found = beginnings_.find(id);
  if (found == beginnings_.end()) return;
  const std::vector<Done> waiting = std::move(found->second);
  beginnings_.erase(found);
  for (const Done& done : waiting) done(record);
}

void Host::spawn(const ActorRecord& record) {
  const ActorType* type = services_.types.find(record.type);
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    ++ports_;
    // A stage may be wanted again by its configuration. What is no stage lives once: whoever asks
    // for a session that was stopped must not begin it anew.
    if (!type->retire_when_unused) specs_.erase(record.id);
  }
  const CellCore::Identity identity{record.id,     record.type,  record.name,
                                    record.config, record.epoch, record.life};
  const Cell cell =
      Cell::spawn(services_.system, identity, *type, [this, record](const Cell& self) {
        return std::make_unique<NodePort>(record.id, record.type + " '" + record.name + "'", self,
                                          services_, *this);
      });
  residents_.emplace(record.id, record);
  services_.switchboard.set_route(record.id, Route{LocalRoute{cell}, record.epoch});
  {
    std::lock_guard lock(mutex_);
    ++counters_.activated;
  }
  services_.log.info("host", "activated " + record.type + " '" + record.name + "'",
                     {{"actor", record.id.text()}, {"epoch", std::to_string(record.epoch)}});
  cell.put(CellInput{CellInput::FlushAcks{}});  // Its first turn, now that it can be reached.
}

void Host::retire(const ActorId& id) {
  strand_.post([this, id] {
    const auto resident = residents_.find(id);
    if (resident == residents_.end()) return;
    const ActorRecord record = resident->second;
    const Result<RecordChange> change = omma::retire(record, id, record.epoch, self_);
    OMMA_CHECK(change.ok(), id.text());
    services_.directory.compare_and_set(*change, [this, record](Result<ChangeOutcome> outcome) {
      strand_.post([this, record, outcome = std::move(outcome)] {
        if (!outcome) {  // Not ended until the directory says so; the same again in a while.
          services_.log.warn(
              "host", "retirement of " + record.name + " waits: " + outcome.error().describe());
          return strand_.post_after(limits::resend_after_max,
                                    [this, id = record.id] { retire(id); });
        }
        if (const auto ending = cell(record.id)) {
          ending->put(CellInput{CellInput::ReportWanted{[this](CellReport report) {
            const Accounts last = accounts_of(report);
            std::lock_guard lock(mutex_);
            const Accounts both[] = {closed_, last};
            closed_ = merge(both);
          }}});
          ending->stop();
        }
        services_.switchboard.erase_route(record.id);
        residents_.erase(record.id);
        std::lock_guard lock(mutex_);
        ++counters_.retired;
      });
    });
  });
}

std::optional<Cell> Host::cell(const ActorId& id) const {
  const std::optional<Route> route = services_.switchboard.route(id);
  if (!route) return std::nullopt;
  const auto* local = std::get_if<LocalRoute>(&route->way);
  if (local == nullptr) return std::nullopt;
  return local->cell;
}

void Host::stop_all() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  strand_.close();  // So that no cell begins which is not among those that are stopped here.
  for (const auto& [id, cell] : services_.switchboard.cells()) cell.stop();
  std::unique_lock lock(mutex_);
  if (!ports_gone_.wait_for(lock, stop_patience, [this] { return ports_ == 0; })) {
    services_.log.error("host", "cells do not end", {{"cells", ports_}});
  }
}

// --- Peers --------------------------------------------------------------------------------------

void Host::on_not_here(const std::string& peer, const ActorId& id) {
  services_.switchboard.erase_route_over(id, peer);
  resolve(id, ActorId{});
}

void Host::on_peer_up(const NodeId& peer) {
  strand_.post([this, peer] {
    const auto residents = services_.switchboard.residents_of(peer.name);
    const auto known = peers_.find(peer.name);
    const bool reborn = known != peers_.end() && known->second != peer.incarnation;
    peers_[peer.name] = peer.incarnation;
    for (const auto& [id, epoch] : residents) {
      if (reborn) services_.switchboard.erase_route_over(id, peer.name);
    }
    for (const auto& [own, cell] : services_.switchboard.cells()) {
      for (const auto& [id, epoch] : residents) cell.put(CellInput{CellInput::Route{id, epoch}});
    }
  });
}

Accounts Host::closed_accounts() const {
  std::lock_guard lock(mutex_);
  return closed_;
}

Host::Counters Host::counters() const {
  std::lock_guard lock(mutex_);
  return counters_;
}

// --- The ledger ---

Accounts accounts_of(const CellReport& report) {
  Accounts accounts;
  for (const auto& out : report.out) {
    EdgeAccount edge;
    edge.stream = out.stream;
    edge.sent = out.counters.offered;
    const auto count = [&](const char* why, std::uint64_t number) {
      if (number > 0) edge.dropped[why] = number;
    };
    count("newer came", out.counters.dropped_full);
    count("expired", out.counters.dropped_expired);
    count("lost with the target's life", out.counters.lost_with_life);
    count("unsubscribed", out.counters.dropped_unwanted);
    count("target gone", out.dropped_target_gone);
    edge.in_flight = out.in_flight;
    for (const auto& [origin, sent] : out.sent_by_origin) edge.by_origin[origin].sent = sent;
    for (const auto& [origin, n] : out.dropped_by_origin) edge.by_origin[origin].dropped = n;
    for (const auto& [origin, n] : out.in_flight_by_origin) edge.by_origin[origin].in_flight = n;
    accounts.edges.push_back(std::move(edge));
  }
  for (const auto& in : report.in) {
    EdgeAccount edge;
    edge.stream = in.stream;
    edge.received = in.finished;
    for (const auto& [origin, n] : in.finished_by_origin) edge.by_origin[origin].received = n;
    accounts.edges.push_back(std::move(edge));
  }
  if (!report.stage.empty()) {
    StageAccount stage;
    stage.id = report.id;
    stage.type = report.type;
    stage.name = report.name;
    stage.ends_frames = report.ends_frames;
    for (const auto& [origin, counts] : report.stage) {
      stage.by_origin[origin] = {counts.received, counts.emitted, counts.filtered, counts.failed,
                                 counts.held};
    }
    accounts.stages.push_back(std::move(stage));
  }
  for (const auto& [camera, captured] : report.captured) {
    accounts.cameras.push_back({report.id.low, camera, captured});
  }
  return accounts;
}

}  // namespace omma
