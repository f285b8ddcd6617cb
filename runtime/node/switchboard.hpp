// Switchboard: the node's table of who can be reached how. Every packet of this node passes it
// once: to a cell in this process, to a peer over a link, or (while nobody knows) nowhere, since
// outboxes send again what was lost and are told when a way is found.
//
// Thread-safe; cells and link threads use it at the same time.
#pragma once

#include "runtime/cell/cell.hpp"
#include "runtime/link/link.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace omma {

struct LocalRoute {
  Cell cell;
};
struct RemoteRoute {
  std::string node;
};
struct Route {
  std::variant<LocalRoute, RemoteRoute> way;
  std::uint64_t epoch = 0;  // 0: learned from a packet, not from the directory.
};

class Switchboard {
 public:
  struct Handlers {
    // No way is known to `target`, to which `asker` has something to send.
    std::function<void(const ActorId& target, const ActorId& asker)> on_unrouted;
    // A peer sent something for an actor that does not live here.
    std::function<void(const std::string& peer, const ActorId& target, const ActorId& origin)>
        on_stray;
  };
  struct Counters {
    std::uint64_t local = 0;
    std::uint64_t remote = 0;
    std::uint64_t unrouted = 0;  // Lost here; sent again once a way is known.
    std::uint64_t strays = 0;
  };

  explicit Switchboard(Handlers handlers) : handlers_(std::move(handlers)) {}
  // Before the first packet for a peer.
  void attach(LinkHub* hub) { hub_ = hub; }

  // From a cell of this node.
  void send(Packet packet);
  // The same for what one turn sent: a run of packets to one target is handed over as one.
  void send_all(std::vector<Packet> packets);
  // From a peer.
  void receive(const std::string& peer, std::vector<Packet> packets);

  // A later epoch replaces an earlier one; an earlier one changes nothing.
  void set_route(const ActorId& id, Route route);
  // From hearsay: replaces a way over another peer, or none, if its epoch is later; never one to a
  // cell of this process, of which the host alone decides.
  void learn_route(const ActorId& id, const std::string& peer, std::uint64_t epoch);
  void erase_route(const ActorId& id);
  // Only while the way leads over this peer.
  void erase_route_over(const ActorId& id, const std::string& peer);
  std::optional<Route> route(const ActorId& id) const;

  std::vector<std::pair<ActorId, Cell>> cells() const;
  // The epochs of all actors known to live on this peer.
  std::unordered_map<ActorId, std::uint64_t> residents_of(const std::string& peer) const;
  Counters counters() const;

 private:
  Handlers handlers_;
  LinkHub* hub_ = nullptr;
  mutable std::shared_mutex mutex_;
  std::unordered_map<ActorId, Route> routes_;
  std::atomic<std::uint64_t> local_{0}, remote_{0}, unrouted_{0}, strays_{0};
};

// The actor that a packet comes from, and the epoch under which it sent it.
const ActorId& origin_of(const Packet& packet);
std::uint64_t origin_epoch_of(const Packet& packet);

}  // namespace omma
