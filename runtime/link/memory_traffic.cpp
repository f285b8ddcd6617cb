// Packets and calls of a MemoryNetwork.
#include <algorithm>
#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/link/memory_core.hpp"

namespace omma {

using memory::Event;
using memory::MemoryHub;
using memory::NodeIndex;
using memory::OneWay;
using memory::OpenCall;
using memory::Pair;
using memory::PairKey;

namespace {

std::size_t bytes_of(const Packet& packet) {
  const auto* envelope = std::get_if<Envelope>(&packet);
  return envelope != nullptr ? envelope->message.size_bytes() : 0;
}

}  // namespace

// --- Packets -------------------------------------------------------------------------------------

// Runs `arrive` at its time, or when a partition ends; after a loss too, which it must check.
void MemoryNetwork::Core::carry(const PairKey& key, std::size_t direction, std::uint64_t connection,
                                Instant when, Event arrive) {
  at(when, [this, key, direction, connection, arrive = std::move(arrive)]() mutable {
    Pair& pair = pair_of(key);
    if (pair.blocked[direction] && pair.connection == connection) {
      pair.stalled.push_back(std::move(arrive));
    } else {
      tell(direction == 0 ? key.high : key.low, std::move(arrive));
    }
  });
}

void MemoryNetwork::Core::send(MemoryHub& from, const std::string& to, Packet packet) {
  const PairKey key = key_of(from.index(), index_of(to));
  const std::size_t direction = key.direction_from(from.index());
  Pair& pair = pair_of(key);
  if (pair.connection == 0) {
    ++from.count().dropped_peer_away;
    return;
  }
  const OneWay& way = pair.ways[direction][static_cast<std::size_t>(lane_of(packet))];
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
    return lose_soon(key, pair.connection);
  }
  const bool in_order = !random.chance(pair.faults.reordering);
  if (random.chance(pair.faults.loss)) {
    ++from.count().dropped_connection;
    return;
  }
  if (random.chance(pair.faults.duplication)) schedule(key, direction, packet, in_order);
  schedule(key, direction, std::move(packet), in_order);
}

void MemoryNetwork::Core::schedule(const PairKey& key, std::size_t direction, Packet packet,
                                   bool in_order) {
  Pair& pair = pair_of(key);
  OneWay& way = pair.ways[direction][static_cast<std::size_t>(lane_of(packet))];
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
  carry(key, direction, pair.connection, arrival,
        [this, key, direction, connection = pair.connection, packet = std::move(packet)] {
          arrive(key, direction, connection, packet);
        });
}

void MemoryNetwork::Core::arrive(const PairKey& key, std::size_t direction,
                                 std::uint64_t connection, const Packet& packet) {
  MemoryHub* sender = places[direction == 0 ? key.low : key.high].hub;
  Pair& pair = pair_of(key);
  if (pair.connection != connection) {
    if (sender != nullptr) ++sender->count().dropped_connection;
    return;
  }
  const Lane lane = lane_of(packet);
  const std::size_t bytes = bytes_of(packet);
  pair.ways[direction][static_cast<std::size_t>(lane)].waiting_bytes -= bytes;
  MemoryHub& receiver = *places[direction == 0 ? key.high : key.low].hub;
  ++receiver.count().packets_received;
  receiver.count().bytes_received += bytes;
  note(3 + static_cast<std::uint64_t>(lane), sender->index(), receiver.index(), packet.index());
  receiver.handlers().on_packets(sender->self(), {packet});
}

// --- Calls ---------------------------------------------------------------------------------------

void MemoryNetwork::Core::call(MemoryHub& from, const std::string& to, Message request,
                               Duration timeout, Answer answer) {
  const PairKey key = key_of(from.index(), index_of(to));
  const Pair& pair = pair_of(key);
  auto call =
      std::make_shared<OpenCall>(OpenCall{from.index(), key, pair.connection, std::move(answer)});
  from.calls().push_back(call);
  if (pair.connection == 0) {
    at(clock.now(), [this, call, to] {
      finish(call, Error{Code::unavailable, "node '" + to + "' is not connected"});
    });
    return;
  }
  at(clock.now() + timeout, [this, call, to] {
    finish(call, Error{Code::unavailable, "node '" + to + "': no answer in time"});
  });
  if (random.chance(pair.faults.break_chance)) lose_soon(key, pair.connection);
  carry(key, key.direction_from(from.index()), pair.connection,
        clock.now() + some_delay(pair.faults),
        [this, call, request = std::move(request)] { take_call(call, request); });
}

void MemoryNetwork::Core::take_call(const std::shared_ptr<OpenCall>& call, const Message& request) {
  if (pair_of(call->key).connection != call->connection) return;
  const NodeIndex callee = call->key.other(call->caller);
  const LinkHandlers& handlers = places[callee].hub->handlers();
  if (!handlers.on_call) {
    return finish(call, Error{Code::unsupported, "this node takes no requests"});
  }
  note(5, call->caller, callee, request.type_id());
  handlers.on_call(places[call->caller].hub->self(), request,
                   [self = shared_from_this(), call, callee](const Result<Message>& result) {
                     Pair& pair = self->pair_of(call->key);
                     if (pair.connection != call->connection) return;
                     if (self->random.chance(pair.faults.break_chance)) {
                       self->lose_soon(call->key, call->connection);
                     }
                     self->carry(call->key, call->key.direction_from(callee), call->connection,
                                 self->clock.now() + self->some_delay(pair.faults),
                                 [core = self.get(), call, result] {
                                   if (core->pair_of(call->key).connection == call->connection) {
                                     core->finish(call, result);
                                   }
                                 });
                   });
}

// Answers once: by the reply, or as unavailable when that does not come.
void MemoryNetwork::Core::finish(const std::shared_ptr<OpenCall>& call,
                                 const Result<Message>& result) {
  tell(call->caller, [this, call, result] {
    MemoryHub* hub = places[call->caller].hub;
    if (hub == nullptr) return;
    std::erase(hub->calls(), call);
    if (const Answer answer = std::exchange(call->answer, nullptr)) answer(result);
  });
}

}  // namespace omma
