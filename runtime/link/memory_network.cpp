#include "runtime/link/memory_network.hpp"

#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/link/memory_core.hpp"

namespace omma {

using memory::Event;
using memory::MemoryHub;
using memory::NodeIndex;
using memory::Pair;
using memory::PairKey;
using memory::Place;

MemoryNetwork::MemoryNetwork(std::uint64_t seed, ManualClock& clock)
    : core_(std::make_shared<Core>(seed, clock)) {}
MemoryNetwork::~MemoryNetwork() = default;

Result<std::unique_ptr<LinkHub>> MemoryNetwork::make_hub(LinkOptions options,
                                                         LinkHandlers handlers) {
  for (const Place& place : core_->places) {
    if (place.hub == nullptr) continue;
    if (place.name == options.self.name) {
      return Error{Code::unavailable, "a node '" + place.name + "' is there already"};
    }
    if (place.hub->listen_address() == options.listen_address) {
      return Error{Code::unavailable, "cannot listen at " + options.listen_address + ": node '" +
                                          place.name + "' already does"};
    }
  }
  auto hub = std::make_unique<MemoryHub>(core_, std::move(options), std::move(handlers));
  Place& place = core_->places[hub->index()];
  place.hub = hub.get();
  ++place.lives;
  return std::unique_ptr<LinkHub>(std::move(hub));
}

void MemoryNetwork::set_faults(const std::string& a, const std::string& b, MemoryFaults faults) {
  OMMA_CHECK(faults.delay_max >= faults.delay_min, faults.delay_min.count(),
             faults.delay_max.count());
  core_->pair_between(a, b).faults = faults;
}

void MemoryNetwork::partition(const std::string& a, const std::string& b) {
  block(a, b);
  block(b, a);
}

void MemoryNetwork::block(const std::string& from, const std::string& to) {
  const NodeIndex sender = core_->index_of(from);
  const PairKey key = core_->key_of(sender, core_->index_of(to));
  const std::size_t direction = key.direction_from(sender);
  Pair& pair = core_->pair_of(key);
  if (pair.blocked[direction]) return;
  pair.blocked[direction] = true;
  core_->lose_if_silent_later(key, [core = core_.get(), key, heals = pair.heals, direction] {
    const Pair& now = core->pair_of(key);
    return now.blocked[direction] && now.heals == heals;
  });
}

void MemoryNetwork::heal(const std::string& a, const std::string& b) {
  Pair& pair = core_->pair_between(a, b);
  pair.blocked = {};
  ++pair.heals;
  const Instant now = core_->clock.now();
  for (Event& arrival : std::exchange(pair.stalled, {})) core_->at(now, std::move(arrival));
}

void MemoryNetwork::break_connection(const std::string& a, const std::string& b) {
  const NodeIndex first = core_->index_of(a);
  core_->lose(core_->key_of(first, core_->index_of(b)), "connection reset");
}

void MemoryNetwork::pause(const std::string& node) {
  const NodeIndex index = core_->index_of(node);
  Place& place = core_->places[index];
  if (place.hub == nullptr || place.paused) return;
  place.paused = true;
  const std::uint64_t number = ++place.pauses;
  for (const NodeIndex peer : place.neighbours) {
    core_->lose_if_silent_later(core_->key_of(index, peer), [core = core_.get(), index, number] {
      const Place& now = core->places[index];
      return now.paused && now.pauses == number;
    });
  }
}

void MemoryNetwork::resume(const std::string& node) {
  const NodeIndex index = core_->index_of(node);
  Place& place = core_->places[index];
  if (!place.paused) return;
  place.paused = false;
  const Instant now = core_->clock.now();
  for (Event& event : std::exchange(place.parked, {})) {
    core_->at(now, [core = core_.get(), index, event = std::move(event)]() mutable {
      core->tell(index, std::move(event));
    });
  }
}

void MemoryNetwork::crash(const std::string& node) {
  const Place& place = core_->places[core_->index_of(node)];
  if (place.hub != nullptr) place.hub->crash();
}

std::optional<Instant> MemoryNetwork::next_event() const {
  return core_->events.next();
}

bool MemoryNetwork::step() {
  if (!core_->events.is_due(core_->clock.now())) return false;
  const Event event = core_->events.take();
  event();
  return true;
}

void MemoryNetwork::advance(Duration by) {
  const Instant end = core_->clock.now() + by;
  while (true) {
    const auto next = next_event();
    if (!next || *next > end) break;
    if (*next > core_->clock.now()) core_->clock.advance(*next - core_->clock.now());
    step();
  }
  core_->clock.advance(end - core_->clock.now());
}

std::uint64_t MemoryNetwork::digest() const {
  return core_->digest;
}

}  // namespace omma
