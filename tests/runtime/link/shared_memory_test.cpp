// Payloads that are lent instead of sent, from hub to hub over a Unix socket.
#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <cstdlib>

#include "runtime/base/limits.hpp"
#include "runtime/link/link_stream.hpp"
#include "runtime/link/shared_arena.hpp"
#include "schemas/link.capnp.h"
#include "tests/runtime/link/arena_payloads.hpp"
#include "tests/runtime/link/test_node.hpp"

using namespace omma;
using namespace omma::test;

namespace {

constexpr std::size_t picture_bytes = 1920 * 1080 * 3;

// A node whose pool lies in an arena of its own, on a Unix socket.
struct ArenaNode {
  ArenaNode(const std::string& name, const std::string& address, std::shared_ptr<SharedArena> lent)
      : arena(std::move(lent)), pool(std::make_shared<BufferPool>(std::size_t{64} << 20, arena)) {
    LinkOptions options{node_id(name), address, {}};
    options.arena = arena;
    LinkHandlers handlers;
    handlers.on_packets = [this](const NodeId&, std::vector<Packet> packets) {
      std::lock_guard lock(mutex);
      for (Packet& packet : packets) seen.push_back(std::move(packet));
    };
    handlers.on_peer_up = [this](const NodeId&) { ++ups; };
    handlers.on_peer_down = [this](const std::string&, const std::string&) { ++downs; };
    auto opened = open_link_hub(std::move(options), std::move(handlers), pool, clock);
    if (!opened) FAIL(opened.error().describe());
    hub = std::move(*opened);
  }
  void post(const std::string& peer, std::uint64_t number, std::vector<Blob> payloads) {
    hub->post(peer, envelope_of(number, Channel::stream, message_of("p", std::move(payloads))));
  }
  bool wait_for(std::size_t count) {
    return eventually([&] {
      std::lock_guard lock(mutex);
      return seen.size() >= count;
    });
  }
  std::vector<Packet> take() {
    std::lock_guard lock(mutex);
    return std::exchange(seen, {});
  }
  std::size_t loans() { return arena->stats().blocks.loans; }

  SystemClock clock;
  std::shared_ptr<SharedArena> arena;
  std::shared_ptr<BufferPool> pool;
  std::mutex mutex;
  std::vector<Packet> seen;
  std::atomic<int> ups{0};
  std::atomic<int> downs{0};
  std::unique_ptr<LinkHub> hub;
};

Blob payload_of(const Packet& packet, std::size_t index = 0) {
  return std::get<Envelope>(packet).message.payloads()[index];
}

// "alpha" lends to "beta"; each has mapped the other's.
struct ArenaCouple {
  explicit ArenaCouple(std::size_t alpha_bytes = 64 * megabyte)
      : alpha("alpha", folder.address("a"), arena_of(alpha_bytes)),
        beta("beta", folder.address("b"), arena_of(4 * megabyte)) {
    alpha.hub->set_peer("beta", beta.hub->listen_address());
    REQUIRE(eventually([&] { return alpha.ups == 1 && beta.ups == 1; }));
    // The word that it is mapped came before any packet back.
    REQUIRE(eventually([&] {
      return alpha.hub->counters().arenas_taken == 1 && beta.hub->counters().arenas_taken == 1;
    }));
    beta.post("alpha", 1, {});
    REQUIRE(alpha.wait_for(1));
    alpha.take();
  }
  SocketFolder folder;
  ArenaNode alpha;
  ArenaNode beta;
};

// A peer that speaks the protocol and may say anything in it.
struct Mallory {
  Mallory(const std::string& address, std::shared_ptr<SharedArena> arena) : io(kj::setupAsyncIo()) {
    auto socket = io.provider->getNetwork()
                      .parseAddress(address.c_str())
                      .wait(io.waitScope)
                      ->connect()
                      .wait(io.waitScope);
    stream.emplace(kj::mv(socket), std::make_shared<BufferPool>(0), megabyte);
    stream->share_by(std::make_unique<LoanDesk>(arena, std::make_shared<LoanTally>()));
    if (arena != nullptr) stream->offer_arena();
    network.emplace(*stream, capnp::rpc::twoparty::Side::CLIENT);
    rpc.emplace(capnp::makeRpcClient(*network));
    capnp::MallocMessageBuilder builder(8);
    auto vat = builder.initRoot<capnp::rpc::twoparty::VatId>();
    vat.setSide(capnp::rpc::twoparty::Side::SERVER);
    door = rpc->bootstrap(vat.asReader()).castAs<wire::Door>();
    auto request = door.helloRequest();
    auto hello = request.initHello();
    hello.setVersion(wire::PROTOCOL_VERSION);
    hello.setLane(static_cast<std::uint8_t>(Lane::bulk));
    hello.initSelf().setName("mallory");
    struct Nobody final : wire::Door::Server {};
    request.setBack(kj::heap<Nobody>());
    REQUIRE(request.send().wait(io.waitScope).getFailure().getCode() == 0);
  }
  // One message with a payload that lies there.
  void lend(const ArenaLoan& loan, std::uint16_t payload = 0) {
    auto request = door.deliverRequest();
    auto packet = request.initPackets(1)[0];
    auto body = packet.initEnvelope().initMessage();
    const auto words = message_of("m").flat_words();
    body.setWords(kj::arrayPtr(words.data(), words.size()));
    body.initPayloads(1);
    auto to = body.initLoans(1)[0];
    to.setPayload(payload);
    to.setNumber(loan.number);
    to.setOffset(loan.offset);
    to.setSizeBytes(loan.size_bytes);
    request.send().ignoreResult().detach([](kj::Exception&&) {});
  }
  bool is_hung_up_on() {
    return io.provider->getTimer()
        .timeoutAfter(10 * kj::SECONDS, network->onDisconnect().then([] { return true; }))
        .catch_([](kj::Exception&&) { return false; })
        .wait(io.waitScope);
  }
  kj::AsyncIoContext io;
  std::optional<LinkStream> stream;
  std::optional<capnp::TwoPartyVatNetwork> network;
  std::optional<capnp::RpcSystem<capnp::rpc::twoparty::VatId>> rpc;
  wire::Door::Client door = nullptr;
};

}  // namespace

