// A link that was told how to look into requests and replies, and a client that stops reading.
#include <kj/async-io.h>

#include <catch2/catch.hpp>

#include <capnp/rpc-twoparty.h>

#include "runtime/base/limits.hpp"
#include "runtime/base/message_check.hpp"
#include "schemas/link.capnp.h"
#include "tests/runtime/link/link_proxy.hpp"
#include "tests/runtime/link/test_node.hpp"

using namespace omma;
using namespace omma::test;

namespace {

Result<void> must_be_a_tag(const Message& body) {
  return check_message(body, capnp::Schema::from<FrameTag>());
}

// A root pointer to a list, where a struct should be.
Message no_struct() {
  const std::uint64_t words[] = {std::uint64_t{1} << 32, 1};
  auto message = Message::from_wire(type_id_of<FrameTag>(),
                                    Blob::copy_of(std::as_bytes(std::span(words))), {});
  REQUIRE(message.ok());
  return *message;
}

std::unique_ptr<LinkHub> checking_hub(LinkHandlers handlers, const Clock& clock) {
  auto hub = open_link_hub({node_id("node"), "127.0.0.1:0", {}, must_be_a_tag}, std::move(handlers),
                           std::make_shared<BufferPool>(std::size_t{64} << 20), clock);
  if (!hub) FAIL(hub.error().describe());
  return *std::move(hub);
}

LinkHandlers handlers_that(TestNode::OnCall on_call) {
  LinkHandlers handlers;
  handlers.on_packets = [](const NodeId&, const std::vector<Packet>&) {};
  handlers.on_peer_up = [](const NodeId&) {};
  handlers.on_peer_down = [](const std::string&, const std::string&) {};
  handlers.on_call = std::move(on_call);
  return handlers;
}

}  // namespace

TEST_CASE("a request that is not of its type's form closes its connection, and nobody sees it") {
  SystemClock clock;
  std::atomic<unsigned> seen{0};
  const auto hub = checking_hub(handlers_that([&](const auto&, Message request, Answer answer) {
                                  ++seen;
                                  answer(std::move(request));
                                }),
                                clock);
  for (std::uint64_t round = 1; round <= 2; ++round) {
    auto client = connect_client(hub->listen_address(), {}, 5s);
    REQUIRE(client.ok());
    CHECK((*client)->call(message_of("well?"), 5s).ok());
    const auto refused = (*client)->call(no_struct(), 5s);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Code::unavailable);
    CHECK_FALSE((*client)->call(message_of("still there?"), 5s).ok());
    CHECK(eventually([&] { return hub->counters().refused_malformed == round; }));
    CHECK(seen == round);
  }
}

TEST_CASE("a reply that is not of its type's form is an error, and its peer is reached anew") {
  SystemClock clock;
  std::atomic<unsigned> ups{0};
  LinkHandlers handlers = handlers_that({});
  handlers.on_peer_up = [&](const NodeId&) { ++ups; };
  TestNode peer(node_id("peer"), "127.0.0.1:0",
                [](const auto&, const Message& request, Answer answer) {
                  answer(text_of(request) == "badly" ? no_struct() : request);
                });
  const auto hub = checking_hub(std::move(handlers), clock);
  hub->set_peer("peer", peer.address());
  REQUIRE(eventually([&] { return ups == 1; }));
  const auto ask = [&](const std::string& how) {
    std::promise<Result<Message>> answered;
    hub->call("peer", message_of(how), 10s,
              [&](Result<Message> result) { answered.set_value(std::move(result)); });
    return answered.get_future().get();
  };
  CHECK(ask("well").ok());
  const auto badly = ask("badly");
  REQUIRE_FALSE(badly.ok());
  CHECK(badly.error().code == Code::corrupt);
  CHECK(badly.error().message.find("node 'peer': message FrameTag: ") != std::string::npos);
  REQUIRE(eventually([&] { return ups == 2; }));
  CHECK(ask("well").ok());
  CHECK(hub->counters().refused_malformed == 1);
}

TEST_CASE("a client that stops reading is hung up on at the limit, and the others are served") {
  const Blob payload = blob_of(std::size_t{4} << 20, 1);
  std::atomic<unsigned> asked{0};
  TestNode node(node_id("node"), "127.0.0.1:0", [&](const auto&, Message, Answer answer) {
    ++asked;
    answer(message_of("here", {payload}));
  });
  LinkProxy proxy(port_of(node.address()));
  constexpr unsigned enough = limits::link_unread_bytes_max / (std::size_t{4} << 20) + 20;
  {
    auto io = kj::setupAsyncIo();
    auto stream = io.provider->getNetwork()
                      .parseAddress(proxy.address().c_str())
                      .wait(io.waitScope)
                      ->connect()
                      .wait(io.waitScope);
    capnp::TwoPartyClient client(*stream);
    auto door = client.bootstrap().castAs<wire::Door>();
    auto hello = door.helloRequest();
    hello.initHello().setVersion(wire::PROTOCOL_VERSION);
    struct Nobody final : wire::Door::Server {};
    hello.setBack(kj::heap<Nobody>());
    REQUIRE(hello.send().wait(io.waitScope).getFailure().getCode() == 0);
    proxy.stall_replies(true);
    bool hung_up = false;
    auto end = client.onDisconnect().then([&] { hung_up = true; }).eagerlyEvaluate(nullptr);
    for (unsigned i = 0; i < 10 * enough && !hung_up; ++i) {
      auto request = door.requestRequest();
      auto body = request.initBody();
      const Blob words = message_of("more").flat_words();
      body.setTypeId(type_id_of<FrameTag>());
      body.setWords(kj::arrayPtr(reinterpret_cast<const kj::byte*>(words.data()), words.size()));
      request.send().ignoreResult().detach([](kj::Exception&&) {});
      io.waitScope.poll();
      ::usleep(500);
    }
    CHECK(hung_up);
    CHECK(asked >= limits::link_unread_bytes_max / (std::size_t{4} << 20));
    CHECK(asked <= enough);
  }
  auto other = connect_client(node.address(), {}, 5s);
  REQUIRE(other.ok());
  CHECK((*other)->call(message_of("and me?"), 5s).ok());
}
