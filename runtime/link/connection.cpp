#include "runtime/link/connection.hpp"

#include <kj/debug.h>

#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/link/wire_packet.hpp"

namespace omma {
namespace {

// RPC's own words around a call of ours.
constexpr std::size_t rpc_overhead_bytes = std::size_t{64} << 10;
// Reading may pass over a call's words more than once (sizes, lists, parts), never without bound.
constexpr std::size_t reading_factor = 4;
// Calls read and not answered: ours come two a lane, requests wait for their handlers.
constexpr std::size_t unanswered_bytes_max = 4 * limits::link_call_bytes_max;

capnp::ReaderOptions reader_options() {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = reading_factor * limits::link_call_bytes_max / 8;
  return options;
}

// Only what large payloads travel on, and only between nodes.
bool shares_memory(const Greeting& greeting) {
  return greeting.self && greeting.lane == Lane::bulk;
}

void encode(const Error& error, wire::Failure::Builder out) {
  out.setCode(static_cast<std::uint8_t>(error.code));
  out.setMessage(error.message.c_str());
}

Error decode(wire::Failure::Reader in) {
  // A code from a later version means a bug to us, as any unknown does.
  const bool known = in.getCode() <= static_cast<std::uint8_t>(Code::internal);
  return {known ? static_cast<Code>(in.getCode()) : Code::internal, in.getMessage().cStr()};
}

}  // namespace

class Connection::DoorServer final : public wire::Door::Server {
 public:
  explicit DoorServer(Connection& connection) : connection_(&connection) {}
  void detach() { connection_ = nullptr; }

 private:
  // Pointers that lead nowhere show only when they are followed.
  template <class Decode>
  auto decoded(Decode&& decode) {
    std::optional<decltype(decode())> result;
    auto failure = kj::runCatchingExceptions([&] { result = decode(); });
    KJ_IF_MAYBE (exception, failure) {
      malformed({Code::corrupt, exception->getDescription().cStr()});
    }
    if (!*result) malformed(result->error());
    return **std::move(result);
  }
  [[noreturn]] void malformed(const Error& error) {
    connection_->break_off(true, error.message);
    kj::throwFatalException(KJ_EXCEPTION(FAILED, error.message.c_str()));
  }

  kj::Promise<void> hello(HelloContext context) override {
    Connection& connection = current();
    auto hello = context.getParams().getHello();
    auto results = context.getResults();
    const auto refuse = [&](const Error& error) {
      encode(error, results.getFailure());
      connection.refuse_softly(error.message);
      return kj::READY_NOW;
    };
    if (connection.remote_ || connection.refused_) {
      return refuse({Code::invalid_argument, "a second hello on one connection"});
    }
    if (hello.getVersion() != wire::PROTOCOL_VERSION) {
      return refuse(
          {Code::unsupported, "link protocol version " + std::to_string(hello.getVersion()) +
                                  ", this node speaks " + std::to_string(wire::PROTOCOL_VERSION)});
    }
    if (hello.getLane() >= lane_count_max || !context.getParams().hasBack()) {
      return refuse({Code::corrupt, "hello without a lane or a way back"});
    }
    Greeting greeting{.self = {},
                      .lane = static_cast<Lane>(hello.getLane()),
                      .session = hello.getSession(),
                      .expected = hello.getExpected().cStr()};
    if (hello.hasSelf()) {
      auto node = omma::decode(hello.getSelf());
      if (!node) return refuse(node.error());
      greeting.self = *std::move(node);
    }
    auto self = connection.owner_.on_hello(connection, greeting);
    if (!self) return refuse(self.error());
    if (shares_memory(greeting)) connection.stream_.offer_arena();
    connection.greeting = std::move(greeting);
    omma::encode(*self, results.initSelf());
    connection.greeted(context.getParams().getBack());
    connection.take_arena();
    return kj::READY_NOW;
  }

  kj::Promise<void> deliver(DeliverContext context) override {
    Connection& connection = greeted_only();
    auto packets = decoded([&] {
      return omma::decode(context.getParams().getPackets(), connection.stream_, *connection.pool_);
    });
    context.releaseParams();
    return connection.owner_.on_packets(connection, std::move(packets));
  }

  kj::Promise<void> ping(PingContext) override {
    greeted_only();
    return kj::READY_NOW;
  }