TEST_CASE("pictures of 6.2 MB reach a peer whole, without a copy, and come back to the arena") {
  ArenaCouple couple;
  constexpr std::uint64_t count = 40;
  for (std::uint64_t i = 1; i <= count; ++i) {
    couple.alpha.post("beta", i, {pattern(*couple.alpha.pool, picture_bytes, i)});
    REQUIRE(couple.beta.wait_for(1));
    const auto packets = couple.beta.take();
    REQUIRE(packets.size() == 1);
    CHECK(sequence_of(packets[0]) == i);
    CHECK(has_pattern(payload_of(packets[0]), picture_bytes, i));
  }
  const auto sent = couple.alpha.hub->counters();
  CHECK(sent.payloads_lent == count);
  CHECK(sent.bytes_lent == count * picture_bytes);
  CHECK(sent.payloads_lent_by_copy == 0);
  CHECK(sent.loans_refused == 0);
  CHECK(couple.beta.hub->counters().payloads_borrowed == count);
  CHECK(couple.alpha.pool->stats().buffers_of_source == count);
  CHECK(eventually([&] { return couple.alpha.arena->stats().blocks.bytes_used == 0; }));
}

TEST_CASE("small payloads, requests and copies go beside pictures that are lent") {
  ArenaCouple couple;
  const Blob heap = blob_of(300'000, 9);
  const Blob small = blob_of(1000, 3);
  const Blob own = pattern(*couple.alpha.pool, megabyte, 4);
  couple.alpha.post("beta", 1, {small, own, Blob{}, heap});
  REQUIRE(couple.beta.wait_for(1));
  {
    const auto packets = couple.beta.take();
    CHECK(payload_of(packets[0], 0).size() == 1000);
    CHECK(has_pattern(payload_of(packets[0], 1), megabyte, 4));
    CHECK(payload_of(packets[0], 2).empty());
    CHECK(payload_of(packets[0], 3).data()[299'999] == 9);
  }
  const auto sent = couple.alpha.hub->counters();
  CHECK(sent.payloads_lent == 2);
  CHECK(sent.payloads_lent_by_copy == 1);
  std::promise<Result<Message>> answered;
  couple.alpha.hub->call("beta", message_of("r", {own}), 5s,
                         [&](Result<Message> result) { answered.set_value(std::move(result)); });
  CHECK(answered.get_future().get().error().code == Code::unsupported);
  CHECK(couple.alpha.hub->counters().payloads_lent == 2);
}

TEST_CASE("pictures that do not fit into the arena go through the socket, counted") {
  ArenaCouple couple(16 * megabyte);
  constexpr std::uint64_t count = 6;
  for (std::uint64_t i = 1; i <= count; ++i) {
    couple.alpha.post("beta", i, {pattern(*couple.alpha.pool, picture_bytes, i)});
  }
  REQUIRE(couple.beta.wait_for(count));
  {
    const auto packets = couple.beta.take();
    for (std::uint64_t i = 1; i <= count; ++i) {
      CHECK(has_pattern(payload_of(packets[i - 1]), picture_bytes, i));
    }
    const auto sent = couple.alpha.hub->counters();
    CHECK(sent.payloads_lent == 2);
    CHECK(sent.loans_refused == count - 2);
  }
  CHECK(eventually([&] { return couple.alpha.arena->stats().blocks.bytes_used == 0; }));
}

TEST_CASE("a peer that closes keeps what it reads, and all of it comes back in the end") {
  ArenaCouple couple;
  couple.alpha.post("beta", 1, {pattern(*couple.alpha.pool, picture_bytes, 1)});
  couple.alpha.post("beta", 2, {pattern(*couple.alpha.pool, picture_bytes, 2)});
  REQUIRE(couple.beta.wait_for(2));
  auto packets = couple.beta.take();
  couple.beta.hub.reset();
  REQUIRE(eventually([&] { return couple.alpha.downs == 1; }));
  // The connection is gone, the reader is not.
  CHECK(couple.alpha.loans() == 2);
  const Blob other = pattern(*couple.alpha.pool, picture_bytes, 3);
  CHECK(has_pattern(payload_of(packets[0]), picture_bytes, 1));
  CHECK(has_pattern(payload_of(packets[1]), picture_bytes, 2));
  packets.clear();
  CHECK(couple.alpha.loans() == 0);
  CHECK(couple.alpha.arena->stats().borrowers == 0);
}

TEST_CASE("a sender that closes leaves its pictures to whoever reads them") {
  ArenaCouple couple;
  couple.alpha.post("beta", 1, {pattern(*couple.alpha.pool, picture_bytes, 1)});
  REQUIRE(couple.beta.wait_for(1));
  couple.alpha.hub.reset();
  couple.alpha.pool.reset();
  couple.alpha.arena.reset();
  REQUIRE(eventually([&] { return couple.beta.downs == 1; }));
  CHECK(has_pattern(payload_of(couple.beta.take()[0]), picture_bytes, 1));
}

// The other process of the next case.
TEST_CASE("a receiver for another process to kill", "[.][receiver]") {
  const char* address = std::getenv("OMMA_TEST_ADDRESS");
  REQUIRE(address != nullptr);
  ArenaNode beta("beta", address, arena_of(megabyte));
  for (;;) ::pause();
}

TEST_CASE("what a killed process had borrowed comes back") {
  SocketFolder folder;
  const std::string address = folder.address("b");
  ::setenv("OMMA_TEST_ADDRESS", address.c_str(), 1);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::execl("/proc/self/exe", "receiver", "[receiver]", static_cast<char*>(nullptr));
    ::_exit(127);
  }
  ArenaNode alpha("alpha", folder.address("a"), arena_of(64 * megabyte));
  alpha.hub->set_peer("beta", address);
  const bool up = eventually([&] { return alpha.hub->counters().arenas_taken == 1; });
  // The receiver keeps all that it gets.
  const bool lent = up && eventually([&] {
                      alpha.post("beta", 1, {pattern(*alpha.pool, megabyte, 1)});
                      return alpha.loans() >= 5;
                    });
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  REQUIRE(up);
  REQUIRE(lent);
  CHECK(eventually([&] { return alpha.arena->stats().blocks.bytes_used == 0; }));
  CHECK(alpha.arena->stats().borrowers == 0);
  CHECK(eventually([&] { return alpha.downs == 1; }));
}

TEST_CASE("a loan that lies nowhere closes its connection, and the node lives on") {
  SocketFolder folder;
  ArenaNode node("node", folder.address("n"), arena_of(4 * megabyte));
  struct Attack {
    const char* what;
    ArenaLoan loan;
    std::uint16_t payload = 0;
    bool offered = true;
  };
  const std::uint64_t far = ~std::uint64_t{0} - 4095;
  const Attack attacks[] = {{"past the end", {1, megabyte, 64}},
                            {"over the end", {1, megabyte - 4096, 4097}},
                            {"sum that wraps", {1, 4096, far}},
                            {"offset that wraps", {1, far, 8192}},
                            {"nothing", {1, 0, 0}},
                            {"unaligned", {1, 8, 64}},
                            {"number 0", {0, 0, 64}},
                            {"no such payload", {1, 0, 64}, 1},
                            {"memory not offered", {1, 0, 64}, 0, false}};
  std::uint64_t refused = 0;
  for (const Attack& attack : attacks) {
    INFO(attack.what);
    auto arena = attack.offered ? arena_of(megabyte) : nullptr;
    Mallory mallory(node.hub->listen_address(), arena);
    mallory.lend(attack.loan, attack.payload);
    CHECK(mallory.is_hung_up_on());
    ++refused;
    CHECK(eventually([&] { return node.hub->counters().refused_malformed == refused; }));
  }
  {
    INFO("a number twice");
    Mallory mallory(node.hub->listen_address(), arena_of(megabyte));
    mallory.lend({5, 0, 64});
    mallory.lend({5, 0, 64});
    CHECK(mallory.is_hung_up_on());
    ++refused;
    CHECK(eventually([&] { return node.hub->counters().refused_malformed == refused; }));
  }
  ArenaNode friendly("friendly", folder.address("f"), arena_of(16 * megabyte));
  friendly.hub->set_peer("node", node.hub->listen_address());
  REQUIRE(eventually([&] { return friendly.ups == 1; }));
  friendly.post("node", 1, {pattern(*friendly.pool, picture_bytes, 1)});
  REQUIRE(node.wait_for(1));
  CHECK(has_pattern(payload_of(node.take()[0]), picture_bytes, 1));
}
