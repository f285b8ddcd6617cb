#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <poll.h>

#include <catch2/catch.hpp>
#include <deque>
#include <fstream>

#include "runtime/base/limits.hpp"
#include "runtime/base/random.hpp"
#include "runtime/protocol/inbox.hpp"
#include "runtime/protocol/outbox.hpp"
#include "schemas/link.capnp.h"
#include "tests/runtime/link/link_proxy.hpp"
#include "tests/runtime/link/test_node.hpp"

using namespace omma;
using namespace omma::test;

namespace {

const StreamId stream_id{{1, 2}, {3, 4}, Channel::stream};

// The sending end of a stream over a hub: a real Outbox under a lock.
class Sender {
 public:
  Sender(LinkHub& hub, std::string peer)
      : hub_(hub),
        peer_(std::move(peer)),
        outbox_(stream_id, 1, OutboxLimits::of(stream_id.channel)) {}

  // False while back-pressure holds.
  bool offer(std::uint64_t value, std::size_t payload_bytes) {
    std::lock_guard lock(mutex_);
    if (outbox_.blocked()) return false;
    auto effects = outbox_.offer(
        {message_of(std::to_string(value), {blob_of(payload_bytes, value)})}, clock_.now(), 0);
    REQUIRE(effects.ok());
    carry_out(*effects);
    return true;
  }
  void on_ack(const Ack& ack) {
    std::lock_guard lock(mutex_);
    carry_out(outbox_.on_ack(ack, clock_.now()));
  }
  void on_peer_up() {
    std::lock_guard lock(mutex_);
    carry_out(outbox_.on_route_changed(1, clock_.now()));
  }
  void on_time() {
    std::lock_guard lock(mutex_);
    carry_out(outbox_.on_time(clock_.now(), 0));
  }
  bool quiet() {
    std::lock_guard lock(mutex_);
    return outbox_.quiet();
  }
  Outbox::Counters counters() {
    std::lock_guard lock(mutex_);
    return outbox_.counters();
  }

 private:
  void carry_out(Outbox::Effects effects) {
    for (Envelope& envelope : effects.transmit) hub_.post(peer_, std::move(envelope));
    if (effects.probe) hub_.post(peer_, *effects.probe);
  }
  LinkHub& hub_;
  std::string peer_;
  SystemClock clock_;
  std::mutex mutex_;
  Outbox outbox_;
};

// The receiving end: an Inbox, used on its hub's thread only.
struct Receiver {
  void take(LinkHub& hub, const std::string& peer, std::vector<Packet> packets) {
    for (Packet& packet : packets) {
      if (const auto* probe = std::get_if<Probe>(&packet)) {
        hub.post(peer, inbox.on_probe(*probe, 1));
        continue;
      }
      auto effects = inbox.on_envelope(std::move(std::get<Envelope>(packet)));
      for (Envelope& envelope : effects.deliver) {
        inbox.on_processed(envelope);
        in_order = in_order && text_of(envelope.message) == std::to_string(++last);
      }
      if (!effects.deliver.empty() || effects.acknowledge) hub.post(peer, inbox.ack(1));
    }
  }
  Inbox inbox{stream_id, 1, limits::stream_window_bytes};
  std::atomic<std::uint64_t> last{0};
  std::atomic<bool> in_order{true};
};

std::unique_ptr<LinkHub> open(NodeId self, const std::string& address, LinkHandlers handlers,
                              const Clock& clock) {
  auto hub = open_link_hub({std::move(self), address, {}}, std::move(handlers),
                           std::make_shared<BufferPool>(std::size_t{64} << 20), clock);
  REQUIRE(hub.ok());
  return std::move(*hub);
}

// Writes all of it and waits for the node to hang up; false if it does not within the limit.
bool is_hung_up_on(std::uint16_t port, const std::string& bytes) {
  const int fd = connect_to(port);
  REQUIRE(fd >= 0);
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const auto wrote = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (wrote <= 0) break;
    sent += static_cast<std::size_t>(wrote);
  }
  bool closed = false;
  pollfd waiting{fd, POLLIN, 0};
  while (::poll(&waiting, 1, 10'000) > 0) {
    char buffer[4096];
    if (::recv(fd, buffer, sizeof buffer, 0) > 0) continue;
    closed = true;
    break;
  }
  ::close(fd);
  return closed;
}

std::string words(std::initializer_list<std::uint32_t> values) {
  std::string bytes;
  for (const std::uint32_t value : values) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  return bytes;
}

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return resident * 4096;
}

