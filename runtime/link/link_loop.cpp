#include "runtime/link/link_loop.hpp"

#include <kj/debug.h>

#include <atomic>
#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/link/address.hpp"
#include "runtime/link/tls.hpp"
#include "runtime/link/wire_packet.hpp"

namespace omma {
namespace {

// Answers a request when the handler lets go of it without an answer.
class OpenRequest {
 public:
  OpenRequest(std::shared_ptr<Mailbox> mailbox, std::uint64_t number)
      : mailbox_(std::move(mailbox)), number_(number) {}
  ~OpenRequest() {
    if (!answered_.exchange(true)) {
      mailbox_->answer(number_, Error{Code::internal, "the request was dropped unanswered"});
    }
  }
  void answer(Result<Message> result) {
    if (!answered_.exchange(true)) mailbox_->answer(number_, std::move(result));
  }

 private:
  std::shared_ptr<Mailbox> mailbox_;
  std::uint64_t number_;
  std::atomic<bool> answered_{false};
};

}  // namespace

LinkLoop::LinkLoop(LinkOptions options, LinkHandlers handlers, std::shared_ptr<BufferPool> pool,
                   const Clock& clock, std::shared_ptr<Mailbox> mailbox, kj::AsyncIoContext& io)
    : options_(std::move(options)),
      handlers_(std::move(handlers)),
      pool_(std::move(pool)),
      clock_(clock),
      mailbox_(std::move(mailbox)),
      io_(io),
      timer_(io.provider->getTimer()),
      jitter_(options_.self.incarnation.low),
      tasks_(*this) {}

LinkLoop::~LinkLoop() noexcept(false) {
  if (receiver_.get() != nullptr) forget_address(listen_address_);
}

Result<std::string> LinkLoop::listen() {
  if (options_.tls) {
    auto context = make_tls_context(*options_.tls);
    if (!context) return context.error();
    tls_ = kj::mv(*context);
  }
  auto listener = listen_on(io_, options_.listen_address);
  if (!listener) return listener.error();
  receiver_ = kj::mv(listener->receiver);
  listen_address_ = listener->address;
  return listen_address_;
}

void LinkLoop::run() {
  auto stop = kj::newPromiseAndFulfiller<void>();
  stop_ = kj::mv(stop.fulfiller);
  using Provider = kj::LowLevelAsyncIoProvider;
  wake_ = io_.lowLevelProvider->wrapInputFd(mailbox_->wake_fd(),
                                            Provider::ALREADY_NONBLOCK | Provider::ALREADY_CLOEXEC);
  tasks_.add(read_news());
  tasks_.add(accept_next());
  stop.promise.wait(io_.waitScope);
  for (auto& [name, peer] : peers_) {
    if (peer.session.get() != nullptr) peer.session->finish("this node closes its links");
  }
  take_news(mailbox_->collect());
}

// --- News from other threads ---------------------------------------------------------------------

kj::Promise<void> LinkLoop::read_news() {
  return wake_->read(&wake_count_, sizeof wake_count_).then([this] {
    take_news(mailbox_->collect());
    return read_news();
  });
}

void LinkLoop::take_news(Mailbox::News news) {
  for (auto& [name, address] : news.peer_addresses) apply_address(name, std::move(address));
  for (auto& [number, result] : news.answers) {
    auto found = requests_.find(number);
    if (found == requests_.end()) continue;
    found->second->fulfill(std::move(result));
    requests_.erase(found);
  }
  for (Mailbox::Call& call : news.calls) {
    if (news.stop) {
      mailbox_->call_finished();
      call.answer(Error{Code::unavailable, "this node closes its links"});
    } else {
      take_call(std::move(call));
    }
  }
  for (const std::string& name : news.with_packets) {
    auto peer = peers_.find(name);
    if (peer != peers_.end() && peer->second.session.get() != nullptr) {
      peer->second.session->pump();
    }
  }
  if (news.stop) stop_->fulfill();
}

void LinkLoop::take_call(Mailbox::Call call) {
  auto peer = peers_.find(call.peer);
  if (peer == peers_.end() || peer->second.session.get() == nullptr) {
    mailbox_->call_finished();
    call.answer(Error{Code::unavailable, "node '" + call.peer + "' is not connected"});
    return;
  }
  peer->second.session->call(std::move(call.request), call.timeout, std::move(call.answer));
}

// --- Sessions ------------------------------------------------------------------------------------

void LinkLoop::begin_session(NodeId node, LaneConnections lanes) {
  Peer& peer = peers_[node.name];
  if (peer.session.get() != nullptr) end_session(peer, "replaced by a newer connection");
  peer.failures = 0;
  peer.session = kj::heap<PeerSession>(node, std::move(lanes), mailbox_, timer_, clock_);
  mailbox_->open_queue(node.name);
  mailbox_->count([](LinkCounters& counters) { counters.connections_opened += lane_count; });
  PeerSession& session = *peer.session;
  handlers_.on_peer_up(node);
  session.start();
}

void LinkLoop::end_session(Peer& peer, const std::string& why) {
  auto session = kj::mv(peer.session);
  const std::string name = session->peer().name;
  const std::size_t dropped = session->finish(why) + mailbox_->close_queue(name);
  mailbox_->count([&](LinkCounters& counters) {
    counters.dropped_connection += dropped;
    counters.connections_lost += lane_count;
  });
  bury(kj::mv(session));
  handlers_.on_peer_down(name, why);
}

void LinkLoop::on_closed(Connection& which, const LinkStream::End& end) {
  if (end.malformed) mailbox_->count([](LinkCounters& c) { ++c.refused_malformed; });
  if (which.session != nullptr) {
    const std::string name = which.session->peer().name;
    auto peer = peers_.find(name);
    if (peer == peers_.end() || peer->second.session.get() != which.session) return;
    end_session(peer->second, end.why);
    dial_later(name, back_off(0));
    forget_if_idle(name);
    return;
  }
  auto stranger = strangers_.find(&which);
  if (stranger == strangers_.end()) return;  // Of a dial, which notices by itself.
  if (stranger->second.client) --clients_;
  bury(kj::mv(stranger->second.connection));
  strangers_.erase(stranger);
}

void LinkLoop::forget_if_idle(const std::string& name) {
  auto peer = peers_.find(name);
  if (peer == peers_.end() || peer->second.address || peer->second.session.get() != nullptr) return;
  peers_.erase(peer);
}

kj::Promise<void> LinkLoop::on_packets(Connection& from, std::vector<Packet> packets) {
  if (from.session == nullptr) return from.hold(std::move(packets));
  std::size_t bytes = 0;
  for (const Packet& packet : packets) bytes += body_bytes_of(packet);
  mailbox_->count([&](LinkCounters& counters) {
    counters.packets_received += packets.size();
    counters.bytes_received += bytes;
  });
  mailbox_->count(from.session->peer().name, [&](LinkPeerCounters& counters) {
    counters.packets_received += packets.size();
    counters.bytes_received += bytes;
  });
  handlers_.on_packets(from.session->peer(), std::move(packets));
  return kj::READY_NOW;
}

kj::Promise<Result<Message>> LinkLoop::on_request(Connection& from, Message request) {
  if (!handlers_.on_call) {
    return Result<Message>(Error{Code::unsupported, "this node takes no requests"});
  }
  if (requests_.size() >= limits::link_requests_open_max) {
    return Result<Message>(
        Error{Code::overloaded, std::to_string(requests_.size()) +
                                    " requests wait for their answer, limit " +
                                    std::to_string(limits::link_requests_open_max)});
  }
  const std::uint64_t number = ++requests_begun_;
  auto pair = kj::newPromiseAndFulfiller<Result<Message>>();
  requests_.emplace(number, kj::mv(pair.fulfiller));
  auto open = std::make_shared<OpenRequest>(mailbox_, number);
  handlers_.on_call(from.greeting->self, std::move(request),
                    [open](Result<Message> result) { open->answer(std::move(result)); });
  return kj::mv(pair.promise);
}

}  // namespace omma
