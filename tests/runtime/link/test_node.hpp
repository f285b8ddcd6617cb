// A node for link tests: a hub whose handlers write down what happens, and waiting for it with a
// time limit instead of sleeping.
#pragma once

#include <catch2/catch.hpp>

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/link/link.hpp"
#include "schemas/frame.capnp.h"

namespace omma::test {

using namespace std::chrono_literals;

inline Message message_of(std::string_view text, std::vector<Blob> payloads = {}) {
  return Message::build<FrameTag>(
      [&](FrameTag::Builder out) { out.setCamera(std::string(text).c_str()); },
      std::move(payloads));
}
inline std::string text_of(const Message& message) {
  return message.as<FrameTag>().getCamera().cStr();
}

// `size` bytes that can be told from those of another seed.
inline Blob blob_of(std::size_t size, std::uint64_t seed) {
  static BufferPool pool(std::size_t{256} << 20);
  auto buffer = pool.take(size);
  std::memset(buffer->data(), static_cast<int>(seed % 251), size);
  return std::move(*buffer).share();
}

inline Envelope envelope_of(std::uint64_t sequence, Channel channel, Message message = {}) {
  return Envelope{.stream = {{1, 2}, {3, 4}, channel},
                  .lives = {5, 6},
                  .target_epoch = 7,
                  .sequence = sequence,
                  .credit_bytes = message.size_bytes(),
                  .message = std::move(message)};
}

inline std::uint64_t sequence_of(const Packet& packet) {
  return std::get<Envelope>(packet).sequence;
}

inline NodeId node_id(const std::string& name, std::uint64_t incarnation = 1,
                      std::uint64_t epoch = 1) {
  return {name, {incarnation, incarnation * 77}, epoch};
}

// A folder of its own for the sockets of one test case.
class SocketFolder {
 public:
  SocketFolder() {
    char name[] = "/tmp/omma-link-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~SocketFolder() { std::filesystem::remove_all(path_); }
  std::string path(const std::string& name) const { return path_ + "/" + name; }
  std::string address(const std::string& name) const { return "unix:" + path(name); }

 private:
  std::string path_;
};

class TestNode {
 public:
  struct Seen {
    std::vector<Packet> packets;
    std::vector<NodeId> ups;
    std::vector<std::string> downs;
  };
  using OnCall = std::function<void(const std::optional<NodeId>&, Message, Answer)>;
  using OnPackets = std::function<void(const NodeId&, std::vector<Packet>)>;

  TestNode(NodeId self, const std::string& address, OnCall on_call = {},
           std::optional<TlsFiles> tls = {}, OnPackets on_packets = {}) {
    LinkHandlers handlers;
    handlers.on_packets = [this, on_packets](const NodeId& from, std::vector<Packet> packets) {
      if (on_packets) return on_packets(from, std::move(packets));
      note([&](Seen& seen) {
        for (Packet& packet : packets) seen.packets.push_back(std::move(packet));
      });
    };
    handlers.on_peer_up = [this](const NodeId& peer) {
      note([&](Seen& seen) { seen.ups.push_back(peer); });
    };
    handlers.on_peer_down = [this](const std::string&, const std::string& why) {
      note([&](Seen& seen) { seen.downs.push_back(why); });
    };
    handlers.on_call = std::move(on_call);
    auto opened = open_link_hub({self, address, std::move(tls)}, std::move(handlers),
                                std::make_shared<BufferPool>(std::size_t{64} << 20), clock_);
    if (!opened) FAIL(opened.error().describe());
    hub_ = std::move(*opened);
  }

  LinkHub& hub() { return *hub_; }
  std::string address() const { return hub_->listen_address(); }
  void close() { hub_.reset(); }

  // True as soon as it holds, false when it has not within the limit.
  bool wait_until(const std::function<bool(const Seen&)>& holds, Duration limit = 20s) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [&] { return holds(seen_); });
  }
  bool wait_for_ups(std::size_t count) {
    return wait_until([=](const Seen& seen) { return seen.ups.size() >= count; });
  }
  bool wait_for_packets(std::size_t count) {
    return wait_until([=](const Seen& seen) { return seen.packets.size() >= count; });
  }
  Seen seen() {
    std::lock_guard lock(mutex_);
    return seen_;
  }
  Result<Message> call(const std::string& peer, Message request, Duration timeout = 10s) {
    std::promise<Result<Message>> answered;
    auto answer = answered.get_future();
    hub_->call(peer, std::move(request), timeout,
               [&](Result<Message> result) { answered.set_value(std::move(result)); });
    return answer.get();
  }

 private:
  void note(const std::function<void(Seen&)>& change) {
    std::lock_guard lock(mutex_);
    change(seen_);
    changed_.notify_all();
  }

  SystemClock clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Seen seen_;
  std::unique_ptr<LinkHub> hub_;  // Last: its thread uses the rest.
};

// Polls what no handler tells, in a bounded loop.
inline bool eventually(const std::function<bool()>& holds, Duration limit = 20s) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
    ::usleep(1000);
  }
  return true;
}

// "alpha" dials "beta"; both are up when it returns.
struct Couple {
  explicit Couple(const std::string& address_a, const std::string& address_b,
                  TestNode::OnCall on_call = {})
      : alpha(node_id("alpha"), address_a, on_call), beta(node_id("beta"), address_b, on_call) {
    alpha.hub().set_peer("beta", beta.address());
    beta.hub().set_peer("alpha", alpha.address());
    REQUIRE(alpha.wait_for_ups(1));
    REQUIRE(beta.wait_for_ups(1));
  }
  TestNode alpha;
  TestNode beta;
};

}  // namespace omma::test
