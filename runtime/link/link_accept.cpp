// LinkLoop's side that is dialled: accepting, greeting, pairing lanes.
#include <kj/debug.h>

#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/link/address.hpp"
#include "runtime/link/link_loop.hpp"
#include "runtime/link/tls.hpp"

namespace omma {
namespace {

// Of connections that have not said who they are, and of clients.
constexpr std::size_t strangers_max = limits::clients_max + 2 * limits::peers_max;

}  // namespace

kj::Promise<void> LinkLoop::accept_next() {
  return receiver_->acceptAuthenticated()
      .then(
          [this](kj::AuthenticatedStream stream) -> kj::Promise<void> {
            tasks_.add(accept(kj::mv(stream)));
            return kj::READY_NOW;
          },
          [this](kj::Exception&&) -> kj::Promise<void> {
            // Out of file descriptors, or the caller is gone already: look again in a moment.
            return timer_.afterDelay(100 * kj::MILLISECONDS);
          })
      .then([this] { return accept_next(); });
}

kj::Promise<void> LinkLoop::accept(kj::AuthenticatedStream stream) {
  if (strangers_.size() + handshakes_ >= strangers_max) {
    mailbox_->count([](LinkCounters& counters) { ++counters.refused_malformed; });
    return kj::READY_NOW;
  }
  auto failure = kj::runCatchingExceptions([&] { tune(*stream.stream, listen_address_); });
  if (failure != nullptr) return kj::READY_NOW;  // Gone already.
  if (tls_.get() == nullptr || is_unix_address(listen_address_)) {
    admit(kj::mv(stream.stream), std::nullopt);
    return kj::READY_NOW;
  }
  ++handshakes_;
  auto wrapped = timer_.timeoutAfter(limits::suspect_after.count() * kj::NANOSECONDS,
                                     tls_->wrapServer(kj::mv(stream)));
  return wrapped.then(
      [this](kj::AuthenticatedStream secured) {
        --handshakes_;
        std::string name = certificate_name(*secured.peerIdentity);
        admit(kj::mv(secured.stream), std::move(name));
      },
      [this](kj::Exception&&) {
        --handshakes_;
        mailbox_->count([](LinkCounters& counters) { ++counters.refused_malformed; });
      });
}

void LinkLoop::admit(kj::Own<kj::AsyncIoStream> stream, std::optional<std::string> certificate) {
  auto connection = kj::heap<Connection>(owner(), kj::mv(stream),
                                         capnp::rpc::twoparty::Side::SERVER, pool_, timer_, desk());
  connection->certificate = std::move(certificate);
  connection->number = ++connections_made_;
  Connection* const which = connection.get();
  const std::uint64_t number = connection->number;
  strangers_.emplace(which, Stranger{kj::mv(connection), false});
  tasks_.add(timer_.afterDelay(limits::suspect_after.count() * kj::NANOSECONDS)
                 .then([this, which, number] { expire(which, number); }));
}

// A stranger had its time to say who it is and to bring its other lane.
void LinkLoop::expire(Connection* which, std::uint64_t number) {
  auto stranger = strangers_.find(which);
  if (stranger == strangers_.end() || which->number != number || stranger->second.client) return;
  const bool malformed = !which->greeting && which->has_received();
  which->break_off(malformed, which->greeting ? "its other lane did not come" : "no hello came");
}

Result<void> LinkLoop::check_node(const Connection& from, const Greeting& greeting) const {
  const NodeId& node = *greeting.self;
  if (node.name == options_.self.name) {
    return Error{Code::conflict, "a node named '" + node.name + "' is this node"};
  }
  if (from.certificate && *from.certificate != node.name) {
    return Error{Code::invalid_argument,
                 "node '" + node.name + "' shows the certificate of '" + *from.certificate + "'"};
  }
  auto peer = peers_.find(node.name);
  if (peer == peers_.end()) {
    if (peers_.size() < limits::peers_max) return {};
    return Error{Code::overloaded, std::to_string(peers_.size()) + " peers are known, limit " +
                                       std::to_string(limits::peers_max)};
  }
  if (peer->second.session.get() == nullptr) return {};
  const NodeId& known = peer->second.session->peer();
  if (known.incarnation != node.incarnation && node.epoch < known.epoch) {
    return Error{Code::conflict, "node '" + node.name + "' of epoch " + std::to_string(node.epoch) +
                                     ", but epoch " + std::to_string(known.epoch) +
                                     " is connected"};
  }
  return {};
}

Result<NodeId> LinkLoop::on_hello(Connection& from, const Greeting& greeting) {
  auto stranger = strangers_.find(&from);
  // On a connection that we dialled it is we who say hello.
  if (stranger == strangers_.end()) return Error{Code::corrupt, "hello to the side that dialled"};
  if (!greeting.expected.empty() && greeting.expected != options_.self.name) {
    return Error{Code::not_found,
                 "this is node '" + options_.self.name + "', not '" + greeting.expected + "'"};
  }
  if (!greeting.self) {
    if (clients_ >= limits::clients_max) {
      return Error{Code::overloaded, std::to_string(clients_) + " clients are connected, limit " +
                                         std::to_string(limits::clients_max)};
    }
    ++clients_;
    stranger->second.client = true;
    return options_.self;
  }
  auto allowed = check_node(from, greeting);
  if (!allowed) return allowed.error();
  tasks_.add(kj::evalLater([this, greeting] { pair(greeting); }));
  return options_.self;
}

// Two greeted strangers of the same node and session become its lanes.
void LinkLoop::pair(const Greeting& greeting) {
  std::array<Connection*, lane_count> found{};
  for (auto& [connection, stranger] : strangers_) {
    const auto& other = connection->greeting;
    if (!other || !other->self || *other->self != *greeting.self) continue;
    if (other->session != greeting.session) continue;
    found[static_cast<std::size_t>(other->lane)] = connection;
  }
  if (found[0] == nullptr || found[1] == nullptr) return;
  LaneConnections lanes;
  for (std::size_t i = 0; i < lane_count; ++i) {
    auto stranger = strangers_.find(found[i]);
    lanes[i] = kj::mv(stranger->second.connection);
    strangers_.erase(stranger);
  }
  begin_session(*greeting.self, std::move(lanes));
}

}  // namespace omma