// A raw RPC peer that may break any rule, with an event loop on the test's own thread.
struct RawPeer {
  explicit RawPeer(const std::string& address) : io(kj::setupAsyncIo()) {
    stream = io.provider->getNetwork()
                 .parseAddress(address.c_str())
                 .wait(io.waitScope)
                 ->connect()
                 .wait(io.waitScope);
    client = kj::heap<capnp::TwoPartyClient>(*stream);
    door = client->bootstrap().castAs<wire::Door>();
  }
  capnp::Response<wire::Door::HelloResults> hello(
      const std::function<void(wire::Hello::Builder)>& fill) {
    auto request = door.helloRequest();
    auto out = request.initHello();
    out.setVersion(wire::PROTOCOL_VERSION);
    fill(out);
    struct Nobody final : wire::Door::Server {};
    request.setBack(kj::heap<Nobody>());
    return request.send().wait(io.waitScope);
  }
  bool is_hung_up_on() {
    return io.provider->getTimer()
        .timeoutAfter(10 * kj::SECONDS, client->onDisconnect().then([] { return true; }))
        .catch_([](kj::Exception&&) { return false; })
        .wait(io.waitScope);
  }
  kj::AsyncIoContext io;
  kj::Own<kj::AsyncIoStream> stream;
  kj::Own<capnp::TwoPartyClient> client;
  wire::Door::Client door = nullptr;
};

}  // namespace

