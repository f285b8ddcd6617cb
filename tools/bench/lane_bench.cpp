// Payloads between two processes of one machine, from link to link: lent in shared memory, and sent
// through the same kind of socket. Beside them, what copying them costs within one process.
//
// "Handed over" sends one buffer again and again. "Written and read" is what a picture's way costs
// in the end: each time the near process copies a picture into a fresh buffer, and the far one adds
// up all that it gets.
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/base/check.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/link/link.hpp"
#include "runtime/link/shared_arena.hpp"
#include "tools/bench/figures.hpp"
#include "tools/bench/peer_process.hpp"
#include "tools/bench/rows.hpp"

namespace omma::bench {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t pictures = 8;  // That the copies go round, so that no cache holds them all.
constexpr std::uint64_t open_max = 6;
constexpr std::uint64_t read_it = 1;  // As an envelope's correlation.

double gb_per_second(std::size_t bytes, std::uint64_t count, Steady::time_point began) {
  const std::chrono::duration<double> took = Steady::now() - began;
  return static_cast<double>(bytes) * static_cast<double>(count) / took.count() / 1e9;
}

std::uint64_t sum_of(std::span<const std::byte> bytes) {
  std::uint64_t sum = 0;
  std::uint64_t word = 0;
  for (std::size_t at = 0; at + sizeof word <= bytes.size(); at += sizeof word) {
    std::memcpy(&word, bytes.data() + at, sizeof word);
    sum += word;
  }
  return sum;
}

std::vector<std::vector<std::byte>> some_pictures(std::size_t bytes) {
  std::vector<std::vector<std::byte>> all;
  for (std::size_t i = 0; i < pictures; ++i) all.emplace_back(bytes, std::byte(i + 1));
  return all;
}

double copying(std::size_t bytes, std::uint64_t count) {
  const auto from = some_pictures(bytes);
  auto to = some_pictures(bytes);
  const auto began = Steady::now();
  for (std::uint64_t i = 0; i < count; ++i) {
    std::memcpy(to[i % pictures].data(), from[i % pictures].data(), bytes);
  }
  const double figure = gb_per_second(bytes, count, began);
  OMMA_CHECK(to[0] == from[0], "copied");
  return figure;
}

class SocketFolder {
 public:
  SocketFolder() {
    char name[] = "/tmp/omma-bench-XXXXXX";
    OMMA_CHECK(::mkdtemp(name) != nullptr, errno);
    path_ = name;
  }
  ~SocketFolder() { std::filesystem::remove_all(path_); }
  std::string address() const { return "unix:" + path_ + "/near"; }

 private:
  std::string path_;
};

// The near end of a link and the process at its far end.
class Way {
 public:
  Way(bool lends, std::size_t bytes) : bytes_(bytes) {
    if (lends) {
      auto arena = SharedArena::create(limits::arena_bytes);
      OMMA_CHECK(arena.ok(), arena.error().describe());
      arena_ = *std::move(arena);
    }
    pool_ = std::make_shared<BufferPool>(limits::idle_buffer_bytes_max, arena_);
    LinkOptions options{{"near", {1, 1}, 1}, folder_.address(), {}};
    options.arena = arena_;
    LinkHandlers handlers;
    handlers.on_peer_up = [this](const NodeId&) {
      up_ = true;
      up_.notify_one();
    };
    handlers.on_peer_down = [](const std::string&, const std::string&) {};
    handlers.on_packets = [this](const NodeId&, std::vector<Packet> packets) {
      for (const Packet& packet : packets) taken_ = std::get<Ack>(packet).next;
      taken_.notify_one();
    };
    auto hub = open_link_hub(std::move(options), std::move(handlers), pool_, clock_);
    OMMA_CHECK(hub.ok(), hub.error().describe());
    hub_ = *std::move(hub);
    far_ = std::make_unique<PeerProcess>(
        std::vector<std::string>{"far", "shared", hub_->listen_address()});
    far_->wait_until_ready();
    up_.wait(false);
    run(open_max, false);
    run(pictures * 4, true);
  }

  double handed_over(std::uint64_t count) { return run(count, false); }
  double written_and_read(std::uint64_t count) { return run(count, true); }
  LinkCounters counters() const { return hub_->counters(); }