  kj::Promise<void> arenaTaken(ArenaTakenContext) override {
    LoanDesk* const desk = greeted_only().stream_.desk();
    if (desk == nullptr || !desk->on_taken()) {
      malformed({Code::corrupt, "took memory that was not offered"});
    }
    return kj::READY_NOW;
  }

  kj::Promise<void> request(RequestContext context) override {
    Connection& connection = greeted_only();
    auto body = decoded([&] { return connection.decode_body(context.getParams().getBody()); });
    context.releaseParams();
    return connection.owner_.on_request(connection, std::move(body))
        .then([this, context](Result<Message> answer) mutable { reply(context, answer); });
  }

  static constexpr std::uint8_t lane_count_max = 2;

  Connection& current() {
    KJ_REQUIRE(connection_ != nullptr, "this connection is closed");
    return *connection_;
  }
  Connection& greeted_only() {
    Connection& connection = current();
    if (!connection.remote_) malformed({Code::corrupt, "a call before hello"});
    return connection;
  }
  void reply(RequestContext& context, const Result<Message>& answer) {
    if (connection_ == nullptr) return;
    if (answer && answer->size_bytes() > limits::message_bytes_max) {
      const Error error{Code::over_limit, "reply of " + std::to_string(answer->size_bytes()) +
                                              " bytes, limit " +
                                              std::to_string(limits::message_bytes_max)};
      encode(error, context.getResults().initFailure());
      return;
    }
    if (!answer) {
      encode(answer.error(), context.getResults().initFailure());
      return;
    }
    auto results = context.getResults(capnp::MessageSize{inline_words_of(*answer) + 8, 0});
    if (!answer->is_null()) omma::encode(*answer, results.initBody(), connection_->stream_);
    // Ours is about to join them; what the queue does not count yet is one reply at most.
    const std::size_t unread = connection_->network_.getCurrentQueueSize();
    if (unread > limits::link_unread_bytes_max) {
      connection_->break_off(false, "it does not read: replies of " + std::to_string(unread) +
                                        " bytes wait, limit " +
                                        std::to_string(limits::link_unread_bytes_max));
    }
  }

