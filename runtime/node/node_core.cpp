#include "runtime/node/node_core.hpp"

#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/node/wire_records.hpp"
#include "schemas/control.capnp.h"

namespace omma {
namespace {

constexpr Duration sign_on_retry_delay = std::chrono::milliseconds(100);

// When traced messages came from the wire: what follows is waiting.
void note_arrival(std::vector<Packet>& packets, const Clock& clock) {
  Instant now{};
  for (Packet& packet : packets) {
    auto* envelope = std::get_if<Envelope>(&packet);
    if (envelope == nullptr || envelope->trace.origin == 0) continue;
    if (now == Instant{}) now = clock.now();
    envelope->arrived = now;
  }
}

}  // namespace

NodeCore::NodeCore(NodeId self, NodeCoreParts parts)
    : self_(std::move(self)),
      parts_(std::move(parts)),
      switchboard_(
          {[this](const ActorId& target, const ActorId& asker) { host_->resolve(target, asker); },
           [this](const std::string& peer, const ActorId& target, const ActorId& origin) {
             host_->on_stray(peer, target, origin);
           }}),
      directory_([this](Message request, Answer answer) {
        ask_directory(std::move(request), std::move(answer));
      }),
      strand_(parts_.scheduler) {
  if (parts_.directory != nullptr) {
    leases_ = std::make_unique<LeaseService>(parts_.lease, self_, directory_, parts_.clock);
  }
}

NodeCore::~NodeCore() = default;

// --- Links --------------------------------------------------------------------------------------

LinkHandlers NodeCore::link_handlers() {
  LinkHandlers handlers;
  handlers.on_packets = [this](const NodeId& from, std::vector<Packet> packets) {
    if (parts_.hops != nullptr) note_arrival(packets, parts_.clock);
    if (open_) switchboard_.receive(from.name, std::move(packets));
  };
  handlers.on_peer_up = [this](const NodeId& peer) {
    parts_.log.info("link", "peer up", {{"peer", peer.name}});
    if (open_) host_->on_peer_up(peer);
  };
  handlers.on_peer_down = [this](const std::string& peer, const std::string& why) {
    parts_.log.warn("link", "peer down", {{"peer", peer}, {"why", why}});
  };
  handlers.on_call = [this](const std::optional<NodeId>& from, const Message& request,
                            const Answer& answer) { on_call(from, request, answer); };
  return handlers;
}

void NodeCore::attach(LinkHub& hub) {
  hub_ = &hub;
  switchboard_.attach(&hub);
}

// Other nodes' requests to the node itself, and clients'.
void NodeCore::on_call(const std::optional<NodeId>& from, const Message& request,
                       const Answer& answer) {
  if (parts_.directory != nullptr && parts_.directory->handle(request, answer)) return;
  if (leases_ && leases_->handle(request, answer)) return;
  if (!open_) {
    return answer(Error{Code::unavailable, "node " + self_.name + " is starting; try again"});
  }
  if (request.is<wire::NodeLost>()) {
    host_->on_node_lost(read(request.as<wire::NodeLost>().getNode()));
    return answer(Message::build<wire::Nothing>([](wire::Nothing::Builder) {}));
  }
  if (host_->handle(from ? from->name : std::string(), request, answer)) return;
  others_(request, answer);
}

void NodeCore::ask_directory(Message request, Answer answer) {
  if (parts_.directory != nullptr) {
    parts_.directory->handle(request, answer);
    return;
  }
  hub_->call(parts_.head, std::move(request), limits::request_timeout, std::move(answer));
}

// --- Beginning and end --------------------------------------------------------------------------

void NodeCore::sign_on(NodeRecord wanted, Duration patience,
                       std::function<void(Result<void>)> done) {
  wanted.id = self_;
  const Instant until = parts_.clock.now() + patience;
  strand_.post([this, wanted = std::move(wanted), until, done = std::move(done)] {
    try_to_sign_on(wanted, until, done);
  });
}

void NodeCore::try_to_sign_on(const NodeRecord& wanted, Instant until,
                              const std::function<void(Result<void>)>& done) {
  const Instant asked = parts_.clock.now();
  directory_.register_node(wanted, [this, wanted, until, done, asked](Result<NodeRecord> record) {
    strand_.post([this, wanted, until, done, asked, record = std::move(record)] {
      if (record) {
        self_.epoch = record->id.epoch;
        signed_on_ = asked;
        return done({});
      }
      if (record.error().code != Code::unavailable || parts_.clock.now() >= until) {
        return done(record.error());
      }
      strand_.post_after(sign_on_retry_delay,
                         [this, wanted, until, done] { try_to_sign_on(wanted, until, done); });
    });
  });
}

void NodeCore::sign_off(std::function<void(Result<bool>)> done) {
  directory_.deregister_node(self_, std::move(done));
}

Host& NodeCore::begin_hosting(History* history) {
  host_ = std::make_unique<Host>(
      self_, HostServices{parts_.scheduler, parts_.types, parts_.clock, switchboard_, directory_,
                          parts_.compute, parts_.io, parts_.log, hub_, history, parts_.hops,
                          parts_.times_turns, parts_.more_types, parts_.turns});
  return *host_;
}

void NodeCore::open(Others others) {
  others_ = std::move(others);
  open_ = true;
  if (leases_) return watch_leases();
  keep_lease();
}

void NodeCore::close() {
  open_ = false;
  if (fail_over_) fail_over_->close();
  if (keeper_) keeper_->close();
  if (host_) host_->stop_all();
}

// --- Leases -------------------------------------------------------------------------------------

void NodeCore::watch_leases() {
  fail_over_ = std::make_unique<FailOver>(FailOverServices{
      parts_.scheduler, parts_.clock, parts_.log, parts_.types, directory_, *leases_, self_.name,
      [this](const std::string& node, const ActorId& id,
             std::function<void(Result<Revival>)> done) { revive(node, id, std::move(done)); },
      [this](const NodeId& dead, const std::vector<NodeRecord>& nodes) { announce(dead, nodes); },
      [this](const std::string& node) { return actors_max(node); }, parts_.more_types});
  fail_over_->begin();
}

void NodeCore::revive(const std::string& node, const ActorId& id,
                      std::function<void(Result<Revival>)> done) {
  if (node == self_.name) return host_->take_over(id, std::move(done));
  hub_->call(
      node,
      Message::build<wire::Revive>([&](wire::Revive::Builder out) { write(out.initId(), id); }),
      limits::request_timeout, [done = std::move(done)](Result<Message> reply) {
        if (!reply) return done(reply.error());
        auto record = reply->is<wire::Revived>() ? read(reply->as<wire::Revived>().getRecord())
                                                 : std::nullopt;
        if (!record) return done(Error{Code::corrupt, "a take-over was answered without a record"});
        done(Revival{*std::move(record), reply->as<wire::Revived>().getCheckpointBytes()});
      });
}

// Best effort: who misses it learns by asking the directory.
void NodeCore::announce(const NodeId& dead, const std::vector<NodeRecord>& nodes) {
  host_->on_node_lost(dead);
  for (const NodeRecord& node : nodes) {
    if (!node.alive || node.id.incarnation == self_.incarnation) continue;
    hub_->call(node.id.name, Message::build<wire::NodeLost>([&](wire::NodeLost::Builder out) {
                 write(out.initNode(), dead);
               }),
               limits::request_timeout, [](const Result<Message>&) {});
  }
}

void NodeCore::keep_lease() {
  LeaseKeeperServices services{parts_.scheduler,
                               parts_.clock,
                               parts_.log,
                               [this](Message request, Duration timeout, Answer answer) {
                                 hub_->call(parts_.head, std::move(request), timeout,
                                            std::move(answer));
                               },
                               parts_.knock,
                               [this](Instant until) { host_->extend_lease(until); },
                               [this](bool fenced) { host_->set_fenced(fenced); },
                               [this](const std::vector<NodeId>& nodes) {
                                 for (const NodeId& node : nodes) host_->on_node_lost(node);
                               },
                               [this](const Error& why) {
                                 open_ = false;
                                 host_->abandon_all();
                                 if (parts_.on_dead) parts_.on_dead(why);
                               }};
  if (!services.knock) {
    services.knock = [](Duration, const std::function<void(bool)>& answer) { answer(false); };
  }
  keeper_ = std::make_unique<LeaseKeeper>(self_, parts_.lease, signed_on_, std::move(services));
  keeper_->begin();
}

std::size_t NodeCore::actors_max(const std::string& node) const {
  return parts_.actors_max ? parts_.actors_max(node) : limits::actors_per_node_max;
}

}  // namespace omma