 private:
  double run(std::uint64_t count, bool writes) {
    const auto from = some_pictures(bytes_);
    Blob one = picture(from[0]);
    const auto began = Steady::now();
    for (std::uint64_t i = 0; i < count; ++i) {
      wait_until_taken(sent_ < open_max ? 0 : sent_ + 1 - open_max);
      if (writes) one = picture(from[i % pictures]);
      hub_->post("far", Envelope{.stream = {{1, 2}, {3, 4}, Channel::stream},
                                 .sequence = ++sent_,
                                 .correlation = writes ? read_it : 0,
                                 .message = message_with(one)});
    }
    wait_until_taken(sent_);
    return gb_per_second(bytes_, count, began);
  }
  // Asleep, since there may be only two cores for four threads.
  void wait_until_taken(std::uint64_t number) const {
    for (std::uint64_t taken = taken_; taken < number; taken = taken_) taken_.wait(taken);
  }
  Blob picture(const std::vector<std::byte>& from) {
    auto buffer = pool_->take(bytes_);
    OMMA_CHECK(buffer.ok(), buffer.error().describe());
    std::memcpy(buffer->data(), from.data(), bytes_);
    return std::move(*buffer).share();
  }
  static Message message_with(const Blob& payload);

  const std::size_t bytes_;
  SystemClock clock_;
  SocketFolder folder_;
  std::shared_ptr<SharedArena> arena_;
  std::shared_ptr<BufferPool> pool_;
  std::atomic<bool> up_{false};
  std::atomic<std::uint64_t> taken_{0};
  std::uint64_t sent_ = 0;
  std::unique_ptr<LinkHub> hub_;
  std::unique_ptr<PeerProcess> far_;
};

// The smallest struct there is: one word that is a null root.
Message Way::message_with(const Blob& payload) {
  static const std::array<std::uint64_t, 2> words{std::uint64_t{1} << 32, 0};
  auto message = Message::from_small_wire(1, std::as_bytes(std::span(words)), {payload});
  OMMA_CHECK(message.ok(), message.error().describe());
  return *std::move(message);
}

}  // namespace

void measure_memcpy(std::size_t bytes, std::uint64_t count) {
  copying(bytes, pictures);
  print({{"bytes", bytes}, {"count", count}, {"gb_per_second", copying(bytes, count)}});
}

void measure_shared(std::size_t bytes, std::uint64_t count) {
  const double before = copying(bytes, count);
  Figures figures{{"bytes", bytes}, {"count", count}};
  {
    Way lane(true, bytes);
    figures["gb_per_second"] = lane.handed_over(count);
    figures["written_and_read_gb_per_second"] = lane.written_and_read(count);
    const LinkCounters counters = lane.counters();
    figures["payloads_lent"] = counters.payloads_lent;
    figures["payloads_lent_by_copy"] = counters.payloads_lent_by_copy;
    figures["loans_refused"] = counters.loans_refused;
  }
  {
    Way socket(false, bytes);
    figures["socket_gb_per_second"] = socket.handed_over(count);
    figures["socket_written_and_read_gb_per_second"] = socket.written_and_read(count);
  }
  figures["memcpy_gb_per_second"] = (before + copying(bytes, count)) / 2;
  print(figures);
}

void be_far_shared(const std::string& near_address) {
  SystemClock clock;
  SocketFolder folder;
  std::atomic<LinkHub*> hub{nullptr};
  std::atomic<bool> up{false};
  std::uint64_t sum = 0;
  LinkHandlers handlers;
  handlers.on_peer_up = [&up](const NodeId&) { up = true; };
  handlers.on_peer_down = [](const std::string&, const std::string&) {};
  handlers.on_packets = [&](const NodeId& from, std::vector<Packet> packets) {
    std::uint64_t last = 0;
    for (Packet& packet : packets) {
      auto& envelope = std::get<Envelope>(packet);
      if (envelope.correlation == read_it) sum += sum_of(envelope.message.payloads()[0].bytes());
      last = envelope.sequence;
    }
    packets.clear();
    // The sum is said, so that nobody leaves it out.
    hub.load()->post(from.name, Ack{.next = last, .received = sum});
  };
  auto opened = open_link_hub({{"far", {2, 2}, 1}, folder.address(), {}}, std::move(handlers),
                              std::make_shared<BufferPool>(limits::idle_buffer_bytes_max), clock);
  OMMA_CHECK(opened.ok(), opened.error().describe());
  hub = opened->get();
  (*opened)->set_peer("near", near_address);
  while (!up) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  say_ready("far");
  sleep_for_ever();
}

}  // namespace omma::bench
