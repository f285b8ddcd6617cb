// Baseline for a round trip between two processes: a CAF actor leaves a message in a queue, an
// eventfd wakes the thread of an event loop, which makes one RPC of it; the other side hands it to
// its CAF actor, and back the same way. No numbers, no acknowledgements, no accounts.
#include <capnp/orphan.h>
#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <caf/all.hpp>

#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/check.hpp"
#include "tools/bench/baseline.capnp.h"
#include "tools/bench/figures.hpp"
#include "tools/bench/peer_process.hpp"
#include "tools/bench/rows.hpp"

namespace omma::bench {

struct HandedOver {
  std::uint64_t number = 0;
  std::shared_ptr<const std::vector<kj::byte>> body;
};

}  // namespace omma::bench

CAF_BEGIN_TYPE_ID_BLOCK(omma_bench_rpc, first_custom_type_id)
CAF_ADD_TYPE_ID(omma_bench_rpc, (omma::bench::HandedOver))
CAF_END_TYPE_ID_BLOCK(omma_bench_rpc)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(omma::bench::HandedOver)

namespace omma::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t body_bytes = 64;

// From any thread to the event loop's.
class HandOver {
 public:
  HandOver() : wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    OMMA_CHECK(wake_fd_ >= 0, errno);
  }
  ~HandOver() { ::close(wake_fd_); }
  HandOver(const HandOver&) = delete;
  HandOver& operator=(const HandOver&) = delete;

  int wake_fd() const { return wake_fd_; }
  void put(HandedOver message) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(message));
    if (waiting_.size() > 1) return;
    const std::uint64_t one = 1;
    OMMA_CHECK(::write(wake_fd_, &one, sizeof one) == sizeof one, errno);
  }
  std::vector<HandedOver> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(waiting_, {});
  }

 private:
  int wake_fd_;
  std::mutex mutex_;
  std::vector<HandedOver> waiting_;
};

class NeighbourServer final : public Neighbour::Server {
 public:
  explicit NeighbourServer(caf::actor target) : target_(std::move(target)) {}

  // Fulfilled with who called, once somebody has.
  kj::Promise<Neighbour::Client> caller() {
    auto pair = kj::newPromiseAndFulfiller<Neighbour::Client>();
    introduced_ = kj::mv(pair.fulfiller);
    return kj::mv(pair.promise);
  }

 private:
  kj::Promise<void> introduce(IntroduceContext context) override {
    introduced_->fulfill(context.getParams().getBack());
    return kj::READY_NOW;
  }
  kj::Promise<void> hand(HandContext context) override {
    const auto params = context.getParams();
    const auto body = params.getBody();
    caf::anon_send(target_,
                   HandedOver{params.getNumber(), std::make_shared<const std::vector<kj::byte>>(
                                                      body.begin(), body.end())});
    return kj::READY_NOW;
  }

  caf::actor target_;
  kj::Own<kj::PromiseFulfiller<Neighbour::Client>> introduced_;
};

// Ends the loop when the other side hangs up: one that answers no more is an error of the bench.
class Sender final : private kj::TaskSet::ErrorHandler {
 public:
  Sender(Neighbour::Client to, HandOver& queue, kj::AsyncIoContext& io)
      : to_(kj::mv(to)),
        queue_(queue),
        wake_(io.lowLevelProvider->wrapInputFd(queue.wake_fd(), 0)),
        tasks_(*this) {}

  kj::Promise<void> run() {
    return wake_->read(&wakes_, sizeof wakes_).then([this] {
      for (const HandedOver& message : queue_.take()) send(message);
      return run();
    });
  }

 private:
  void send(const HandedOver& message) {
    auto request = to_.handRequest(capnp::MessageSize{16, 0});
    request.setNumber(message.number);
    request.adoptBody(
        capnp::Orphanage::getForMessageContaining(Neighbour::HandParams::Builder(request))
            .referenceExternalData(kj::arrayPtr(message.body->data(), message.body->size())));
    tasks_.add(request.send().ignoreResult().attach(message.body));
  }
  void taskFailed(kj::Exception&&) override {}