  Connection* connection_;  // Null once it is gone; RPC may let go of us a little later.
};

Connection::Connection(Owner& owner, kj::Own<kj::AsyncIoStream> stream,
                       capnp::rpc::twoparty::Side side, std::shared_ptr<BufferPool> pool,
                       kj::Timer& timer, std::unique_ptr<LoanDesk> desk)
    : owner_(owner),
      pool_(std::move(pool)),
      timer_(timer),
      door_(nullptr),
      door_client_([this] {
        auto server = kj::heap<DoorServer>(*this);
        door_ = server.get();
        return wire::Door::Client(kj::mv(server));
      }()),
      stream_(kj::mv(stream), pool_, limits::link_hello_bytes_max),
      network_(stream_, side, reader_options()),
      rpc_(capnp::makeRpcServer(network_, door_client_)),
      watch_(nullptr) {
  if (desk != nullptr) stream_.share_by(std::move(desk));
  rpc_.setFlowLimit(unanswered_bytes_max / 8);
  // Whichever comes first; RPC that ends on a stream that has not is a breach of its protocol.
  watch_ = stream_.on_end()
               .exclusiveJoin(network_.onDisconnect())
               .then([this] { report_end(); },
                     [this](kj::Exception&& exception) {
                       stream_.stop(false, exception.getDescription().cStr());
                       report_end();
                     })
               .eagerlyEvaluate(nullptr);
}

Connection::~Connection() noexcept(false) {
  door_->detach();
}

void Connection::report_end() {
  stream_.stop(true, "the other side does not speak RPC");
  door_->detach();
  // Whoever was refused is counted, even if it hung up first.
  owner_.on_closed(*this, refused_.value_or(*stream_.end_state()));
}

// Leaves time for the answer that says why.
void Connection::refuse_softly(const std::string& why) {
  if (refused_) return;
  refused_ = LinkStream::End{true, why};
  watch_ = timer_.afterDelay(100 * kj::MILLISECONDS)
               .exclusiveJoin(stream_.on_end())
               .then([this, why] {
                 stream_.stop(true, why);
                 report_end();
               })
               .eagerlyEvaluate(nullptr);
}

void Connection::greeted(wire::Door::Client remote) {
  remote_ = kj::mv(remote);
  stream_.set_call_bytes_max(limits::link_call_bytes_max + rpc_overhead_bytes);
}

// The other side's arena came with its part of the hello, if it has one.
void Connection::take_arena() {
  if (!shares_memory(*greeting)) return stream_.share_by(nullptr);
  if (!stream_.take_arena()) return;
  remote_->arenaTakenRequest(capnp::MessageSize{4, 0}).send().detach([](kj::Exception&&) {});
}

kj::Promise<Result<NodeId>> Connection::say_hello(const Greeting& said) {
  capnp::MallocMessageBuilder builder(8);
  auto vat = builder.initRoot<capnp::rpc::twoparty::VatId>();
  vat.setSide(capnp::rpc::twoparty::Side::SERVER);
  wire::Door::Client remote = rpc_.bootstrap(vat.asReader()).castAs<wire::Door>();
  auto request = remote.helloRequest();
  request.setBack(door_client_);
  auto hello = request.initHello();
  hello.setVersion(wire::PROTOCOL_VERSION);
  hello.setLane(static_cast<std::uint8_t>(said.lane));
  hello.setSession(said.session);
  hello.setExpected(said.expected.c_str());
  if (said.self) omma::encode(*said.self, hello.initSelf());
  greeting = said;
  if (shares_memory(said)) stream_.offer_arena();
  // The other side may send as soon as it has let us in, before its answer is looked at here.
  greeted(kj::mv(remote));
  return request.send().then(
      [this](capnp::Response<wire::Door::HelloResults> response) -> Result<NodeId> {
        if (response.getFailure().getCode() != 0) return decode(response.getFailure());
        take_arena();
        return omma::decode(response.getSelf());
      },
      [](kj::Exception&& exception) -> Result<NodeId> {
        return Error{Code::unavailable, exception.getDescription().cStr()};
      });
}

kj::Promise<void> Connection::send_packets(const std::vector<Packet>& packets) {
  auto request = remote_->deliverRequest(capnp::MessageSize{inline_words_of(packets) + 8, 0});
  encode(packets, request.initPackets(static_cast<kj::uint>(packets.size())), stream_);
  return request.send().ignoreResult();
}

kj::Promise<void> Connection::ping() {
  return remote_->pingRequest(capnp::MessageSize{4, 0}).send().ignoreResult();
}

kj::Promise<Result<Message>> Connection::send_request(const Message& body) {
  auto request = remote_->requestRequest(capnp::MessageSize{inline_words_of(body) + 8, 0});
  if (!body.is_null()) omma::encode(body, request.initBody(), stream_);
  return request.send().then(
      [this](capnp::Response<wire::Door::RequestResults> response) -> Result<Message> {
        Result<Message> message = Error{Code::corrupt, "a reply that cannot be read"};
        // As in DoorServer::decoded: what leads nowhere shows when it is followed.
        auto failure = kj::runCatchingExceptions([&] {
          if (response.getFailure().getCode() != 0) {
            message = decode(response.getFailure());
            return;
          }
          message = decode_body(response.getBody());
          if (!message) break_off(true, message.error().message);
        });
        KJ_IF_MAYBE (exception, failure) {
          message = Error{Code::corrupt, exception->getDescription().cStr()};
          break_off(true, message.error().message);
        }
        return message;
      },
      [](kj::Exception&& exception) -> Result<Message> {
        return Error{Code::unavailable, exception.getDescription().cStr()};
      });
}

Result<Message> Connection::decode_body(wire::Body::Reader in) const {
  auto message = omma::decode(in, stream_, *pool_);
  if (!message) return message;
  if (auto checked = owner_.check_body(*message); !checked) return checked.error();
  return message;
}

kj::Promise<void> Connection::hold(std::vector<Packet> packets) {
  if (has_ended()) return kj::READY_NOW;
  const bool from_client = greeting && !greeting->self;
  if (from_client || held_.size() >= limits::calls_in_flight_max) {
    break_off(true, "packets on a connection that is no lane of a session");
    return kj::READY_NOW;
  }
  auto pair = kj::newPromiseAndFulfiller<void>();
  held_.push_back({std::move(packets), kj::mv(pair.fulfiller)});
  return kj::mv(pair.promise);
}

void Connection::hand_over_held() {
  for (Held& held : std::exchange(held_, {})) {
    // Already in a session, so the owner takes them at once.
    held.answered->fulfill();
    owner_.on_packets(*this, std::move(held.packets)).detach([](kj::Exception&&) {});
  }
}

bool Connection::take_progress() {
  return std::exchange(progress_seen_, stream_.progress()) != stream_.progress();
}

}  // namespace omma
