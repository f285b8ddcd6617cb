#include "runtime/link/memory_core.hpp"

#include <algorithm>

#include "runtime/base/limits.hpp"

namespace omma {

using memory::Event;
using memory::MemoryHub;
using memory::NodeIndex;
using memory::Pair;
using memory::PairKey;
using memory::Place;

// --- Events --------------------------------------------------------------------------------------

void MemoryNetwork::Core::note(std::uint64_t kind, std::uint64_t a, std::uint64_t b,
                               std::uint64_t c) {
  for (const std::uint64_t value :
       {static_cast<std::uint64_t>(nanoseconds_of(clock.now())), kind, a, b, c}) {
    digest = (digest ^ value) * 0x100000001b3u;
  }
}

Duration MemoryNetwork::Core::some_delay(const MemoryFaults& faults) {
  const auto span = static_cast<std::uint64_t>((faults.delay_max - faults.delay_min).count());
  return faults.delay_min + Duration(static_cast<std::int64_t>(random.below(span + 1)));
}

NodeIndex MemoryNetwork::Core::index_of(const std::string& name) {
  const auto [found, is_new] = indices.emplace(name, static_cast<NodeIndex>(places.size()));
  if (is_new) places.emplace_back().name = name;
  return found->second;
}

PairKey MemoryNetwork::Core::key_of(NodeIndex a, NodeIndex b) const {
  return places[a].name < places[b].name ? PairKey{a, b} : PairKey{b, a};
}

Pair& MemoryNetwork::Core::pair_between(const std::string& a, const std::string& b) {
  const NodeIndex first = index_of(a);
  return pair_of(key_of(first, index_of(b)));
}

// Now, or when the node goes on.
void MemoryNetwork::Core::tell(NodeIndex node, Event event) {
  Place& place = places[node];
  if (place.hub == nullptr) return;
  if (place.paused) {
    place.parked.push_back(std::move(event));
  } else {
    event();
  }
}

// --- Connections ---------------------------------------------------------------------------------

// As with sockets: the node with the smaller name dials, and what it dials must be there.
bool MemoryNetwork::Core::wanted(const PairKey& key) const {
  const Place& dialler = places[key.low];
  const Place& listener = places[key.high];
  if (dialler.hub == nullptr || listener.hub == nullptr) return false;
  if (dialler.paused || listener.paused) return false;
  const std::string* address = dialler.hub->address_of(key.high);
  return address != nullptr && *address == listener.hub->listen_address();
}

void MemoryNetwork::Core::dial_later(const PairKey& key, Duration delay) {
  Pair& pair = pair_of(key);
  if (pair.dialling || pair.connection != 0) return;
  pair.dialling = true;
  at(clock.now() + delay + some_delay(pair.faults), [this, key] { dial(key); });
}

void MemoryNetwork::Core::dial(const PairKey& key) {
  Pair& pair = pair_of(key);
  pair.dialling = false;
  if (pair.connection != 0) return;
  const MemoryHub* dialler = places[key.low].hub;
  // Who is not there, or does not want it, begins by itself later.
  if (dialler == nullptr || dialler->address_of(key.high) == nullptr) return;
  if (pair.blocked[0] || pair.blocked[1] || !wanted(key)) {
    const auto half = limits::reconnect_delay_max / 2;
    const auto spread = static_cast<std::uint64_t>(half.count());
    dial_later(key, half + Duration(static_cast<std::int64_t>(random.below(spread))));
    return;
  }
  const std::uint64_t connection = ++connections_made;
  if (!std::exchange(pair.met, true)) {
    places[key.low].neighbours.push_back(key.high);
    places[key.high].neighbours.push_back(key.low);
  }
  pair.connection = connection;
  pair.ways = {};
  note(1, key.low, key.high);
  std::array<NodeIndex, 2> ends{key.low, key.high};
  if (random.below(2) == 0) std::swap(ends[0], ends[1]);
  for (std::size_t i = 0; i < ends.size(); ++i) {
    // A handler may have cut what has just come up.
    if (pair_of(key).connection != connection) return;
    MemoryHub& hub = *places[ends[i]].hub;
    hub.count().connections_opened += 2;
    hub.handlers().on_peer_up(places[ends[1 - i]].hub->self());
  }
}

void MemoryNetwork::Core::lose(const PairKey& key, const std::string& why) {
  Pair& pair = pair_of(key);
  const std::uint64_t connection = std::exchange(pair.connection, 0);
  if (connection == 0) return;
  note(2, key.low, key.high);
  // Arrivals that now come too late count themselves.
  for (Event& arrival : std::exchange(pair.stalled, {})) arrival();
  for (const NodeIndex own : {key.low, key.high}) {
    MemoryHub* hub = places[own].hub;
    if (hub == nullptr) continue;
    hub->count().connections_lost += 2;
    for (const auto& call : hub->calls()) {
      if (call->connection != connection) continue;
      at(clock.now(), [this, call] {
        finish(call,
               Error{Code::unavailable,
                     "node '" + places[call->key.other(call->caller)].name + "': connection lost"});
      });
    }
    tell(own, [this, own, life = places[own].lives, other = places[key.other(own)].name, why] {
      const Place& place = places[own];
      if (place.lives == life) place.hub->handlers().on_peer_down(other, why);
    });
  }
  dial_later(key, limits::reconnect_delay_min);
}

// Not within post(): its caller is in the middle of something.
void MemoryNetwork::Core::lose_soon(const PairKey& key, std::uint64_t connection) {
  at(clock.now(), [this, key, connection] {
    if (pair_of(key).connection == connection) lose(key, "connection reset");
  });
}

void MemoryNetwork::Core::lose_if_silent_later(const PairKey& key,
                                               const std::function<bool()>& still) {
  at(clock.now() + limits::suspect_after, [this, key, still] {
    if (still()) lose(key, "silent");
  });
}

void MemoryNetwork::Core::remove(MemoryHub& hub) {
  Place& place = places[hub.index()];
  place.hub = nullptr;
  place.paused = false;
  place.parked.clear();
  for (const NodeIndex peer : place.neighbours) {
    lose(key_of(hub.index(), peer), "the other side closed");
  }
}

}  // namespace omma
