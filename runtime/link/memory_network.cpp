#include "runtime/link/memory_network.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <map>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/random.hpp"

namespace omma {
namespace {

using PairKey = std::pair<std::string, std::string>;  // Smaller name first.

PairKey pair_of(const std::string& a, const std::string& b) {
  return a < b ? PairKey{a, b} : PairKey{b, a};
}

std::size_t bytes_of(const Packet& packet) {
  const auto* envelope = std::get_if<Envelope>(&packet);
  return envelope != nullptr ? envelope->message.size_bytes() : 0;
}

struct OneWay {
  Instant last_arrival{};
  std::size_t waiting_bytes = 0;
};

struct Pair {
  MemoryFaults faults;
  bool partitioned = false;
  std::uint64_t partitions = 0;
  bool dialling = false;
  std::uint64_t connection = 0;               // Number of the present one; 0: none.
  std::array<std::array<OneWay, 2>, 2> ways;  // [from the smaller name?][lane]
  std::deque<std::function<void()>> stalled;  // Arrivals that a partition holds up, in order.
};

class MemoryHub;

}  // namespace

struct MemoryNetwork::Core : std::enable_shared_from_this<MemoryNetwork::Core> {
  Core(std::uint64_t seed, ManualClock& the_clock) : random(seed), clock(the_clock) {}

  using Event = std::function<void()>;

  void at(Instant when, Event event) {
    events.emplace(std::pair{when, ++events_made}, std::move(event));
  }
  void note(const std::string& what);
  Duration some_delay(const MemoryFaults& faults);

  void dial_later(const PairKey& key, Duration delay);
  void dial(const PairKey& key);
  bool wanted(const PairKey& key) const;
  void lose(const PairKey& key, const std::string& why);
  void send(MemoryHub& from, const std::string& to, Packet packet);
  void schedule(const PairKey& key, const std::string& from, const std::string& to,
                const Packet& packet, bool in_order);
  void carry(const PairKey& key, std::uint64_t connection, Instant when, Event arrive);
  void call(MemoryHub& from, const std::string& to, Message request, Duration timeout,
            Answer answer);
  void remove(MemoryHub& hub);

  SeededRandom random;
  ManualClock& clock;
  std::map<std::pair<Instant, std::uint64_t>, Event> events;
  std::uint64_t events_made = 0;
  std::uint64_t connections_made = 0;
  std::uint64_t digest = 0xcbf29ce484222325u;
  std::map<std::string, MemoryHub*> hubs;
  std::map<PairKey, Pair> pairs;
};

namespace {

class MemoryHub final : public LinkHub {
 public:
  MemoryHub(std::shared_ptr<MemoryNetwork::Core> core, LinkOptions options, LinkHandlers handlers)
      : core_(std::move(core)), options_(std::move(options)), handlers_(std::move(handlers)) {}
  ~MemoryHub() override { core_->remove(*this); }

  std::string listen_address() const override { return options_.listen_address; }
  void set_peer(const std::string& name, const std::string& address) override {
    addresses_[name] = address;
    if (name != options_.self.name) core_->dial_later(pair_of(name, options_.self.name), {});
  }
  void remove_peer(const std::string& name) override {
    addresses_.erase(name);
    core_->lose(pair_of(name, options_.self.name), "removed");
  }
  void post(const std::string& peer, Packet packet) override {
    core_->send(*this, peer, std::move(packet));
  }
  void call(const std::string& peer, Message request, Duration timeout, Answer answer) override {
    core_->call(*this, peer, std::move(request), timeout, std::move(answer));
  }
  LinkCounters counters() const override { return counters_; }

  const NodeId& self() const { return options_.self; }
  const LinkHandlers& handlers() const { return handlers_; }
  LinkCounters& count() { return counters_; }
  const std::string* address_of(const std::string& peer) const {
    auto found = addresses_.find(peer);
    return found == addresses_.end() ? nullptr : &found->second;
  }

