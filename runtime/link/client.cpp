#include <kj/async-io.h>
#include <kj/exception.h>

#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/link/address.hpp"
#include "runtime/link/connection.hpp"
#include "runtime/link/link.hpp"
#include "runtime/link/tls.hpp"

namespace omma {
namespace {

// A client keeps few buffers: its replies are tables and lists.
constexpr std::size_t client_kept_bytes = std::size_t{8} << 20;

auto kj_duration(Duration duration) {
  return duration.count() * kj::NANOSECONDS;
}

// Serves nobody: a node has no business calling its client.
class NoOwner final : public Connection::Owner {
 public:
  Result<NodeId> on_hello(Connection&, const Greeting&) override {
    return Error{Code::unsupported, "this is a client"};
  }
  kj::Promise<void> on_packets(Connection& from, std::vector<Packet>) override {
    from.break_off(true, "packets to a client");
    return kj::READY_NOW;
  }
  kj::Promise<Result<Message>> on_request(Connection&, Message) override {
    return Result<Message>(Error{Code::unsupported, "this is a client"});
  }
  void on_closed(Connection&, const LinkStream::End&) override {}
};

kj::Promise<kj::Own<kj::AsyncIoStream>> connect(kj::AsyncIoContext& io, std::string address,
                                                kj::TlsContext* tls) {
  return io.provider->getNetwork()
      .parseAddress(address.c_str())
      .then([](kj::Own<kj::NetworkAddress> parsed) {
        auto connected = parsed->connect();
        return connected.attach(kj::mv(parsed));
      })
      .then([address,
             tls](kj::Own<kj::AsyncIoStream> stream) -> kj::Promise<kj::Own<kj::AsyncIoStream>> {
        tune(*stream, address);
        if (tls == nullptr || is_unix_address(address)) return kj::mv(stream);
        return tls->wrapClient(kj::mv(stream), host_of(address).c_str());
      });
}

// What a client has on its event loop's thread.
struct ClientLoop {
  explicit ClientLoop(kj::AsyncIoContext& context) : io(context) {}

  Result<void> open(const std::string& address, const std::optional<TlsFiles>& files,
                    Duration timeout) {
    if (files) {
      auto context = make_tls_context(*files);
      if (!context) return context.error();
      tls = kj::mv(*context);
    }
    std::optional<Error> refused;
    auto failure = kj::runCatchingExceptions([&] {
      auto greeted = connect(io, address, tls.get()).then([&](auto stream) {
        connection = kj::heap<Connection>(owner, kj::mv(stream), capnp::rpc::twoparty::Side::CLIENT,
                                          std::make_shared<BufferPool>(client_kept_bytes),
                                          io.provider->getTimer());
        return connection->say_hello({});
      });
      auto node = io.provider->getTimer()
                      .timeoutAfter(kj_duration(timeout), kj::mv(greeted))
                      .wait(io.waitScope);
      if (!node) refused = node.error();
    });
    KJ_IF_MAYBE (exception, failure) {
      return Error{Code::unavailable, "cannot reach a node at '" + address +
                                          "': " + exception->getDescription().cStr()};
    }
    if (refused) {
      return Error{refused->code, "node at '" + address + "': " + refused->message};
    }
    return {};
  }

  kj::Promise<Result<Message>> call(const Message& request, Duration timeout) {
    auto late = io.provider->getTimer()
                    .afterDelay(kj_duration(timeout))
                    .then([timeout]() -> Result<Message> {
                      using std::chrono::milliseconds;
                      const auto limit = std::chrono::duration_cast<milliseconds>(timeout);
                      return Error{Code::unavailable,
                                   "no answer within " + std::to_string(limit.count()) + " ms"};
                    });
    return kj::evalNow([&] { return connection->send_request(request); })
        .exclusiveJoin(kj::mv(late));
  }

  kj::AsyncIoContext& io;
  kj::Own<kj::TlsContext> tls;
  NoOwner owner;
  kj::Own<kj::PromiseFulfiller<void>> stop;
  kj::Own<Connection> connection;
};

struct Started {
  const kj::Executor* executor = nullptr;
  ClientLoop* loop = nullptr;
};

// An event loop of its own: the caller's thread may have one, or be another each time.
void run_client(const std::string& address, const std::optional<TlsFiles>& tls, Duration timeout,
                std::promise<Result<Started>> started) {
  auto io = kj::setupAsyncIo();
  ClientLoop loop(io);
  auto stop = kj::newPromiseAndFulfiller<void>();
  loop.stop = kj::mv(stop.fulfiller);
  auto opened = loop.open(address, tls, timeout);
  if (!opened) {
    started.set_value(opened.error());
    return;
  }
  started.set_value(Started{&kj::getCurrentThreadExecutor(), &loop});
  stop.promise.wait(io.waitScope);
}

class ThreadedClient final : public LinkClient {
 public:
  ThreadedClient(std::thread thread, Started started)
      : thread_(std::move(thread)), started_(started) {}
  ~ThreadedClient() override {
    started_.executor->executeSync([this] { started_.loop->stop->fulfill(); });
    thread_.join();
  }

  Result<Message> call(Message request, Duration timeout) override {
    if (request.size_bytes() > limits::message_bytes_max) {
      return Error{Code::over_limit, "request of " + std::to_string(request.size_bytes()) +
                                         " bytes, limit " +
                                         std::to_string(limits::message_bytes_max)};
    }
    return started_.executor->executeSync([&] { return started_.loop->call(request, timeout); });
  }

 private:
  std::thread thread_;
  Started started_;
};

}  // namespace

Result<std::unique_ptr<LinkClient>> connect_client(const std::string& address,
                                                   std::optional<TlsFiles> tls, Duration timeout) {
  std::promise<Result<Started>> started;
  auto ready = started.get_future();
  std::thread thread(
      [address, tls = std::move(tls), timeout, started = std::move(started)]() mutable {
        run_client(address, tls, timeout, std::move(started));
      });
  auto loop = ready.get();
  if (!loop) {
    thread.join();
    return loop.error();
  }
  return std::unique_ptr<LinkClient>(std::make_unique<ThreadedClient>(std::move(thread), *loop));
}

}  // namespace omma