  Neighbour::Client to_;
  HandOver& queue_;
  kj::Own<kj::AsyncInputStream> wake_;
  std::uint64_t wakes_ = 0;
  kj::TaskSet tasks_;
};

struct RpcConfig : caf::actor_system_config {
  RpcConfig() {
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", 2);
  }
};

void send_at_once(kj::AsyncIoStream& stream, const std::string& address) {
  if (address.starts_with("unix:")) return;
  const int one = 1;
  stream.setsockopt(IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

// Begins with a message without a body.
caf::behavior asker(caf::event_based_actor*, HandOver* out, std::size_t count,
                    std::vector<double>* microseconds, kj::PromiseFulfiller<void>* done,
                    const kj::Executor* loop) {
  auto asked = std::make_shared<SteadyClock::time_point>();
  auto answered = std::make_shared<std::size_t>(0);
  const auto body = std::make_shared<const std::vector<kj::byte>>(body_bytes);
  const auto ask = [=] {
    *asked = SteadyClock::now();
    out->put({*answered, body});
  };
  return {[=](const HandedOver& message) {
    if (message.body) {
      const std::chrono::duration<double, std::micro> took = SteadyClock::now() - *asked;
      if (++*answered > count / 10) microseconds->push_back(took.count());
      if (microseconds->size() == count) return loop->executeSync([&] { done->fulfill(); });
    }
    ask();
  }};
}

}  // namespace

void measure_bare_rpc(const std::string& address, std::size_t count) {
  auto io = kj::setupAsyncIo();
  const bool is_unix = address.starts_with("unix:");
  auto listener =
      io.provider->getNetwork().parseAddress(address.c_str()).wait(io.waitScope)->listen();
  PeerProcess peer(
      {"far", "rpc", is_unix ? address : "127.0.0.1:" + std::to_string(listener->getPort())});
  auto stream = listener->accept().wait(io.waitScope);
  send_at_once(*stream, address);

  RpcConfig config;
  caf::actor_system system(config);
  HandOver out;
  std::vector<double> microseconds;
  auto done = kj::newPromiseAndFulfiller<void>();
  const caf::actor actor = system.spawn(asker, &out, count, &microseconds, done.fulfiller.get(),
                                        &kj::getCurrentThreadExecutor());
  auto server = kj::heap<NeighbourServer>(actor);
  auto caller = server->caller();
  capnp::TwoPartyVatNetwork network(*stream, capnp::rpc::twoparty::Side::SERVER);
  auto rpc = capnp::makeRpcServer(network, Neighbour::Client(kj::mv(server)));
  Sender sender(caller.wait(io.waitScope), out, io);
  auto running = sender.run().eagerlyEvaluate(nullptr);
  caf::anon_send(actor, HandedOver{});
  done.promise.wait(io.waitScope);
  print(latencies(microseconds));
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
}

void be_far_rpc(const std::string& near_address) {
  auto io = kj::setupAsyncIo();
  auto stream = io.provider->getNetwork()
                    .parseAddress(near_address.c_str())
                    .wait(io.waitScope)
                    ->connect()
                    .wait(io.waitScope);
  send_at_once(*stream, near_address);
  RpcConfig config;
  caf::actor_system system(config);
  HandOver out;
  const caf::actor actor = system.spawn([&out](caf::event_based_actor*) -> caf::behavior {
    return {[&out](const HandedOver& message) { out.put(message); }};
  });
  Neighbour::Client self = kj::heap<NeighbourServer>(actor);
  capnp::TwoPartyVatNetwork network(*stream, capnp::rpc::twoparty::Side::CLIENT);
  auto rpc = capnp::makeRpcServer(network, self);
  capnp::MallocMessageBuilder builder(8);
  auto vat = builder.initRoot<capnp::rpc::twoparty::VatId>();
  vat.setSide(capnp::rpc::twoparty::Side::SERVER);
  Neighbour::Client to = rpc.bootstrap(vat).castAs<Neighbour>();
  auto request = to.introduceRequest();
  request.setBack(self);
  request.send().wait(io.waitScope);
  Sender sender(to, out, io);
  sender.run().wait(io.waitScope);
}

}  // namespace omma::bench
