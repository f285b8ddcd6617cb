#include "runtime/link/peer_session.hpp"

#include <chrono>
#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/link/wire_packet.hpp"

namespace omma {

PeerSession::PeerSession(NodeId peer, LaneConnections lanes, std::shared_ptr<Mailbox> mailbox,
                         kj::Timer& timer, const Clock& clock)
    : peer_(std::move(peer)),
      mailbox_(std::move(mailbox)),
      timer_(timer),
      clock_(clock),
      lanes_(std::move(lanes)),
      heard_(clock.now()),
      watch_(nullptr),
      tasks_(*this) {
  for (auto& connection : lanes_) connection->session = this;
}

void PeerSession::start() {
  watch_ = watch().eagerlyEvaluate(nullptr);
  for (auto& connection : lanes_) connection->hand_over_held();
  pump();
}

void PeerSession::pump() {
  pump(Lane::control);
  pump(Lane::bulk);
}

void PeerSession::pump(Lane which) {
  std::size_t& in_flight = calls_in_flight_[static_cast<std::size_t>(which)];
  while (in_flight < limits::calls_in_flight_max) {
    const std::vector<Packet> batch = mailbox_->take_batch(peer_.name, which);
    if (batch.empty()) return;
    const std::size_t count = batch.size();
    ++in_flight;
    packets_in_flight_ += count;
    std::size_t bytes = 0;
    for (const Packet& packet : batch) bytes += body_bytes_of(packet);
    mailbox_->count([&](LinkCounters& counters) {
      counters.packets_sent += count;
      counters.bytes_sent += bytes;
      ++counters.batches_sent;
    });
    mailbox_->count(peer_.name, [&](LinkPeerCounters& counters) {
      counters.packets_sent += count;
      counters.bytes_sent += bytes;
    });
    // Plain calls and not a Cap'n Proto stream: two streams against each other on one connection
    // stood still for good at 1 MB messages (0.9.2).
    auto sent = kj::evalNow([&] { return lane(which).send_packets(batch); });
    tasks_.add(sent.then([this, which, count, &in_flight] {
      --in_flight;
      packets_in_flight_ -= count;
      pump(which);
    }));
  }
}

kj::Promise<void> PeerSession::watch() {
  const auto interval = limits::heartbeat_interval.count() * kj::NANOSECONDS;
  return timer_.afterDelay(interval).then([this] {
    check();
    return watch();
  });
}

void PeerSession::check() {
  const Instant now = clock_.now();
  Connection& control = lane(Lane::control);
  if (control.take_progress()) heard_ = now;
  if (now - heard_ > limits::suspect_after) {
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    control.break_off(
        false, "silent for " + std::to_string(duration_cast<milliseconds>(now - heard_).count()) +
                   " ms, limit " +
                   std::to_string(duration_cast<milliseconds>(limits::suspect_after).count()));
    return;
  }
  if (ping_in_flight_) return;
  ping_in_flight_ = true;
  tasks_.add(kj::evalNow([&] { return control.ping(); }).then([this] {
    ping_in_flight_ = false;
    heard_ = clock_.now();
  }));
}

void PeerSession::call(Message request, Duration timeout, Answer answer) {
  const std::uint64_t number = ++calls_begun_;
  calls_.emplace(number, std::move(answer));
  const auto limit = timeout.count() * kj::NANOSECONDS;
  // What is large must not stand before acknowledgements.
  const Lane way =
      request.size_bytes() > limits::control_request_bytes_max ? Lane::bulk : Lane::control;
  auto sent = kj::evalNow([&] { return lane(way).send_request(request); });
  auto late = timer_.afterDelay(limit).then([timeout]() -> Result<Message> {
    using std::chrono::duration_cast;
    return Error{Code::unavailable,
                 "no answer within " +
                     std::to_string(duration_cast<std::chrono::milliseconds>(timeout).count()) +
                     " ms"};
  });
  tasks_.add(sent.exclusiveJoin(kj::mv(late)).then([this, number](Result<Message> result) {
    answer_call(number, std::move(result));
  }));
}

void PeerSession::answer_call(std::uint64_t number, Result<Message> result) {
  auto found = calls_.find(number);
  if (found == calls_.end()) return;
  const Answer answer = std::move(found->second);
  calls_.erase(found);
  mailbox_->call_finished();
  if (!result) {
    Error error = result.error();
    error.message = "node '" + peer_.name + "': " + error.message;
    answer(std::move(error));
    return;
  }
  answer(std::move(result));
}

std::size_t PeerSession::finish(const std::string& why) {
  // Nothing that still comes on its lanes may be taken for the next session's.
  for (auto& connection : lanes_) {
    connection->session = nullptr;
    connection->break_off(false, why);
  }
  while (!calls_.empty()) {
    answer_call(calls_.begin()->first, Error{Code::unavailable, "connection lost: " + why});
  }
  return packets_in_flight_;
}

}  // namespace omma
