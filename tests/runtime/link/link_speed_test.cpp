// What a link does a second, and how long a packet waits. The first case runs always, with bounds
// that only a broken link misses; the others are for measuring and run when named:
//   runtime_link_link_speed_test "[measure]"
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/runtime/link/test_node.hpp"

using namespace omma;
using namespace omma::test;

namespace {

using Steady = std::chrono::steady_clock;

double microseconds_since(Steady::time_point begin) {
  return std::chrono::duration<double, std::micro>(Steady::now() - begin).count();
}

// Two nodes that echo: what "beta" gets on the control lane it sends back; bulk it counts.
struct EchoCouple {
  EchoCouple(const std::string& a, const std::string& b)
      : beta(node_id("beta"), b, {}, {},
             [this](const NodeId&, std::vector<Packet> packets) {
               for (Packet& packet : packets) {
                 if (lane_of(packet) == Lane::bulk) {
                   ++frames;
                   continue;
                 }
                 ++pings;
                 if (echoes) beta.hub().post("alpha", std::move(packet));
               }
             }),
        alpha(node_id("alpha"), a, {}, {}, [this](const NodeId&, std::vector<Packet> packets) {
          std::lock_guard lock(mutex);
          answered += packets.size();
          changed.notify_all();
        }) {
    alpha.hub().set_peer("beta", beta.address());
    REQUIRE(alpha.wait_for_ups(1));
    REQUIRE(beta.wait_for_ups(1));
  }

  double ping() {
    const auto begin = Steady::now();
    std::unique_lock lock(mutex);
    const std::uint64_t wanted = ++asked;
    lock.unlock();
    alpha.hub().post("beta", envelope_of(wanted, Channel::control, message_of("ping")));
    lock.lock();
    REQUIRE(changed.wait_for(lock, 20s, [&] { return answered >= wanted; }));
    return microseconds_since(begin);
  }

  std::atomic<std::uint64_t> frames{0};
  std::atomic<std::uint64_t> pings{0};
  std::atomic<bool> echoes{true};
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t asked = 0;
  std::uint64_t answered = 0;
  TestNode beta;
  TestNode alpha;
};

struct Spread {
  double p50;
  double p99;
};

Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values[values.size() / 2], values[values.size() * 99 / 100]};
}

Spread ping_often(EchoCouple& couple, int count) {
  std::vector<double> times;
  for (int i = 0; i < count; ++i) times.push_back(couple.ping());
  return spread_of(std::move(times));
}

// Keeps two frames waiting until told to stop.
void stream_frames(EchoCouple& couple, const Blob& frame, std::atomic<bool>& stop) {
  std::uint64_t sent = 0;
  while (!stop) {
    if (sent > couple.frames + 2) {
      ::usleep(100);
      continue;
    }
    couple.alpha.hub().post("beta",
                            envelope_of(++sent, Channel::stream, message_of("frame", {frame})));
  }
}

}  // namespace

TEST_CASE("a ping does not wait behind pictures of 6.2 MB") {
  EchoCouple couple("127.0.0.1:0", "127.0.0.1:0");
  const Blob frame = blob_of(1920 * 1080 * 3, 1);
  std::atomic<bool> stop{false};
  std::thread streamer([&] { stream_frames(couple, frame, stop); });
  const auto begin = Steady::now();
  const Spread spread = ping_often(couple, 300);
  const double seconds = microseconds_since(begin) / 1e6;
  stop = true;
  streamer.join();
  WARN("ping beside 6.2 MB frames: p50 "
       << spread.p50 / 1000 << " ms, p99 " << spread.p99 / 1000 << " ms; frames "
       << static_cast<double>(couple.frames) * 6.2208e-3 / seconds << " GB/s");
  CHECK(couple.frames > 10);
  CHECK(spread.p50 < 100'000);
}

TEST_CASE("round trip of small packets", "[.][measure]") {
  SocketFolder folder;
  for (const auto& [a, b] : {std::pair{folder.address("a"), folder.address("b")},
                             std::pair<std::string, std::string>{"127.0.0.1:0", "127.0.0.1:0"}}) {
    EchoCouple couple(a, b);
    ping_often(couple, 500);
    const Spread spread = ping_often(couple, 5000);
    WARN(a.substr(0, 4) << ": p50 " << spread.p50 << " us, p99 " << spread.p99 << " us");
  }
}

TEST_CASE("one way throughput", "[.][measure]") {
  SocketFolder folder;
  for (const auto& [a, b] : {std::pair{folder.address("a"), folder.address("b")},
                             std::pair<std::string, std::string>{"127.0.0.1:0", "127.0.0.1:0"}}) {
    for (const std::size_t size : {std::size_t{1'000'000}, std::size_t{6'220'800}}) {
      EchoCouple couple(a, b);
      const Blob payload = blob_of(size, 1);
      const std::uint64_t count = 4'000'000'000 / size;
      const auto begin = Steady::now();
      for (std::uint64_t i = 1; i <= count; ++i) {
        while (i > couple.frames + 30'000'000 / size) ::usleep(50);
        couple.alpha.hub().post("beta",
                                envelope_of(i, Channel::stream, message_of("m", {payload})));
      }
      REQUIRE(eventually([&] { return couple.frames == count; }));
      WARN(a.substr(0, 4) << " " << size << " bytes: "
                          << 4e9 / (microseconds_since(begin) * 1e-6) / 1e9 << " GB/s");
    }
  }
}

TEST_CASE("small packets a second", "[.][measure]") {
  SocketFolder folder;
  for (const auto& [a, b] : {std::pair{folder.address("a"), folder.address("b")},
                             std::pair<std::string, std::string>{"127.0.0.1:0", "127.0.0.1:0"}}) {
    EchoCouple couple(a, b);
    couple.echoes = false;
    constexpr std::uint64_t count = 1'000'000;
    const Message message = message_of("m");
    const auto begin = Steady::now();
    for (std::uint64_t i = 1; i <= count; ++i) {
      while (i > couple.pings + 20'000) std::this_thread::yield();
      couple.alpha.hub().post("beta", envelope_of(i, Channel::control, message));
    }
    REQUIRE(eventually([&] { return couple.pings == count; }));
    const auto counters = couple.alpha.hub().counters();
    WARN(a.substr(0, 4) << ": " << count / (microseconds_since(begin) * 1e-6) << " packets/s, "
                        << count / counters.batches_sent << " a call");
  }
}
