#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <catch2/catch.hpp>

#include "runtime/base/limits.hpp"
#include "tests/runtime/link/test_node.hpp"

using namespace omma;
using namespace omma::test;

namespace {

// Both kinds of address, for tests that hold for either.
std::vector<std::pair<std::string, std::string>> both_kinds(const SocketFolder& folder) {
  return {{folder.address("a"), folder.address("b")}, {"127.0.0.1:0", "127.0.0.1:0"}};
}

void echo(const std::optional<NodeId>&, Message request, Answer answer) {
  answer(message_of("echo " + text_of(request),
                    {request.payloads().begin(), request.payloads().end()}));
}

}  // namespace

TEST_CASE("packets arrive in the order of their lane, whole, over Unix and TCP") {
  SocketFolder folder;
  for (const auto& [a, b] : both_kinds(folder)) {
    Couple couple(a, b);
    constexpr std::uint64_t count = 3000;
    for (std::uint64_t i = 1; i <= count; ++i) {
      const auto channel = i % 2 == 0 ? Channel::control : Channel::stream;
      const Blob payload = blob_of(i % 7 == 0 ? 40'000 : i % 90, i);
      couple.alpha.hub().post("beta", envelope_of(i, channel, message_of("m", {payload})));
    }
    REQUIRE(couple.beta.wait_for_packets(count));
    std::uint64_t last[2] = {0, 0};
    for (const Packet& packet : couple.beta.seen().packets) {
      const auto& envelope = std::get<Envelope>(packet);
      auto& previous = last[static_cast<std::size_t>(lane_of(packet))];
      REQUIRE(envelope.sequence > previous);
      previous = envelope.sequence;
      const Blob& payload = envelope.message.payloads()[0];
      const Blob expected = blob_of(payload.size(), envelope.sequence);
      REQUIRE(payload.size() == (envelope.sequence % 7 == 0 ? 40'000 : envelope.sequence % 90));
      if (!payload.empty()) {
        REQUIRE(std::memcmp(payload.data(), expected.data(), payload.size()) == 0);
      }
    }
    const auto sent = couple.alpha.hub().counters();
    const auto received = couple.beta.hub().counters();
    CHECK(sent.packets_sent == count);
    CHECK(received.packets_received == count);
    // A struct comes with its segment table.
    CHECK(received.bytes_received >= sent.bytes_sent);
    CHECK(received.bytes_received <= sent.bytes_sent + 16 * count);
    CHECK(sent.batches_sent < count / 2);
    CHECK(sent.dropped_queue_full + sent.dropped_peer_away + sent.dropped_connection == 0);
  }
}

TEST_CASE("both sides learn each other's identity and may send") {
  SocketFolder folder;
  Couple couple(folder.address("a"), folder.address("b"));
  CHECK(couple.alpha.seen().ups[0] == node_id("beta"));
  CHECK(couple.beta.seen().ups[0] == node_id("alpha"));
  couple.beta.hub().post("alpha", envelope_of(1, Channel::fresh, message_of("back")));
  couple.beta.hub().post("alpha", Ack{.stream = {{1, 2}, {3, 4}, Channel::fresh}, .next = 9});
  REQUIRE(couple.alpha.wait_for_packets(2));
}

TEST_CASE("a node that we were not told of may dial us") {
  SocketFolder folder;
  TestNode alpha(node_id("alpha"), folder.address("a"));
  TestNode beta(node_id("beta"), folder.address("b"));
  alpha.hub().set_peer("beta", beta.address());
  REQUIRE(beta.wait_for_ups(1));
  beta.hub().post("alpha", envelope_of(1, Channel::control));
  REQUIRE(alpha.wait_for_packets(1));
}

TEST_CASE("a flood of 1 MB messages both ways does not stand still") {
  Couple couple("127.0.0.1:0", "127.0.0.1:0");
  constexpr std::size_t count = 300;
  std::thread other([&] {
    for (std::uint64_t i = 1; i <= count; ++i) {
      // Within the queue's bound: sent at the pace of what has arrived.
      REQUIRE(couple.alpha.wait_for_packets(i > 40 ? i - 40 : 0));
      couple.beta.hub().post(
          "alpha", envelope_of(i, Channel::stream, message_of("b", {blob_of(1 << 20, i)})));
    }
  });
  for (std::uint64_t i = 1; i <= count; ++i) {
    REQUIRE(couple.beta.wait_for_packets(i > 40 ? i - 40 : 0));
    couple.alpha.hub().post(
        "beta", envelope_of(i, Channel::stream, message_of("a", {blob_of(1 << 20, i)})));
  }
  other.join();
  CHECK(couple.alpha.wait_for_packets(count));
  CHECK(couple.beta.wait_for_packets(count));
}

TEST_CASE("the largest message goes through, and one more byte is refused") {
  SocketFolder folder;
  Couple couple(folder.address("a"), folder.address("b"));
  const Blob huge = blob_of(limits::payload_bytes_max, 9);
  couple.alpha.hub().post("beta", envelope_of(1, Channel::stream, message_of("huge", {huge})));
  REQUIRE(couple.beta.wait_for_packets(1));
  const Message message = std::get<Envelope>(couple.beta.seen().packets[0]).message;
  CHECK(message.payloads()[0].size() == limits::payload_bytes_max);
  CHECK(message.payloads()[0].data()[limits::payload_bytes_max - 1] == 9);
  const Blob rest = blob_of(limits::message_struct_bytes_max, 1);
  couple.alpha.hub().post("beta",
                          envelope_of(2, Channel::stream, message_of("more", {huge, rest})));
  CHECK(couple.alpha.hub().counters().dropped_queue_full == 1);
}

TEST_CASE("a full queue drops and counts, and what it took arrives") {
  SocketFolder folder;
  std::mutex gate;
  gate.lock();
  TestNode alpha(node_id("alpha"), folder.address("a"));
  std::atomic<std::uint64_t> received{0};
  TestNode beta(node_id("beta"), folder.address("b"), {}, {},
                [&](const NodeId&, std::vector<Packet> packets) {
                  std::lock_guard wait(gate);
                  received += packets.size();
                });
  alpha.hub().set_peer("beta", beta.address());
  REQUIRE(alpha.wait_for_ups(1));
  constexpr std::uint64_t count = 120;
  const Blob megabyte = blob_of(1 << 20, 1);
  for (std::uint64_t i = 1; i <= count; ++i) {
    alpha.hub().post("beta", envelope_of(i, Channel::stream, message_of("x", {megabyte})));
  }
  const std::uint64_t dropped = alpha.hub().counters().dropped_queue_full;
  CHECK(dropped > 0);
  CHECK(dropped < count - 60);  // The queue holds 64 MB.
  // The other lane has its own bound.
  alpha.hub().post("beta", envelope_of(1, Channel::control));
  CHECK(alpha.hub().counters().dropped_queue_full == dropped);
  gate.unlock();
  CHECK(eventually([&] { return received == count - dropped + 1; }));
}

TEST_CASE("a packet for a peer that is away is dropped and counted") {
  SocketFolder folder;
  TestNode alpha(node_id("alpha"), folder.address("a"));
  alpha.hub().post("beta", envelope_of(1, Channel::control));
  alpha.hub().set_peer("beta", folder.address("b"));
  alpha.hub().post("beta", envelope_of(2, Channel::control));
  CHECK(alpha.hub().counters().dropped_peer_away == 2);
}

TEST_CASE("a peer that comes later is reached without being asked again") {
  SocketFolder folder;
  TestNode alpha(node_id("alpha"), folder.address("a"));
  alpha.hub().set_peer("beta", folder.address("b"));
  TestNode beta(node_id("beta"), folder.address("b"));
  REQUIRE(alpha.wait_for_ups(1));
}

TEST_CASE("a restarted peer is another life: down, then up with the new incarnation") {
  SocketFolder folder;
  TestNode alpha(node_id("alpha"), folder.address("a"));
  auto beta = std::make_unique<TestNode>(node_id("beta", 1), folder.address("b"));
  alpha.hub().set_peer("beta", folder.address("b"));
  REQUIRE(alpha.wait_for_ups(1));
  beta.reset();
  REQUIRE(alpha.wait_until([](const auto& seen) { return seen.downs.size() == 1; }));
  beta = std::make_unique<TestNode>(node_id("beta", 2, 2), folder.address("b"));
  REQUIRE(alpha.wait_for_ups(2));
  CHECK(alpha.seen().ups[1] == node_id("beta", 2, 2));
  CHECK(alpha.hub().counters().connections_opened == 4);
  CHECK(alpha.hub().counters().connections_lost == 2);
}

TEST_CASE("a dialler that restarts replaces its old life at once") {
  SocketFolder folder;
  TestNode beta(node_id("beta"), folder.address("b"));
  TestNode alpha(node_id("alpha", 1, 1), folder.address("a1"));
  alpha.hub().set_peer("beta", beta.address());
  REQUIRE(beta.wait_for_ups(1));
  // The old one lives on somewhere and does not know it: its epoch is lower, so it is not let in.
  TestNode again(node_id("alpha", 2, 2), folder.address("a2"));
  again.hub().set_peer("beta", beta.address());
  REQUIRE(beta.wait_for_ups(2));
  CHECK(beta.seen().ups[1] == node_id("alpha", 2, 2));
  CHECK(beta.seen().downs.size() == 1);
  CHECK(eventually([&] { return beta.hub().counters().refused_malformed >= 1; }));
  CHECK(beta.seen().ups.size() == 2);
}

TEST_CASE("removing a peer takes it down on both sides") {
  SocketFolder folder;
  Couple couple(folder.address("a"), folder.address("b"));
  couple.alpha.hub().remove_peer("beta");
  CHECK(couple.alpha.wait_until([](const auto& seen) { return seen.downs.size() == 1; }));
  CHECK(couple.beta.wait_until([](const auto& seen) { return seen.downs.size() == 1; }));
}

TEST_CASE("a call is answered, from another thread too, with its payloads") {
  SocketFolder folder;
  std::vector<std::thread> threads;
  {
    Couple couple(folder.address("a"), folder.address("b"),
                  [&](const auto& from, Message request, Answer answer) {
                    threads.emplace_back([from, request, answer] { echo(from, request, answer); });
                  });
    auto reply = couple.alpha.call("beta", message_of("one", {blob_of(100'003, 7)}));
    REQUIRE(reply.ok());
    CHECK(text_of(*reply) == "echo one");
    CHECK(reply->payloads()[0].size() == 100'003);
    CHECK(reply->payloads()[0].data()[100'002] == 7);
    reply = couple.beta.call("alpha", message_of("two"));
    REQUIRE(reply.ok());
    CHECK(text_of(*reply) == "echo two");
  }
  for (auto& thread : threads) thread.join();
}

TEST_CASE("a call's error comes back as it was given") {
  SocketFolder folder;
  Couple couple(folder.address("a"), folder.address("b"), [](const auto&, Message, Answer answer) {
    answer(Error{Code::conflict, "actor lobby is active elsewhere"});
  });
  const auto reply = couple.alpha.call("beta", message_of("activate"));
  REQUIRE_FALSE(reply.ok());
  CHECK(reply.error().code == Code::conflict);
  CHECK(reply.error().message == "node 'beta': actor lobby is active elsewhere");
}

TEST_CASE("a call that nobody answers ends when its time is over") {
  SocketFolder folder;
  std::vector<Answer> kept;
  Couple couple(folder.address("a"), folder.address("b"),
                [&](const auto&, Message, Answer answer) { kept.push_back(answer); });
  const auto reply = couple.alpha.call("beta", message_of("hello?"), 50ms);
  REQUIRE_FALSE(reply.ok());
  CHECK(reply.error().code == Code::unavailable);
  CHECK(reply.error().message == "node 'beta': no answer within 50 ms");
}

TEST_CASE("a call is answered unavailable when the peer is away or goes") {
  SocketFolder folder;
  std::vector<Answer> kept;
  TestNode alpha(node_id("alpha"), folder.address("a"));
  CHECK(alpha.call("beta", message_of("x")).error().code == Code::unavailable);
  auto beta = std::make_unique<TestNode>(
      node_id("beta"), folder.address("b"),
      [&](const auto&, Message, Answer answer) { kept.push_back(answer); });
  alpha.hub().set_peer("beta", folder.address("b"));
  REQUIRE(alpha.wait_for_ups(1));
  std::promise<Result<Message>> answered;
  alpha.hub().call("beta", message_of("x"), 30s,
                   [&](Result<Message> result) { answered.set_value(std::move(result)); });
  beta.reset();
  const auto reply = answered.get_future().get();
  REQUIRE_FALSE(reply.ok());
  CHECK(reply.error().code == Code::unavailable);
  for (const Answer& late : kept) late(message_of("too late"));
}

TEST_CASE("a request whose answer is thrown away is answered as a bug") {
  SocketFolder folder;
  Couple couple(folder.address("a"), folder.address("b"), [](const auto&, Message, Answer) {});
  CHECK(couple.alpha.call("beta", message_of("x")).error().code == Code::internal);
}

TEST_CASE("a reply beyond the limit becomes an error, and the link lives on") {
  SocketFolder folder;
  Couple couple(folder.address("a"), folder.address("b"), [](const auto&, Message, Answer answer) {
    answer(message_of("large", {blob_of(limits::payload_bytes_max, 1), blob_of(1 << 20, 2)}));
  });
  CHECK(couple.alpha.call("beta", message_of("x")).error().code == Code::over_limit);
  CHECK(couple.alpha.seen().downs.empty());
}

TEST_CASE("a client calls a node through the same door") {
  SocketFolder folder;
  for (const std::string& address : {folder.address("n"), std::string("127.0.0.1:0")}) {
    std::optional<NodeId> caller = node_id("nobody");
    TestNode node(node_id("node"), address, [&](const auto& from, Message request, Answer answer) {
      caller = from;
      echo(from, std::move(request), std::move(answer));
    });
    auto client = connect_client(node.address(), {}, 5s);
    REQUIRE(client.ok());
    auto other = connect_client(node.address(), {}, 5s);
    REQUIRE(other.ok());
    for (int i = 0; i < 20; ++i) {
      auto reply = (*client)->call(message_of("c" + std::to_string(i)), 5s);
      REQUIRE(reply.ok());
      CHECK(text_of(*reply) == "echo c" + std::to_string(i));
    }
    REQUIRE((*other)->call(message_of("o"), 5s).ok());
    CHECK_FALSE(caller.has_value());
    node.close();
    CHECK((*client)->call(message_of("gone"), 5s).error().code == Code::unavailable);
  }
}

TEST_CASE("a client says which address it could not reach") {
  SocketFolder folder;
  const auto client = connect_client(folder.address("none"), {}, 1s);
  REQUIRE_FALSE(client.ok());
  CHECK(client.error().code == Code::unavailable);
  CHECK(client.error().message.find(folder.address("none")) != std::string::npos);
}

TEST_CASE("a Unix socket is its owner's, replaces a dead one and respects a live one") {
  SocketFolder folder;
  const std::string address = folder.address("s");
  // A socket file without a process: bound, never listened on, closed.
  const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::strcpy(name.sun_path, folder.path("s").c_str());
  REQUIRE(::bind(dead, reinterpret_cast<sockaddr*>(&name), sizeof name) == 0);
  ::close(dead);
  {
    TestNode node(node_id("node"), address);
    struct stat status {};
    REQUIRE(::stat(folder.path("s").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    SystemClock clock;
    auto second =
        open_link_hub({node_id("second"), address, {}}, {}, std::make_shared<BufferPool>(0), clock);
    REQUIRE_FALSE(second.ok());
    CHECK(second.error().code == Code::unavailable);
    CHECK(second.error().message.find("another process listens") != std::string::npos);
  }
  CHECK_FALSE(std::filesystem::exists(folder.path("s")));
}

TEST_CASE("an address that cannot be bound is named") {
  SystemClock clock;
  auto hub = open_link_hub({node_id("n"), "203.0.113.1:4400", {}}, {},
                           std::make_shared<BufferPool>(0), clock);
  REQUIRE_FALSE(hub.ok());
  CHECK(hub.error().code == Code::unavailable);
  CHECK(hub.error().message.find("203.0.113.1:4400") != std::string::npos);
}
