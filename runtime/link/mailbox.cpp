#include "runtime/link/mailbox.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime/base/check.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/link/wire_packet.hpp"

namespace omma {

Mailbox::Mailbox() : wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  OMMA_CHECK(wake_fd_.get() >= 0, wake_fd_.get());
}

void Mailbox::wake_locked() {
  if (awake_) return;
  awake_ = true;
  const std::uint64_t one = 1;
  const auto written = ::write(wake_fd_.get(), &one, sizeof one);
  OMMA_CHECK(written == sizeof one, written);
}

void Mailbox::post(const std::string& peer, Packet packet) {
  std::vector<Packet> one;
  one.push_back(std::move(packet));
  post_all(peer, std::move(one));
}

void Mailbox::post_all(const std::string& peer, std::vector<Packet> packets) {
  std::lock_guard lock(mutex_);
  auto found = open_.find(peer);
  if (found == open_.end()) {
    counters_.dropped_peer_away += packets.size();
    return;
  }
  for (Packet& packet : packets) add_locked(found->second, std::move(packet));
  announce_locked(peer, found->second);
}

void Mailbox::add_locked(PeerQueue& queue, Packet packet) {
  const std::size_t weight = weight_bytes_of(packet);
  const std::size_t body = body_bytes_of(packet);
  LaneQueue& lane = queue.lanes[static_cast<std::size_t>(lane_of(packet))];
  // One packet larger than the whole queue may pass when nothing waits before it.
  const bool fits = lane.packets.empty() || lane.bytes + weight <= limits::link_queue_bytes_max;
  if (!fits || body > limits::message_bytes_max) {
    ++counters_.dropped_queue_full;
    return;
  }
  lane.packets.push_back({std::move(packet), weight});
  lane.bytes += weight;
}

void Mailbox::announce_locked(const std::string& peer, PeerQueue& queue) {
  if (queue.announced || (queue.lanes[0].packets.empty() && queue.lanes[1].packets.empty())) return;
  queue.announced = true;
  news_.with_packets.push_back(peer);
  wake_locked();
}

bool Mailbox::call(Call& call) {
  std::lock_guard lock(mutex_);
  if (calls_open_ >= limits::link_requests_open_max) return false;
  ++calls_open_;
  news_.calls.push_back(std::move(call));
  wake_locked();
  return true;
}

void Mailbox::answer(std::uint64_t request, Result<Message> result) {
  std::lock_guard lock(mutex_);
  if (news_.stop) return;
  news_.answers.emplace_back(request, std::move(result));
  wake_locked();
}

void Mailbox::set_peer(const std::string& name, std::optional<std::string> address) {
  std::lock_guard lock(mutex_);
  news_.peer_addresses[name] = std::move(address);
  wake_locked();
}

void Mailbox::stop() {
  std::lock_guard lock(mutex_);
  news_.stop = true;
  wake_locked();
}

LinkCounters Mailbox::counters() const {
  std::lock_guard lock(mutex_);
  LinkCounters counters = counters_;
  counters.arenas_taken = loan_tally_->arenas_taken;
  counters.arenas_refused = loan_tally_->arenas_refused;
  counters.payloads_lent = loan_tally_->payloads_lent;
  counters.bytes_lent = loan_tally_->bytes_lent;
  counters.payloads_lent_by_copy = loan_tally_->payloads_lent_by_copy;
  counters.loans_refused = loan_tally_->loans_refused;
  counters.payloads_borrowed = loan_tally_->payloads_borrowed;
  counters.bytes_borrowed = loan_tally_->bytes_borrowed;
  return counters;
}

std::vector<LinkPeerCounters> Mailbox::peer_counters() const {
  std::lock_guard lock(mutex_);
  std::vector<LinkPeerCounters> all;
  for (const auto& [peer, counted] : peers_) {
    LinkPeerCounters& counters = all.emplace_back(counted);
    counters.peer = peer;
    const auto waiting = open_.find(peer);
    if (waiting == open_.end()) continue;
    for (const LaneQueue& lane : waiting->second.lanes) {
      counters.packets_waiting += lane.packets.size();
      counters.bytes_waiting += lane.bytes;
    }
  }
  return all;
}

Mailbox::News Mailbox::collect() {
  std::lock_guard lock(mutex_);
  News news = std::exchange(news_, News{});
  news_.stop = news.stop;
  for (const std::string& peer : news.with_packets) {
    auto found = open_.find(peer);
    if (found != open_.end()) found->second.announced = false;
  }
  awake_ = false;
  return news;
}

void Mailbox::call_finished() {
  std::lock_guard lock(mutex_);
  --calls_open_;
}

void Mailbox::open_queue(const std::string& peer) {
  std::lock_guard lock(mutex_);
  open_.try_emplace(peer);
}

std::size_t Mailbox::close_queue(const std::string& peer) {
  PeerQueue gone;  // Freed outside the lock.
  std::lock_guard lock(mutex_);
  auto found = open_.find(peer);
  if (found == open_.end()) return 0;
  gone = std::move(found->second);
  open_.erase(found);
  return gone.lanes[0].packets.size() + gone.lanes[1].packets.size();
}

std::vector<Packet> Mailbox::take_batch(const std::string& peer, Lane lane) {
  std::vector<Packet> batch;
  std::lock_guard lock(mutex_);
  auto found = open_.find(peer);
  if (found == open_.end()) return batch;
  LaneQueue& queue = found->second.lanes[static_cast<std::size_t>(lane)];
  batch.reserve(std::min(queue.packets.size(), limits::batch_envelopes_max));
  std::size_t bytes = 0;
  std::size_t references = 0;
  while (!queue.packets.empty() && batch.size() < limits::batch_envelopes_max) {
    Waiting& next = queue.packets.front();
    bytes += next.weight_bytes;
    references += references_of(next.packet);
    const bool full =
        bytes > limits::batch_bytes_max || references > limits::link_call_references_max;
    if (full && !batch.empty()) break;
    queue.bytes -= next.weight_bytes;
    batch.push_back(std::move(next.packet));
    queue.packets.pop_front();
  }
  return batch;
}

}  // namespace omma