TEST_CASE("nothing is lost or doubled when connections are cut in mid-stream, again and again") {
  SystemClock clock;
  constexpr std::uint64_t count = 4000;
  constexpr unsigned cuts = 25;
  const std::uint64_t seed = 20'261'124;
  INFO("seed " << seed);
  SeededRandom random(seed);
  Receiver receiver;
  std::atomic<LinkHub*> beta_hub{nullptr};
  std::atomic<unsigned> downs{0};
  auto beta = open(node_id("beta"), "127.0.0.1:0",
                   {.on_packets =
                        [&](const NodeId& from, std::vector<Packet> packets) {
                          receiver.take(*beta_hub.load(), from.name, std::move(packets));
                        },
                    .on_peer_up = [](const NodeId&) {},
                    .on_peer_down = [](const std::string&, const std::string&) {},
                    .on_call = {}},
                   clock);
  beta_hub = beta.get();
  LinkProxy proxy(port_of(beta->listen_address()));
  std::atomic<Sender*> sender_now{nullptr};
  auto alpha = open(node_id("alpha"), "127.0.0.1:0",
                    {.on_packets =
                         [&](const NodeId&, std::vector<Packet> packets) {
                           for (const Packet& packet : packets) {
                             sender_now.load()->on_ack(std::get<Ack>(packet));
                           }
                         },
                     .on_peer_up = [&](const NodeId&) { sender_now.load()->on_peer_up(); },
                     .on_peer_down = [&](const std::string&, const std::string&) { ++downs; },
                     .on_call = {}},
                    clock);
  Sender sender(*alpha, "beta");
  sender_now = &sender;
  alpha->set_peer("beta", proxy.address());
  std::uint64_t next_cut_bytes = 1 << 20;
  unsigned cut = 0;
  for (std::uint64_t value = 1; value <= count;) {
    if (sender.offer(value, 1 + random.below(60'000))) {
      ++value;
    } else {
      sender.on_time();
      std::this_thread::yield();
    }
    if (cut < cuts && proxy.bytes_passed() > next_cut_bytes) {
      proxy.cut();
      ++cut;
      next_cut_bytes = proxy.bytes_passed() + random.below(8 << 20);
    }
  }
  CHECK(eventually([&] {
    sender.on_time();
    return sender.quiet();
  }));
  CHECK(receiver.last == count);
  CHECK(receiver.in_order);
  CHECK(receiver.inbox.counters().received == count);
  CHECK(downs >= 10);
  CHECK(sender.counters().resent > 0);
  WARN("cuts " << cut << ", downs " << downs << ", resent " << sender.counters().resent
               << ", duplicates met " << receiver.inbox.counters().duplicates);
  alpha.reset();
  beta.reset();
}

TEST_CASE("a peer that is silent behind a live connection is noticed and reached again") {
  TestNode beta(node_id("beta"), "127.0.0.1:0");
  LinkProxy proxy(port_of(beta.address()));
  TestNode alpha(node_id("alpha"), "127.0.0.1:0");
  alpha.hub().set_peer("beta", proxy.address());
  REQUIRE(alpha.wait_for_ups(1));
  proxy.swallow(true);
  const auto begin = std::chrono::steady_clock::now();
  REQUIRE(alpha.wait_until([](const auto& seen) { return seen.downs.size() == 1; }, 6s));
  const auto took = std::chrono::steady_clock::now() - begin;
  CHECK(took > 1s);
  CHECK(took < limits::suspect_after + 2 * limits::heartbeat_interval);
  REQUIRE(beta.wait_until([](const auto& seen) { return seen.downs.size() == 1; }, 6s));
  // Both wait as long; whoever notices first hangs up, and the other may see only that.
  const auto noticed = [](TestNode& node) { return node.seen().downs[0].find("silent for") == 0; };
  CHECK((noticed(alpha) || noticed(beta)));
  proxy.swallow(false);
  REQUIRE(alpha.wait_for_ups(2));
  REQUIRE(beta.wait_for_ups(2));
}

TEST_CASE("what is in flight when a connection breaks is counted") {
  TestNode beta(node_id("beta"), "127.0.0.1:0");
  LinkProxy proxy(port_of(beta.address()));
  TestNode alpha(node_id("alpha"), "127.0.0.1:0");
  alpha.hub().set_peer("beta", proxy.address());
  REQUIRE(alpha.wait_for_ups(1));
  proxy.swallow(true);
  for (std::uint64_t i = 1; i <= 10; ++i) {
    alpha.hub().post("beta", envelope_of(i, Channel::stream, message_of("x")));
  }
  proxy.cut();
  REQUIRE(alpha.wait_until([](const auto& seen) { return seen.downs.size() == 1; }));
  const auto counters = alpha.hub().counters();
  CHECK(counters.dropped_connection + counters.dropped_peer_away == 10);
}

TEST_CASE("garbage is refused and counted, and the node lives on") {
  TestNode node(node_id("node"), "127.0.0.1:0",
                [](const auto&, Message request, Answer answer) { answer(std::move(request)); });
  const std::uint16_t port = port_of(node.address());
  const std::size_t before = resident_bytes();
  // One segment of 1.5 GB; 513 segments; four billion segments; a text; zeros; a pointer to
  // nowhere.
  const std::vector<std::string> attacks = {
      words({0, 1'500'000'000 / 8, 0, 0, 0, 0, 0, 0}),
      words({512, 1}),
      words({0xffffffff, 1}),
      "GET / HTTP/1.1\r\nHost: nobody\r\n\r\n" + std::string(64, 'x'),
      std::string(4096, '\0'),
      words({0, 1, 0xfffffff0, 0xffffffff})};
  std::uint64_t refused = 0;
  for (const std::string& attack : attacks) {
    INFO("attack of " << attack.size() << " bytes, first " << int(attack[0]));
    CHECK(is_hung_up_on(port, attack));
    ++refused;
    CHECK(eventually([&] { return node.hub().counters().refused_malformed == refused; }, 3s));
  }
  CHECK(resident_bytes() < before + (64 << 20));
  auto client = connect_client(node.address(), {}, 5s);
  REQUIRE(client.ok());
  CHECK((*client)->call(message_of("well?"), 5s).ok());
}

TEST_CASE("random bytes never bring a node down") {
  TestNode node(node_id("node"), "127.0.0.1:0");
  const std::uint64_t seed = 7;
  INFO("seed " << seed);
  SeededRandom random(seed);
  for (int round = 0; round < 200; ++round) {
    std::string bytes = words({0, 8});
    for (int i = 0; i < 64; ++i) bytes.push_back(static_cast<char>(random.next()));
    const int fd = connect_to(port_of(node.address()));
    REQUIRE(fd >= 0);
    ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ::close(fd);
  }
  auto client = connect_client(node.address(), {}, 5s);
  CHECK(client.ok());
}

TEST_CASE("whoever only connects is hung up on, and is no offence") {
  TestNode node(node_id("node"), "127.0.0.1:0");
  CHECK(is_hung_up_on(port_of(node.address()), ""));
  CHECK(node.hub().counters().refused_malformed == 0);
}

TEST_CASE("another protocol version is told so and hung up on") {
  TestNode node(node_id("node"), "127.0.0.1:0");
  RawPeer peer(node.address());
  auto answer = peer.hello([](wire::Hello::Builder hello) { hello.setVersion(99); });
  CHECK(answer.getFailure().getCode() == static_cast<unsigned>(Code::unsupported));
  CHECK(std::string(answer.getFailure().getMessage().cStr()) ==
        "link protocol version 99, this node speaks 1");
  CHECK(peer.is_hung_up_on());
  CHECK(eventually([&] { return node.hub().counters().refused_malformed == 1; }));
}

TEST_CASE("a call before hello is refused") {
  TestNode node(node_id("node"), "127.0.0.1:0");
  RawPeer peer(node.address());
  CHECK_THROWS_AS(peer.door.pingRequest().send().wait(peer.io.waitScope), kj::Exception);
  CHECK(peer.is_hung_up_on());
  CHECK(eventually([&] { return node.hub().counters().refused_malformed == 1; }));
}

TEST_CASE("a large call before hello is refused at its size") {
  TestNode node(node_id("node"), "127.0.0.1:0");
  RawPeer peer(node.address());
  auto request = peer.door.requestRequest();
  request.initBody().initWords(1 << 20);
  CHECK_THROWS_AS(request.send().wait(peer.io.waitScope), kj::Exception);
  CHECK(eventually([&] { return node.hub().counters().refused_malformed == 1; }));
}

TEST_CASE("a client that sends packets, or words that are no message, is hung up on") {
  TestNode node(node_id("node"), "127.0.0.1:0", [](const auto&, Message, Answer) {});
  {
    RawPeer peer(node.address());
    REQUIRE(peer.hello([](auto) {}).getFailure().getCode() == 0);
    auto request = peer.door.deliverRequest();
    request.initPackets(1)[0].initProbe();
    request.send().ignoreResult().detach([](kj::Exception&&) {});
    CHECK(peer.is_hung_up_on());
    CHECK(eventually([&] { return node.hub().counters().refused_malformed == 1; }));
  }
  RawPeer peer(node.address());
  REQUIRE(peer.hello([](auto) {}).getFailure().getCode() == 0);
  auto request = peer.door.requestRequest();
  auto garbage = request.initBody().initWords(64);
  std::memset(garbage.begin(), 0xff, garbage.size());
  request.send().ignoreResult().detach([](kj::Exception&&) {});
  CHECK(peer.is_hung_up_on());
  CHECK(eventually([&] { return node.hub().counters().refused_malformed == 2; }));
}

TEST_CASE("a node that means somebody else, or bears our own name, is refused") {
  TestNode node(node_id("node"), "127.0.0.1:0");
  {
    RawPeer peer(node.address());
    auto answer = peer.hello([](wire::Hello::Builder hello) {
      hello.initSelf().setName("other");
      hello.setExpected("somebody");
    });
    CHECK(answer.getFailure().getCode() == static_cast<unsigned>(Code::not_found));
  }
  RawPeer peer(node.address());
  auto answer = peer.hello([](wire::Hello::Builder hello) { hello.initSelf().setName("node"); });
  CHECK(answer.getFailure().getCode() == static_cast<unsigned>(Code::conflict));
}

TEST_CASE("a node that brings only one lane is hung up on") {
  TestNode node(node_id("node"), "127.0.0.1:0");
  RawPeer peer(node.address());
  auto answer = peer.hello([](wire::Hello::Builder hello) { hello.initSelf().setName("half"); });
  REQUIRE(answer.getFailure().getCode() == 0);
  CHECK(peer.is_hung_up_on());
  CHECK(node.seen().ups.empty());
}
