// LinkLoop's side that dials: addresses, attempts and back-off.
#include <kj/debug.h>

#include <algorithm>
#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/link/address.hpp"
#include "runtime/link/link_loop.hpp"

namespace omma {

void LinkLoop::apply_address(const std::string& name, std::optional<std::string> address) {
  auto found = peers_.find(name);
  if (!address) {
    if (found == peers_.end()) return;
    if (found->second.session.get() != nullptr) end_session(found->second, "removed");
    peers_.erase(found);
    return;
  }
  if (name == options_.self.name) return;
  if (found == peers_.end() && peers_.size() >= limits::peers_max) {
    handlers_.on_peer_down(name, std::to_string(peers_.size()) + " peers are known, limit " +
                                     std::to_string(limits::peers_max));
    return;
  }
  Peer& peer = peers_[name];
  if (peer.address == address) return;
  const bool moved = peer.address.has_value();
  peer.address = std::move(address);
  peer.address_version = ++address_versions_;
  peer.dialling = false;
  peer.failures = 0;
  if (options_.self.name > name) return;
  if (moved && peer.session.get() != nullptr) end_session(peer, "it has a new address");
  dial(name);
}

Duration LinkLoop::back_off(unsigned failures) {
  Duration delay = limits::reconnect_delay_min;
  for (unsigned i = 0; i < failures && delay < limits::reconnect_delay_max; ++i) delay *= 2;
  delay = std::min(delay, Duration(limits::reconnect_delay_max));
  // Between three and five quarters, so that many nodes do not come back in step.
  return delay * static_cast<std::int64_t>(768 + jitter_.below(512)) / 1024;
}

void LinkLoop::dial_later(const std::string& name, Duration delay) {
  auto found = peers_.find(name);
  if (found == peers_.end()) return;
  Peer& peer = found->second;
  if (!peer.address || options_.self.name > name || peer.dialling) return;
  peer.dialling = true;
  tasks_.add(timer_.afterDelay(delay.count() * kj::NANOSECONDS)
                 .then([this, name, version = peer.address_version] {
                   auto again = peers_.find(name);
                   if (again == peers_.end() || again->second.address_version != version) return;
                   again->second.dialling = false;
                   dial(name);
                 }));
}

void LinkLoop::dial(const std::string& name) {
  Peer& peer = peers_.at(name);
  if (!peer.address || peer.dialling || peer.session.get() != nullptr) return;
  peer.dialling = true;
  auto attempt = std::make_shared<Attempt>();
  attempt->number = ++attempts_made_;
  auto both = open_lane(name, *peer.address, attempt, Lane::control)
                  .then([this, name, address = *peer.address, attempt] {
                    return open_lane(name, address, attempt, Lane::bulk);
                  });
  auto timed = timer_.timeoutAfter(limits::suspect_after.count() * kj::NANOSECONDS, kj::mv(both));
  const std::uint64_t version = peer.address_version;
  tasks_.add(timed.then(
      [this, name, version, attempt] { dialled(name, version, attempt, true); },
      [this, name, version, attempt](kj::Exception&&) { dialled(name, version, attempt, false); }));
}

kj::Promise<void> LinkLoop::open_lane(std::string name, std::string address,
                                      std::shared_ptr<Attempt> attempt, Lane lane) {
  return io_.provider->getNetwork()
      .parseAddress(address.c_str())
      .then([](kj::Own<kj::NetworkAddress> parsed) {
        auto connected = parsed->connect();
        return connected.attach(kj::mv(parsed));
      })
      .then([this, name, address](
                kj::Own<kj::AsyncIoStream> stream) -> kj::Promise<kj::Own<kj::AsyncIoStream>> {
        tune(*stream, address);
        if (tls_.get() == nullptr || is_unix_address(address)) return kj::mv(stream);
        return tls_->wrapClient(kj::mv(stream), name.c_str());
      })
      .then([this, name, attempt, lane](kj::Own<kj::AsyncIoStream> stream) {
        auto& connection = attempt->lanes[static_cast<std::size_t>(lane)];
        connection = kj::heap<Connection>(
            owner(), kj::mv(stream), capnp::rpc::twoparty::Side::CLIENT, pool_, timer_, desk());
        return connection->say_hello({options_.self, lane, attempt->number, name});
      })
      .then([name, attempt](Result<NodeId> peer) {
        if (!peer) kj::throwFatalException(KJ_EXCEPTION(FAILED, peer.error().message.c_str()));
        KJ_REQUIRE(peer->name == name, "another node answers at this address");
        KJ_REQUIRE(!attempt->peer || *attempt->peer == *peer, "it restarted in between");
        attempt->peer = *std::move(peer);
      });
}

void LinkLoop::dialled(const std::string& name, std::uint64_t address_version,
                       std::shared_ptr<Attempt> attempt, bool succeeded) {
  auto found = peers_.find(name);
  const bool valid = found != peers_.end() && found->second.address_version == address_version;
  if (valid) found->second.dialling = false;
  const auto open = [](const kj::Own<Connection>& lane) { return !lane->has_ended(); };
  if (valid && succeeded && std::all_of(attempt->lanes.begin(), attempt->lanes.end(), open)) {
    begin_session(*attempt->peer, std::move(attempt->lanes));
    return;
  }
  for (auto& lane : attempt->lanes) {
    if (lane.get() != nullptr) bury(kj::mv(lane));
  }
  if (valid) dial_later(name, back_off(found->second.failures++));
}

}  // namespace omma
