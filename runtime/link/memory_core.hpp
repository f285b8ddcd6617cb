// What MemoryNetwork is made of: places that hubs come to and leave, pairs of them with their
// connection, and one heap of events. Single-threaded, as MemoryNetwork says.
#pragma once

#include "runtime/base/event_queue.hpp"
#include "runtime/base/random.hpp"
#include "runtime/link/memory_network.hpp"

#include <array>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace omma {
namespace memory {

using Event = EventQueue::Event;
using NodeIndex = std::uint32_t;

// Two nodes, the one with the smaller name first.
struct PairKey {
  NodeIndex low = 0;
  NodeIndex high = 0;
  std::uint64_t number() const { return (std::uint64_t{low} << 32) | high; }
  NodeIndex other(NodeIndex node) const { return node == low ? high : low; }
  std::size_t direction_from(NodeIndex node) const { return node == low ? 0 : 1; }
};

struct OneWay {
  Instant last_arrival{};
  std::size_t waiting_bytes = 0;
};

struct Pair {
  MemoryFaults faults;
  std::array<bool, 2> blocked{};  // [direction]
  std::uint64_t heals = 0;
  bool met = false;  // It has been up at some time.
  bool dialling = false;
  std::uint64_t connection = 0;               // Number of the present one; 0: none.
  std::array<std::array<OneWay, 2>, 2> ways;  // [direction][lane]
  std::vector<Event> stalled;                 // Arrivals that a partition holds up, in order.
};

// A call that has no answer yet.
struct OpenCall {
  NodeIndex caller = 0;
  PairKey key;
  std::uint64_t connection = 0;
  Answer answer;  // Null once given.
};

class MemoryHub;

// A node's name, and the hub that bears it now.
struct Place {
  std::string name;
  MemoryHub* hub = nullptr;
  std::uint64_t lives = 0;  // How many hubs bore it so far.
  bool paused = false;
  std::uint64_t pauses = 0;
  std::vector<Event> parked;  // What happens to it while it stands still.
  std::vector<NodeIndex> neighbours;
};

}  // namespace memory

struct MemoryNetwork::Core : std::enable_shared_from_this<MemoryNetwork::Core> {
  Core(std::uint64_t seed, ManualClock& the_clock) : random(seed), clock(the_clock) {}

  void at(Instant when, memory::Event event) { events.at(when, std::move(event)); }
  void note(std::uint64_t kind, std::uint64_t a, std::uint64_t b, std::uint64_t c = 0);
  Duration some_delay(const MemoryFaults& faults);
  memory::NodeIndex index_of(const std::string& name);
  memory::PairKey key_of(memory::NodeIndex a, memory::NodeIndex b) const;
  memory::Pair& pair_of(const memory::PairKey& key) { return pairs[key.number()]; }
  memory::Pair& pair_between(const std::string& a, const std::string& b);

  void dial_later(const memory::PairKey& key, Duration delay);
  void dial(const memory::PairKey& key);
  bool wanted(const memory::PairKey& key) const;
  void lose(const memory::PairKey& key, const std::string& why);
  void lose_soon(const memory::PairKey& key, std::uint64_t connection);
  void lose_if_silent_later(const memory::PairKey& key, const std::function<bool()>& still);
  void remove(memory::MemoryHub& hub);

  void tell(memory::NodeIndex node, memory::Event event);
  void carry(const memory::PairKey& key, std::size_t direction, std::uint64_t connection,
             Instant when, memory::Event arrive);
  void send(memory::MemoryHub& from, const std::string& to, Packet packet);
  void schedule(const memory::PairKey& key, std::size_t direction, Packet packet, bool in_order);
  void arrive(const memory::PairKey& key, std::size_t direction, std::uint64_t connection,
              const Packet& packet);

  void call(memory::MemoryHub& from, const std::string& to, Message request, Duration timeout,
            Answer answer);
  void take_call(const std::shared_ptr<memory::OpenCall>& call, const Message& request);
  void finish(const std::shared_ptr<memory::OpenCall>& call, const Result<Message>& result);

  SeededRandom random;
  ManualClock& clock;
  EventQueue events;
  std::uint64_t connections_made = 0;
  std::uint64_t digest = 0xcbf29ce484222325u;
  std::unordered_map<std::string, memory::NodeIndex> indices;
  std::deque<memory::Place> places;
  std::unordered_map<std::uint64_t, memory::Pair> pairs;
};

namespace memory {

class MemoryHub final : public LinkHub {
 public:
  MemoryHub(std::shared_ptr<MemoryNetwork::Core> core, LinkOptions options, LinkHandlers handlers)
      : core_(std::move(core)),
        index_(core_->index_of(options.self.name)),
        options_(std::move(options)),
        handlers_(std::move(handlers)) {}
  ~MemoryHub() override {
    if (!crashed_) core_->remove(*this);
    for (const auto& call : std::exchange(calls_, {})) {
      const Answer answer = std::exchange(call->answer, nullptr);
      if (answer) answer(Error{Code::unavailable, "this node's links are closed"});
    }
  }

  std::string listen_address() const override { return options_.listen_address; }
  void set_peer(const std::string& name, const std::string& address) override {
    if (crashed_ || name == options_.self.name) return;
    const NodeIndex peer = core_->index_of(name);
    addresses_[peer] = address;
    core_->dial_later(core_->key_of(index_, peer), {});
  }
  void remove_peer(const std::string& name) override {
    const NodeIndex peer = core_->index_of(name);
    addresses_.erase(peer);
    if (!crashed_) core_->lose(core_->key_of(index_, peer), "removed");
  }
  void post(const std::string& peer, Packet packet) override {
    if (!crashed_) core_->send(*this, peer, std::move(packet));
  }
  void call(const std::string& peer, Message request, Duration timeout, Answer answer) override {
    if (!crashed_) core_->call(*this, peer, std::move(request), timeout, std::move(answer));
  }
  LinkCounters counters() const override { return counters_; }

  NodeIndex index() const { return index_; }
  const NodeId& self() const { return options_.self; }
  const LinkHandlers& handlers() const { return handlers_; }
  LinkCounters& count() { return counters_; }
  std::vector<std::shared_ptr<OpenCall>>& calls() { return calls_; }
  const std::string* address_of(NodeIndex peer) const {
    const auto found = addresses_.find(peer);
    return found == addresses_.end() ? nullptr : &found->second;
  }
  void crash() {
    crashed_ = true;
    for (const auto& call : std::exchange(calls_, {})) call->answer = nullptr;
    core_->remove(*this);
  }

 private:
  std::shared_ptr<MemoryNetwork::Core> core_;
  const NodeIndex index_;
  LinkOptions options_;
  LinkHandlers handlers_;
  std::unordered_map<NodeIndex, std::string> addresses_;
  std::vector<std::shared_ptr<OpenCall>> calls_;
  LinkCounters counters_;
  bool crashed_ = false;
};

}  // namespace memory
}  // namespace omma
