#include "runtime/node/switchboard.hpp"

#include <cstddef>
#include <iterator>
#include <mutex>

#include "runtime/base/mutants.hpp"

namespace omma {

const ActorId& origin_of(const Packet& packet) {
  if (const auto* envelope = std::get_if<Envelope>(&packet)) return envelope->stream.sender;
  if (const auto* probe = std::get_if<Probe>(&packet)) return probe->stream.sender;
  return std::get<Ack>(packet).stream.target;
}

std::uint64_t origin_epoch_of(const Packet& packet) {
  if (const auto* envelope = std::get_if<Envelope>(&packet)) return envelope->sender_epoch;
  if (const auto* probe = std::get_if<Probe>(&packet)) return probe->sender_epoch;
  return std::get<Ack>(packet).target_epoch;
}

namespace {

// Calls take(target, run) for each run of packets to one target.
template <class Take>
void for_each_run(std::vector<Packet> packets, Take&& take) {
  for (std::size_t first = 0; first < packets.size();) {
    const ActorId target = destination_of(packets[first]);
    std::size_t last = first + 1;
    while (last < packets.size() && destination_of(packets[last]) == target) ++last;
    if (first == 0 && last == packets.size()) return take(target, std::move(packets));
    const auto begin = packets.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end = packets.begin() + static_cast<std::ptrdiff_t>(last);
    take(target, std::vector<Packet>(std::make_move_iterator(begin), std::make_move_iterator(end)));
    first = last;
  }
}

void put(const Cell& cell, std::vector<Packet> packets) {
  if (packets.size() == 1) return cell.put(std::move(packets.front()));
  cell.put(CellInput{CellInput::Packets{std::move(packets)}});
}

}  // namespace

void Switchboard::send(Packet packet) {
  std::vector<Packet> one;
  one.push_back(std::move(packet));
  send_all(std::move(one));
}

void Switchboard::send_all(std::vector<Packet> packets) {
  for_each_run(std::move(packets), [this](const ActorId& target, std::vector<Packet> run) {
    const std::optional<Route> way = route(target);
    if (!way) {
      unrouted_ += run.size();
      handlers_.on_unrouted(target, origin_of(run.front()));
    } else if (const auto* local = std::get_if<LocalRoute>(&way->way)) {
      local_ += run.size();
      put(local->cell, std::move(run));
    } else {
      remote_ += run.size();
      hub_->post_all(std::get<RemoteRoute>(way->way).node, std::move(run));
    }
  });
}

void Switchboard::receive(const std::string& peer, std::vector<Packet> packets) {
  for_each_run(std::move(packets), [&](const ActorId& target, std::vector<Packet> run) {
    const std::optional<Route> way = route(target);
    // Where it came from is where an answer goes. This is how an actor that has moved is found.
    const Packet* last = nullptr;
    for (const Packet& packet : run) {
      const bool told = last != nullptr && origin_of(*last) == origin_of(packet) &&
                        origin_epoch_of(*last) == origin_epoch_of(packet);
      if (!told) learn_route(origin_of(packet), peer, origin_epoch_of(packet));
      last = &packet;
    }
    if (way && std::holds_alternative<LocalRoute>(way->way)) {
      return put(std::get<LocalRoute>(way->way).cell, std::move(run));
    }
    for (const Packet& packet : run) {
      if (std::holds_alternative<Ack>(packet)) continue;
      ++strays_;
      handlers_.on_stray(peer, target, origin_of(packet));
    }
  });
}

void Switchboard::set_route(const ActorId& id, Route route) {
  std::unique_lock lock(mutex_);
  const auto found = routes_.find(id);
  if (found != routes_.end() && found->second.epoch > route.epoch &&
      !OMMA_MUTANT(stale_route_adopted)) {
    return;
  }
  routes_.insert_or_assign(id, std::move(route));
}

void Switchboard::learn_route(const ActorId& id, const std::string& peer, std::uint64_t epoch) {
  {
    std::shared_lock lock(mutex_);
    const auto found = routes_.find(id);
    if (found != routes_.end() &&
        (std::holds_alternative<LocalRoute>(found->second.way) || found->second.epoch >= epoch)) {
      return;
    }
  }
  std::unique_lock lock(mutex_);
  const auto [found, added] = routes_.try_emplace(id, Route{RemoteRoute{peer}, epoch});
  if (added || std::holds_alternative<LocalRoute>(found->second.way)) return;
  if (found->second.epoch < epoch) found->second = Route{RemoteRoute{peer}, epoch};
}

void Switchboard::erase_route(const ActorId& id) {
  std::unique_lock lock(mutex_);
  routes_.erase(id);
}

void Switchboard::erase_route_over(const ActorId& id, const std::string& peer) {
  std::unique_lock lock(mutex_);
  const auto found = routes_.find(id);
  if (found == routes_.end()) return;
  const auto* remote = std::get_if<RemoteRoute>(&found->second.way);
  if (remote != nullptr && remote->node == peer) routes_.erase(found);
}

std::optional<Route> Switchboard::route(const ActorId& id) const {
  std::shared_lock lock(mutex_);
  const auto found = routes_.find(id);
  if (found == routes_.end()) return std::nullopt;
  return found->second;
}

std::vector<std::pair<ActorId, Cell>> Switchboard::cells() const {
  std::shared_lock lock(mutex_);
  std::vector<std::pair<ActorId, Cell>> cells;
  for (const auto& [id, route] : routes_) {
    if (const auto* local = std::get_if<LocalRoute>(&route.way))
      cells.emplace_back(id, local->cell);
  }
  return cells;
}

std::unordered_map<ActorId, std::uint64_t> Switchboard::residents_of(
    const std::string& peer) const {
  std::shared_lock lock(mutex_);
  std::unordered_map<ActorId, std::uint64_t> residents;
  for (const auto& [id, route] : routes_) {
    const auto* remote = std::get_if<RemoteRoute>(&route.way);
    if (remote != nullptr && remote->node == peer) residents.emplace(id, route.epoch);
  }
  return residents;
}

Switchboard::Counters Switchboard::counters() const {
  return {local_, remote_, unrouted_, strays_};
}

}  // namespace omma
