#include "runtime/cell/streams.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/limits.hpp"

namespace omma {

Streams::Streams(ActorId self, std::uint64_t life, std::uint64_t epoch)
    : self_(self), life_(life), epoch_(epoch) {}

void Streams::apply(OutStream& out, Outbox::Effects&& outcome, Instant now, Effects& effects) {
  const ActorId& target = out.outbox.stream().target;
  for (Envelope& envelope : outcome.transmit) {
    envelope.sender_epoch = epoch_;
    effects.packets.push_back(std::move(envelope));
  }
  if (outcome.probe) {
    outcome.probe->sender_epoch = epoch_;
    effects.packets.push_back(*outcome.probe);
  }
  if (outcome.ask_directory) effects.ask_directory.push_back(target);
  if (outcome.target_life_ended) lose_peer(target, out.outbox.target_life(), now, effects);
  for (const TraceId& trace : outcome.dropped) ++out.dropped_by_origin[trace.origin];
}

// Whichever stream with the peer finds out first, all of them are in the new life from now on: what
// the actor sends when it is told must not go into numbers of the old one.
void Streams::lose_peer(const ActorId& peer, std::uint64_t new_life, Instant now,
                        Effects& effects) {
  std::uint64_t& told = new_lives_[peer];
  if (told >= new_life) return;
  told = new_life;
  effects.peers_lost.push_back(peer);
  for (auto& [key, out] : outboxes_) {
    if (key.first != peer) continue;
    apply(out, out.outbox.on_target_life(new_life, now), now, effects);
  }
  for (auto& [key, in] : inboxes_) {
    if (key.first == peer && in.inbox.on_sender_life(new_life)) in.finished_early.clear();
  }
}

bool Streams::has_room(const ActorId& target, Channel channel, std::size_t messages,
                       std::uint64_t bytes) const {
  if (!is_reliable(channel)) return true;
  const auto found = outboxes_.find({target, channel});
  if (found != outboxes_.end()) return found->second.outbox.has_room(messages, bytes);
  const OutboxLimits limits = OutboxLimits::of(channel);
  return messages <= limits.waiting_messages_max && bytes <= limits.waiting_bytes_max;
}

Result<void> Streams::send(const ActorId& target, Channel channel, Outgoing outgoing, Window window,
                           Instant now, WallTime wall_now, Effects& effects) {
  auto found = outboxes_.find({target, channel});
  if (found == outboxes_.end()) {
    OutboxLimits limits = OutboxLimits::of(channel);
    if (window.bytes != 0) limits.window_bytes = window.bytes;
    if (window.waiting_messages != 0 && channel == Channel::fresh) {
      limits.waiting_messages_max = window.waiting_messages;
    }
    const StreamId stream{self_, target, channel};
    found =
        outboxes_.emplace(Key{target, channel}, OutStream{Outbox(stream, life_, limits), {}, {}})
            .first;
    if (holds_until_committed_) found->second.outbox.hold_output();
  }
  const std::uint64_t origin = outgoing.trace.origin;
  Outbox::Effects& outcome = effects.sent;
  auto taken =
      found->second.outbox.offer(std::move(outgoing), now, nanoseconds_of(wall_now), outcome);
  if (!taken) return taken;
  ++found->second.sent_by_origin[origin];
  apply(found->second, std::move(outcome), now, effects);
  outcome.transmit.clear();
  outcome.dropped.clear();
  return {};
}

void Streams::expect(const ActorId& publisher, Channel channel, std::uint64_t window_bytes) {
  expected_windows_[{publisher, channel}] = window_bytes;
}

void Streams::on_route_changed(const ActorId& target, std::uint64_t epoch, Instant now,
                               Effects& effects) {
  for (auto& [key, out] : outboxes_) {
    if (key.first == target) apply(out, out.outbox.on_route_changed(epoch, now), now, effects);
  }
}

void Streams::on_life(const ActorId& peer, std::uint64_t life, Instant now, Effects& effects) {
  for (auto& [key, in] : inboxes_) {
    if (key.first != peer || !in.inbox.on_sender_life(life)) continue;
    in.finished_early.clear();
    lose_peer(peer, life, now, effects);
  }
}

void Streams::on_unsubscribed(const ActorId& target, Instant now, Effects& effects) {
  for (const Channel channel : {Channel::stream, Channel::fresh}) {
    const auto found = outboxes_.find({target, channel});
    if (found != outboxes_.end()) {
      apply(found->second, found->second.outbox.drop_waiting(), now, effects);
    }
  }
}

void Streams::on_target_gone(const ActorId& target) {
  for (auto it = outboxes_.begin(); it != outboxes_.end();) {
    if (it->first.first != target) {
      ++it;
      continue;
    }
    OutAccount account = account_of(it->second);
    account.dropped_target_gone = std::exchange(account.in_flight, 0);
    account.in_flight_bytes = 0;
    for (const auto& [origin, count] : std::exchange(account.in_flight_by_origin, {})) {
      account.dropped_by_origin[origin] += count;
    }
    closed_.push_back(std::move(account));
    it = outboxes_.erase(it);
  }
}

bool Streams::blocked() const {
  return std::any_of(outboxes_.begin(), outboxes_.end(),
                     [](const auto& entry) { return entry.second.outbox.blocked(); });
}

bool Streams::quiet() const {
  return std::all_of(outboxes_.begin(), outboxes_.end(),
                     [](const auto& entry) { return entry.second.outbox.quiet(); });
}

Streams::InStream& Streams::incoming(const StreamId& stream) {
  const Key key{stream.sender, stream.channel};
  auto found = inboxes_.find(key);
  if (found == inboxes_.end()) {
    const auto window = expected_windows_.find(key);
    const std::uint64_t bytes =
        window == expected_windows_.end() ? limits::stream_window_bytes : window->second;
    found = inboxes_.emplace(key, InStream{Inbox(stream, life_, bytes), {}, 0, {}}).first;
    if (holds_until_committed_) found->second.inbox.hold_acknowledgements();
  }
  return found->second;
}

void Streams::on_packet(Packet packet, Instant now, Effects& effects) {
  if (auto* ack = std::get_if<Ack>(&packet)) {
    const auto found = outboxes_.find({ack->stream.target, ack->stream.channel});
    if (found != outboxes_.end()) {
      apply(found->second, found->second.outbox.on_ack(*ack, now), now, effects);
    }
    return;
  }
  if (auto* probe = std::get_if<Probe>(&packet)) {
    effects.packets.push_back(incoming(probe->stream).inbox.on_probe(*probe, epoch_));
    return;
  }
  auto& envelope = std::get<Envelope>(packet);
  const Key key{envelope.stream.sender, envelope.stream.channel};
  InStream& in = incoming(envelope.stream);
  Inbox::Effects& outcome = effects.received;
  outcome.deliver.clear();
  outcome.acknowledge = false;
  outcome.sender_life_ended = false;
  in.inbox.on_envelope(std::move(envelope), outcome);
  if (outcome.sender_life_ended) {
    in.finished_early.clear();
    lose_peer(key.first, in.inbox.sender_life(), now, effects);
  }
  if (outcome.acknowledge) unacknowledged_inboxes_.insert(key);
  for (Envelope& next : outcome.deliver) {
    const auto early = in.finished_early.find(next.sequence);
    if (early == in.finished_early.end()) {
      effects.deliver.push_back(std::move(next));
    } else {
      early->second.credit_bytes = next.credit_bytes;  // What it took this time it gives back.
    }
  }
  settle_finished(in);
}

void Streams::finished(const Envelope& envelope) {
  const Key key{envelope.stream.sender, envelope.stream.channel};
  const auto found = inboxes_.find(key);
  if (found == inboxes_.end()) return;
  InStream& in = found->second;
  if (envelope.lives.sender != in.inbox.sender_life()) return;  // Of a life that has ended.
  if (in.finished_early.empty() && envelope.sequence == in.inbox.processed() + 1 &&
      envelope.sequence <= in.inbox.received()) {
    settle(in, envelope);
  } else {
    in.finished_early.emplace(envelope.sequence, envelope);
    settle_finished(in);
  }
  unacknowledged_inboxes_.insert(key);
}

void Streams::settle(InStream& in, const Envelope& done) {
  in.inbox.on_processed(done);
  ++in.finished;
  ++in.finished_by_origin[done.trace.origin];
}

// Numbers are acknowledged in order. One that was finished before a move counts once it has come
// again.
void Streams::settle_finished(InStream& in) {
  while (!in.finished_early.empty()) {
    const Envelope& done = in.finished_early.begin()->second;
    if (done.sequence != in.inbox.processed() + 1 || done.sequence > in.inbox.received()) return;
    settle(in, done);
    in.finished_early.erase(in.finished_early.begin());
  }
}

void Streams::flush_acks(Effects& effects) {
  for (const Key& key : unacknowledged_inboxes_) {
    const auto found = inboxes_.find(key);
    if (found != inboxes_.end()) effects.packets.push_back(found->second.inbox.ack(epoch_));
  }
  unacknowledged_inboxes_.clear();
}

std::optional<Instant> Streams::next_deadline() const {
  std::optional<Instant> first;
  for (const auto& [key, out] : outboxes_) {
    const auto deadline = out.outbox.next_deadline();
    if (deadline && (!first || *deadline < *first)) first = deadline;
  }
  return first;
}

void Streams::on_time(Instant now, WallTime wall_now, Effects& effects) {
  for (auto& [key, out] : outboxes_) {
    const auto deadline = out.outbox.next_deadline();
    if (deadline && *deadline <= now) {
      apply(out, out.outbox.on_time(now, nanoseconds_of(wall_now)), now, effects);
    }
  }
}

Streams::OutAccount Streams::account_of(const OutStream& out) {
  const Outbox& outbox = out.outbox;
  OutAccount account;
  account.stream = outbox.stream();
  account.counters = outbox.counters();
  account.in_flight = outbox.waiting_messages() + outbox.unacknowledged_messages();
  account.in_flight_bytes = outbox.waiting_bytes() + outbox.unacknowledged_bytes();
  account.sent_by_origin = out.sent_by_origin;
  account.dropped_by_origin = out.dropped_by_origin;
  account.in_flight_by_origin = outbox.in_flight_by_origin();
  return account;
}

std::vector<Streams::OutAccount> Streams::out_accounts() const {
  std::vector<OutAccount> accounts = closed_;
  for (const auto& [key, out] : outboxes_) accounts.push_back(account_of(out));
  return accounts;
}

std::vector<Streams::InAccount> Streams::in_accounts() const {
  std::vector<InAccount> accounts = closed_in_;
  for (const auto& [key, in] : inboxes_) {
    accounts.push_back(
        {in.inbox.stream(), in.inbox.counters(), in.finished, in.finished_by_origin});
  }
  return accounts;
}

}  // namespace omma
