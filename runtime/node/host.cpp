#include "runtime/node/host.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/node/wire_records.hpp"
#include "runtime/placement/placement_rule.hpp"

namespace omma {
namespace {

// A record says "here" while the cell is not yet, or no longer, in the table.
constexpr Duration between_lives_delay = std::chrono::milliseconds(100);

bool has_role(const NodeRecord& node, const std::string& role) {
  return std::find(node.roles.begin(), node.roles.end(), role) != node.roles.end();
}

// A camera's neighbours go where it lives; whoever asks keeps its stage near if it may.
Result<std::string> node_for(const PlacementWish& wish, const std::string& self,
                             const std::vector<CountedNode>& nodes,
                             const std::optional<ActorRecord>& camera) {
  NodeWish rule{wish.node, wish.role, {}};
  const bool filmed = camera && camera->state == ActorRecord::State::active;
  if (filmed) rule.preferred_node = camera->node.name;
  std::vector<NodeLoad> loads;
  loads.reserve(nodes.size());
  for (const auto& [node, actors] : nodes) {
    loads.push_back({node, actors, {}});
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

Host::Host(NodeId self, HostServices services)
    : self_(std::move(self)),
      services_(services),
      mover_(*this, MigrationTimes::standard()),
      keeper_(self_, services.directory,
              [this](std::function<void()> task) { strand_.post(std::move(task)); }),
      lease_until_ns_(std::numeric_limits<std::int64_t>::max()),
      strand_(services.scheduler) {}

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

void Host::search_later(const ActorId& target) {
  strand_.post_after(between_lives_delay, [this, target] { search(target); });
}

void Host::on_found(const ActorId& target, Result<std::optional<ActorRecord>> found) {
  if (!found) {
    return give_up(target, found.error());
  }
  const std::optional<ActorRecord>& record = *found;
  if (record && record->state == ActorRecord::State::active) {
    // Between the directory's word and ours, or between a node's death and the fail-over.
    const bool between_lives =
        lives_here(*record) ? !residents_.contains(target) : is_lost(record->node);
    return between_lives ? search_later(target) : finish(target, *record);
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

// As far as this node knows: announced as dead, or its name is borne by another life by now.
bool Host::is_lost(const NodeId& node) const {
  if (lost_nodes_.contains(node.incarnation) || node.name == self_.name) return true;
  const auto known = peers_.find(node.name);
  return known != peers_.end() && known->second != node.incarnation;
}

void Host::place(const ActorId& target, std::shared_ptr<const StageSpec> spec) {
  services_.directory.counted_nodes([this, target, spec](Result<std::vector<CountedNode>> nodes) {
    const auto place_near = [this, target, spec,
                             nodes = std::move(nodes)](Result<std::optional<ActorRecord>> camera) {
      strand_.post([this, target, spec, nodes, camera = std::move(camera)] {
        if (!nodes) return give_up(target, nodes.error());
        if (!camera) return give_up(target, camera.error());
        place_among(*spec, *nodes, *camera);
      });
    };
    const std::string& near_camera = spec->wish.near_camera;
    if (near_camera.empty()) return place_near(std::optional<ActorRecord>());
    services_.directory.actor(ActorId::of("camera", std::string_view(near_camera)), place_near);
  });
}

void Host::place_among(const StageSpec& spec, const std::vector<CountedNode>& nodes,
                       const std::optional<ActorRecord>& camera) {
  const ActorId target = spec.id;
  const Result<std::string> chosen = node_for(spec.wish, self_.name, nodes, camera);
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
        auto record = reply->is<wire::ActorRecord>() ? omma::read(reply->as<wire::ActorRecord>())
                                                     : std::nullopt;
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
  const CellInput::Route news{target, record->epoch, record->life};
  if (wanted.every_cell) {
    for (const auto& [id, cell] : services_.switchboard.cells()) cell.put(CellInput{news});
    return;
  }
  for (const ActorId& asker : wanted.askers) tell(asker, news);
}

void Host::tell(const ActorId& asker, CellInput::Route news) {
  if (const auto asking = cell(asker)) asking->put(CellInput{news});
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

// --- Peers --------------------------------------------------------------------------------------

bool Host::handle(const std::string& peer, const Message& request, const Answer& answer) {
  if (request.is<wire::NotHere>()) {
    on_not_here(peer, request.as<wire::NotHere>());
    answer(Message::build<wire::Nothing>([](wire::Nothing::Builder) {}));
    return true;
  }
  if (request.is<wire::Activate>()) {
    activate(omma::read(request.as<wire::Activate>().getSpec()),
             [answer](const Result<ActorRecord>& record) {
               if (!record) return answer(record.error());
               answer(Message::build<wire::ActorRecord>(
                   [&](wire::ActorRecord::Builder out) { write(out, *record); }));
             });
    return true;
  }
  if (request.is<wire::Revive>()) {
    take_over(omma::read(request.as<wire::Revive>().getId()),
              [answer](const Result<Revival>& revival) {
                if (!revival) return answer(revival.error());
                answer(Message::build<wire::Revived>([&](wire::Revived::Builder out) {
                  write(out.initRecord(), revival->record);
                  out.setCheckpointBytes(revival->checkpoint_bytes);
                }));
              });
    return true;
  }
  if (!request.is<wire::ReserveMove>() && !request.is<wire::SnapshotPiece>()) return false;
  strand_.post([this, request, answer] { mover_.handle(request, answer); });
  return true;
}

// The way leads over that peer no more; what it knows may be better than nothing.
void Host::on_not_here(const std::string& peer, wire::NotHere::Reader hint) {
  const ActorId id = omma::read(hint.getId());
  const std::optional<Route> tried = services_.switchboard.route(id);
  services_.switchboard.erase_route_over(id, peer);
  const ActorId asker = omma::read(hint.getAsker());
  const std::string node(hint.getNode().begin(), hint.getNode().size());
  // A hint no newer than what was tried may lead back here: two that know nothing would send it to
  // and fro.
  const bool leads_on =
      !node.empty() && node != self_.name && (!tried || hint.getEpoch() > tried->epoch);
  if (!leads_on && tried && tried->epoch != 0) {
    // The directory will name the same place until somebody has it there: not at once.
    return strand_.post_after(between_lives_delay, [this, id, asker] { resolve(id, asker); });
  }
  if (!leads_on) return resolve(id, asker);
  services_.switchboard.set_route(id, Route{RemoteRoute{node}, hint.getEpoch()});
  strand_.post([this, id, asker, epoch = hint.getEpoch()] { tell(asker, {id, epoch}); });
}

void Host::on_stray(const std::string& peer, const ActorId& target, const ActorId& origin) {
  const std::optional<Route> way = services_.switchboard.route(target);
  services_.hub->call(peer, Message::build<wire::NotHere>([&](wire::NotHere::Builder out) {
                        write(out.initId(), target);
                        write(out.initAsker(), origin);
                        if (!way || way->epoch == 0) return;
                        const auto* remote = std::get_if<RemoteRoute>(&way->way);
                        if (remote == nullptr || remote->node == peer || remote->node == self_.name)
                          return;
                        out.setNode(remote->node);
                        out.setEpoch(way->epoch);
                      }),
                      limits::request_timeout, [](const Result<Message>&) {});
}

void Host::on_node_lost(const NodeId& node) {
  strand_.post([this, node] {
    if (!lost_nodes_.insert(node.incarnation).second) return;
    const auto known = peers_.find(node.name);
    if (known != peers_.end() && known->second != node.incarnation) return;  // It is back already.
    for (const auto& [id, epoch] : services_.switchboard.residents_of(node.name)) {
      services_.switchboard.erase_route_over(id, node.name);
      resolve(id, ActorId{});
    }
  });
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

std::map<std::string, CellReport::Health> Host::closed_health() const {
  std::lock_guard lock(mutex_);
  return closed_health_;
}

std::map<std::string, DurationTally::Counts> Host::turn_times() const {
  std::lock_guard lock(mutex_);
  std::map<std::string, DurationTally::Counts> times;
  for (const auto& [type, tally] : turn_times_) times.emplace(type, tally.counts());
  return times;
}

Host::Counters Host::counters() const {
  std::lock_guard lock(mutex_);
  return counters_;
}

}  // namespace omma