 private:
  std::shared_ptr<MemoryNetwork::Core> core_;
  LinkOptions options_;
  LinkHandlers handlers_;
  std::map<std::string, std::string> addresses_;
  LinkCounters counters_;
};

}  // namespace

// --- Events --------------------------------------------------------------------------------------

void MemoryNetwork::Core::note(const std::string& what) {
  const auto mix = [this](std::uint64_t value) { digest = (digest ^ value) * 0x100000001b3u; };
  mix(static_cast<std::uint64_t>(nanoseconds_of(clock.now())));
  for (const char c : what) mix(static_cast<unsigned char>(c));
}

Duration MemoryNetwork::Core::some_delay(const MemoryFaults& faults) {
  const auto span = static_cast<std::uint64_t>((faults.delay_max - faults.delay_min).count());
  return faults.delay_min + Duration(static_cast<std::int64_t>(random.below(span + 1)));
}

// --- Connections ---------------------------------------------------------------------------------

// As with sockets: the node with the smaller name dials, and what it dials must be there.
bool MemoryNetwork::Core::wanted(const PairKey& key) const {
  auto dialler = hubs.find(key.first);
  auto listener = hubs.find(key.second);
  if (dialler == hubs.end() || listener == hubs.end()) return false;
  const std::string* address = dialler->second->address_of(key.second);
  return address != nullptr && *address == listener->second->listen_address();
}

void MemoryNetwork::Core::dial_later(const PairKey& key, Duration delay) {
  Pair& pair = pairs[key];
  if (pair.dialling || pair.connection != 0) return;
  pair.dialling = true;
  at(clock.now() + delay + some_delay(pair.faults), [this, key] { dial(key); });
}

void MemoryNetwork::Core::dial(const PairKey& key) {
  Pair& pair = pairs[key];
  pair.dialling = false;
  if (pair.connection != 0) return;
  auto dialler = hubs.find(key.first);
  // Who is not there, or does not want it, begins by itself later.
  if (dialler == hubs.end() || dialler->second->address_of(key.second) == nullptr) return;
  if (pair.partitioned || !wanted(key)) {
    const auto half = limits::reconnect_delay_max / 2;
    const auto spread = static_cast<std::uint64_t>(half.count());
    dial_later(key, half + Duration(static_cast<std::int64_t>(random.below(spread))));
    return;
  }
  const std::uint64_t connection = ++connections_made;
  pair.connection = connection;
  pair.ways = {};
  note("up " + key.first + " " + key.second);
  std::array<MemoryHub*, 2> ends{hubs.at(key.first), hubs.at(key.second)};
  if (random.below(2) == 0) std::swap(ends[0], ends[1]);
  for (std::size_t i = 0; i < ends.size(); ++i) {
    // A handler may have cut what has just come up.
    if (pairs[key].connection != connection) return;
    ends[i]->count().connections_opened += 2;
    ends[i]->handlers().on_peer_up(ends[1 - i]->self());
  }
}

void MemoryNetwork::Core::lose(const PairKey& key, const std::string& why) {
  auto found = pairs.find(key);
  if (found == pairs.end() || found->second.connection == 0) return;
  found->second.connection = 0;
  note("down " + key.first + " " + key.second);
  // Arrivals that now come too late count themselves.
  for (auto& arrival : std::exchange(found->second.stalled, {})) arrival();
  for (const auto& [own, other] : {key, PairKey{key.second, key.first}}) {
    auto hub = hubs.find(own);
    if (hub == hubs.end()) continue;
    hub->second->count().connections_lost += 2;
    hub->second->handlers().on_peer_down(other, why);
  }
  dial_later(key, limits::reconnect_delay_min);
}

void MemoryNetwork::Core::remove(MemoryHub& hub) {
  const std::string name = hub.self().name;
  hubs.erase(name);
  for (auto& [key, pair] : pairs) {
    if (key.first == name || key.second == name) lose(key, "the other side closed");
  }
}

// --- Packets -------------------------------------------------------------------------------------

// Runs `arrive` at its time, or when a partition ends; after a loss too, which it must check.
void MemoryNetwork::Core::carry(const PairKey& key, std::uint64_t connection, Instant when,
                                Event arrive) {
  at(when, [this, key, connection, arrive = std::move(arrive)] {
    Pair& pair = pairs[key];
    if (pair.partitioned && pair.connection == connection) {
      pair.stalled.push_back(arrive);
    } else {
      arrive();
    }
  });
}

void MemoryNetwork::Core::send(MemoryHub& from, const std::string& to, Packet packet) {
  const PairKey key = pair_of(from.self().name, to);
  Pair& pair = pairs[key];
  if (pair.connection == 0) {
    ++from.count().dropped_peer_away;
    return;
  }
  OneWay& way =
      pair.ways[from.self().name == key.first ? 0 : 1][static_cast<std::size_t>(lane_of(packet))];
  const std::size_t bytes = bytes_of(packet);
  if ((way.waiting_bytes != 0 && way.waiting_bytes + bytes > limits::link_queue_bytes_max) ||
      bytes > limits::message_bytes_max) {
    ++from.count().dropped_queue_full;
    return;
  }
  ++from.count().packets_sent;
  ++from.count().batches_sent;
  from.count().bytes_sent += bytes;
  if (random.chance(pair.faults.break_chance)) {
    ++from.count().dropped_connection;
    const std::uint64_t connection = pair.connection;
    // Not within post(): its caller is in the middle of something.
    at(clock.now(), [this, key, connection] {
      if (pairs[key].connection == connection) lose(key, "connection reset");
    });
    return;
  }
  const bool in_order = !random.chance(pair.faults.reordering);
  if (random.chance(pair.faults.loss)) {
    ++from.count().dropped_connection;
    return;
  }
  if (random.chance(pair.faults.duplication)) {
    schedule(key, from.self().name, to, packet, in_order);
  }
  schedule(key, from.self().name, to, packet, in_order);
}

void MemoryNetwork::Core::schedule(const PairKey& key, const std::string& from,
                                   const std::string& to, const Packet& packet, bool in_order) {
  Pair& pair = pairs[key];
  const std::size_t direction = from == key.first ? 0 : 1;
  const auto lane = static_cast<std::size_t>(lane_of(packet));
  OneWay& way = pair.ways[direction][lane];
  const std::size_t bytes = bytes_of(packet);
  Instant arrival = clock.now() + some_delay(pair.faults);
  if (pair.faults.bytes_per_second != 0) {
    const double seconds =
        static_cast<double>(bytes) / static_cast<double>(pair.faults.bytes_per_second);
    arrival =
        std::max(arrival, way.last_arrival) + Duration(static_cast<std::int64_t>(seconds * 1e9));
  }
  if (in_order) {
    arrival = std::max(arrival, way.last_arrival + Duration(1));
    way.last_arrival = arrival;
  }
  way.waiting_bytes += bytes;
  const std::uint64_t connection = pair.connection;
  carry(key, connection, arrival,
        [this, key, from, to, packet, direction, lane, bytes, connection] {
          Pair& now = pairs[key];
          if (now.connection != connection) {
            auto sender = hubs.find(from);
            if (sender != hubs.end()) ++sender->second->count().dropped_connection;
            return;
          }
          now.ways[direction][lane].waiting_bytes -= bytes;
          MemoryHub& receiver = *hubs.at(to);
          ++receiver.count().packets_received;
          receiver.count().bytes_received += bytes;
          note(from + ">" + to + (lane == 0 ? " control " : " bulk ") +
               std::to_string(packet.index()));
          receiver.handlers().on_packets(hubs.at(from)->self(), {packet});
        });
}

// --- Calls ---------------------------------------------------------------------------------------

void MemoryNetwork::Core::call(MemoryHub& from, const std::string& to, Message request,
                               Duration timeout, Answer answer) {
  // Answered once: by the reply, or as unavailable when that does not come in time.
  auto once = std::make_shared<Answer>(std::move(answer));
  const auto reply = [once](Result<Message> result) {
    if (Answer give = std::exchange(*once, nullptr)) give(std::move(result));
  };
  const PairKey key = pair_of(from.self().name, to);
  Pair& pair = pairs[key];
  const std::uint64_t connection = pair.connection;
  if (connection == 0) {
    at(clock.now(), [reply, to] {
      reply(Error{Code::unavailable, "node '" + to + "' is not connected"});
    });
    return;
  }
  at(clock.now() + timeout, [reply, to] {
    reply(Error{Code::unavailable, "node '" + to + "': no answer in time"});
  });
  const auto lost = [reply, to] {
    reply(Error{Code::unavailable, "node '" + to + "': connection lost"});
  };
  carry(
      key, connection, clock.now() + some_delay(pair.faults),
      [this, key, connection, caller = from.self(), to, request = std::move(request), reply, lost] {
        if (pairs[key].connection != connection) return lost();
        const LinkHandlers& handlers = hubs.at(to)->handlers();
        if (!handlers.on_call) {
          return reply(Error{Code::unsupported, "this node takes no requests"});
        }
        note("call " + caller.name + ">" + to);
        auto self = shared_from_this();
        handlers.on_call(
            caller, request, [self, key, connection, reply, lost](Result<Message> result) {
              Pair& back = self->pairs[key];
              self->carry(key, connection, self->clock.now() + self->some_delay(back.faults),
                          [self, key, connection, reply, lost, result = std::move(result)] {
                            if (self->pairs[key].connection != connection) return lost();
                            reply(result);
                          });
            });
      });
}

// --- The network ---------------------------------------------------------------------------------

MemoryNetwork::MemoryNetwork(std::uint64_t seed, ManualClock& clock)
    : core_(std::make_shared<Core>(seed, clock)) {}
// Events hold the core by way of answers that are still open.
MemoryNetwork::~MemoryNetwork() {
  core_->events.clear();
}

Result<std::unique_ptr<LinkHub>> MemoryNetwork::make_hub(LinkOptions options,
                                                         LinkHandlers handlers) {
  for (const auto& [name, hub] : core_->hubs) {
    if (name != options.self.name && hub->listen_address() != options.listen_address) continue;
    return Error{Code::unavailable,
                 "node '" + name + "' is at '" + hub->listen_address() + "' already"};
  }
  const std::string name = options.self.name;
  auto hub = std::make_unique<MemoryHub>(core_, std::move(options), std::move(handlers));
  core_->hubs[name] = hub.get();
  return std::unique_ptr<LinkHub>(std::move(hub));
}

void MemoryNetwork::set_faults(const std::string& a, const std::string& b, MemoryFaults faults) {
  OMMA_CHECK(faults.delay_min <= faults.delay_max, faults.delay_min.count(),
             faults.delay_max.count());
  core_->pairs[pair_of(a, b)].faults = faults;
}

void MemoryNetwork::partition(const std::string& a, const std::string& b) {
  const PairKey key = pair_of(a, b);
  Pair& pair = core_->pairs[key];
  if (pair.partitioned) return;
  pair.partitioned = true;
  const std::uint64_t number = ++pair.partitions;
  core_->at(core_->clock.now() + limits::suspect_after, [core = core_.get(), key, number] {
    const Pair& now = core->pairs[key];
    if (now.partitioned && now.partitions == number) core->lose(key, "silent");
  });
}

void MemoryNetwork::heal(const std::string& a, const std::string& b) {
  const PairKey key = pair_of(a, b);
  Pair& pair = core_->pairs[key];
  pair.partitioned = false;
  const Instant now = core_->clock.now();
  for (auto& arrival : std::exchange(pair.stalled, {})) core_->at(now, std::move(arrival));
}

void MemoryNetwork::break_connection(const std::string& a, const std::string& b) {
  core_->lose(pair_of(a, b), "connection reset");
}

std::optional<Instant> MemoryNetwork::next_event() const {
  if (core_->events.empty()) return std::nullopt;
  return core_->events.begin()->first.first;
}

bool MemoryNetwork::step() {
  auto next = core_->events.begin();
  if (next == core_->events.end() || next->first.first > core_->clock.now()) return false;
  auto event = std::move(next->second);
  core_->events.erase(next);
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
