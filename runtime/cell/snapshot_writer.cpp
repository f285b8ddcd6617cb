// SnapshotWriter: see snapshot_parts.hpp.
#include <string>
#include <utility>

#include "runtime/cell/snapshot_parts.hpp"

namespace omma {
namespace {

using ByOrigin = std::map<std::uint64_t, std::uint64_t>;
using ByReason = std::map<std::string, std::uint64_t>;

unsigned count_of(std::size_t size) {
  return static_cast<unsigned>(size);
}

void write(wire::ActorKey::Builder out, const ActorId& id) {
  out.setHigh(id.high);
  out.setLow(id.low);
}

void write(capnp::List<wire::Tally>::Builder out, const ByOrigin& tallies) {
  unsigned i = 0;
  for (const auto& [origin, count] : tallies) {
    out[i].setOrigin(origin);
    out[i++].setCount(count);
  }
}

void write(capnp::List<wire::Tally>::Builder out, const ByReason& tallies) {
  unsigned i = 0;
  for (const auto& [reason, count] : tallies) {
    out[i].setReason(reason);
    out[i++].setCount(count);
  }
}

void write(wire::OutCounters::Builder out, const Outbox::Counters& counters) {
  out.setOffered(counters.offered);
  out.setDroppedFull(counters.dropped_full);
  out.setDroppedExpired(counters.dropped_expired);
  out.setDroppedUnwanted(counters.dropped_unwanted);
  out.setAcknowledged(counters.acknowledged);
  out.setLostWithLife(counters.lost_with_life);
  out.setResent(counters.resent);
  out.setProbes(counters.probes);
  out.setLivesEnded(counters.lives_ended);
  out.setIgnoredAcks(counters.ignored_acks);
}

void write(wire::InCounters::Builder out, const Inbox::Counters& counters) {
  out.setReceived(counters.received);
  out.setDuplicates(counters.duplicates);
  out.setEarly(counters.early);
  out.setEarlyDropped(counters.early_dropped);
  out.setOverCredit(counters.over_credit);
  out.setStaleLife(counters.stale_life);
}

void write(wire::SavedInbox::Builder out, const Streams::Saved::In& saved) {
  const Inbox::Saved& inbox = saved.inbox;
  write(out.initSender(), saved.stream.sender);
  out.setChannel(static_cast<std::uint8_t>(saved.stream.channel));
  out.setSenderLife(inbox.lives.sender);
  out.setProcessed(inbox.processed);
  out.setCommitted(inbox.committed);
  out.setCreditWindowBytes(inbox.credit.window_bytes);
  out.setCreditFinishedBytes(inbox.credit.finished_bytes);
  write(out.initCounters(), inbox.counters);
  auto early = out.initFinishedEarly(count_of(saved.finished_early.size()));
  for (unsigned i = 0; i < early.size(); ++i) {
    early[i].setSequence(saved.finished_early[i].sequence);
    early[i].setCreditBytes(saved.finished_early[i].credit_bytes);
    early[i].setTraceOrigin(saved.finished_early[i].trace.origin);
    early[i].setTraceSequence(saved.finished_early[i].trace.sequence);
  }
  out.setFinished(saved.finished);
  write(out.initFinishedByOrigin(count_of(saved.finished_by_origin.size())),
        saved.finished_by_origin);
}

}  // namespace

void SnapshotWriter::write(wire::SavedMessage::Builder out, const Message& message) {
  if (message.is_null()) return;
  const auto add = [this](Blob blob) {
    blobs_.push_back(std::move(blob));
    return static_cast<std::uint32_t>(blobs_.size() - 1);
  };
  out.setTypeId(message.type_id());
  out.setWords(add(message.flat_words()));
  auto payloads = out.initPayloads(count_of(message.payloads().size()));
  for (unsigned i = 0; i < payloads.size(); ++i) payloads.set(i, add(message.payloads()[i]));
}

void SnapshotWriter::write(wire::SavedOutgoing::Builder out, const Outgoing& outgoing) {
  write(out.initMessage(), outgoing.message);
  out.setCorrelation(outgoing.correlation);
  out.setIsReply(outgoing.is_reply);
  out.setDeadlineNs(outgoing.deadline_ns);
  out.setTraceOrigin(outgoing.trace.origin);
  out.setTraceSequence(outgoing.trace.sequence);
}

void SnapshotWriter::write(wire::SavedOutbox::Builder out, const Streams::Saved::Out& saved) {
  const Outbox::Saved& outbox = saved.outbox;
  omma::write(out.initTarget(), saved.stream.target);
  out.setChannel(static_cast<std::uint8_t>(saved.stream.channel));
  out.setTargetLife(outbox.lives.target);
  out.setTargetEpoch(outbox.target_epoch);
  out.setWindowBytes(outbox.limits.window_bytes);
  out.setWaitingBytesMax(outbox.limits.waiting_bytes_max);
  out.setWaitingMessagesMax(outbox.limits.waiting_messages_max);
  out.setUnacknowledgedMessagesMax(outbox.limits.unacknowledged_messages_max);
  out.setAcknowledged(outbox.acknowledged);
  out.setReleased(outbox.released);
  auto unacknowledged = out.initUnacknowledged(count_of(outbox.unacknowledged.size()));
  for (unsigned i = 0; i < unacknowledged.size(); ++i) {
    write(unacknowledged[i], outbox.unacknowledged[i].outgoing);
    unacknowledged[i].setCreditBytes(outbox.unacknowledged[i].credit_bytes);
  }
  auto waiting = out.initWaiting(count_of(outbox.waiting.size()));
  for (unsigned i = 0; i < waiting.size(); ++i) write(waiting[i], outbox.waiting[i]);
  out.setCreditWindowBytes(outbox.credit.window_bytes);
  out.setCreditLimitBytes(outbox.credit.limit_bytes);
  out.setCreditSettledBytes(outbox.credit.settled_bytes);
  out.setProbes(outbox.probes);
  omma::write(out.initCounters(), outbox.counters);
  omma::write(out.initSentByOrigin(count_of(saved.sent_by_origin.size())), saved.sent_by_origin);
  omma::write(out.initDroppedByOrigin(count_of(saved.dropped_by_origin.size())),
              saved.dropped_by_origin);
}

void SnapshotWriter::write(wire::SavedSubscriber::Builder out, const Subscriber& subscriber) {
  omma::write(out.initId(), subscriber.id);
  out.setDelivery(static_cast<std::uint8_t>(subscriber.delivery));
  out.setWindowBytes(subscriber.window_bytes);
  out.setWaitingMessagesMax(subscriber.waiting_messages_max);
  write(out.initForm(), subscriber.form);
}

void SnapshotWriter::write(wire::SavedSubscription::Builder out,
                           const CellSnapshot::Subscription& subscription) {
  omma::write(out.initPublisher(), subscription.publisher);
  out.setMessageType(subscription.message_type);
  if (subscription.spec) {
    const StageSpec& spec = *subscription.spec;
    out.setType(spec.type);
    out.setName(spec.name);
    out.setConfig({reinterpret_cast<const kj::byte*>(spec.config.data()), spec.config.size()});
    out.setWishNode(spec.wish.node);
    out.setWishCamera(spec.wish.near_camera);
    out.setWishRole(spec.wish.role);
  }
  out.setDelivery(static_cast<std::uint8_t>(subscription.options.delivery));
  out.setWindowBytes(subscription.options.window_bytes);
  out.setWaitingMessagesMax(subscription.options.waiting_messages_max);
  write(out.initForm(), subscription.options.form);
}

void SnapshotWriter::write_conversations(wire::CellSnapshot::Builder out,
                                         const CellSnapshot& snapshot) {
  auto outlets = out.initOutlets(count_of(snapshot.outlets.size()));
  for (unsigned i = 0; i < outlets.size(); ++i) {
    const auto& subscribers = snapshot.outlets[i].subscribers;
    outlets[i].setMessageType(snapshot.outlets[i].message_type);
    auto list = outlets[i].initSubscribers(count_of(subscribers.size()));
    for (unsigned k = 0; k < list.size(); ++k) write(list[k], subscribers[k]);
  }
  auto subscriptions = out.initSubscriptions(count_of(snapshot.subscriptions.size()));
  for (unsigned i = 0; i < subscriptions.size(); ++i) {
    write(subscriptions[i], snapshot.subscriptions[i]);
  }
  auto timers = out.initTimers(count_of(snapshot.timers.size()));
  unsigned next = 0;
  for (const auto& [id, left] : snapshot.timers) {
    timers[next].setId(id);
    timers[next++].setLeftNs(left.count());
  }
  auto requests = out.initRequests(count_of(snapshot.requests.size()));
  for (unsigned i = 0; i < requests.size(); ++i) {
    requests[i].setCorrelation(snapshot.requests[i].correlation);
    omma::write(requests[i].initTarget(), snapshot.requests[i].target);
    requests[i].setLeftNs(snapshot.requests[i].left.count());
  }
}

void SnapshotWriter::write_streams(wire::CellSnapshot::Builder out, const Streams::Saved& streams) {
  auto outboxes = out.initOutboxes(count_of(streams.out.size()));
  for (unsigned i = 0; i < outboxes.size(); ++i) write(outboxes[i], streams.out[i]);
  auto inboxes = out.initInboxes(count_of(streams.in.size()));
  for (unsigned i = 0; i < inboxes.size(); ++i) omma::write(inboxes[i], streams.in[i]);
  auto expected = out.initExpected(count_of(streams.expected.size()));
  for (unsigned i = 0; i < expected.size(); ++i) {
    omma::write(expected[i].initPublisher(), streams.expected[i].publisher);
    expected[i].setChannel(static_cast<std::uint8_t>(streams.expected[i].channel));
    expected[i].setWindowBytes(streams.expected[i].window_bytes);
  }
  auto closed_out = out.initClosedOut(count_of(streams.closed_out.size()));
  for (unsigned i = 0; i < closed_out.size(); ++i) {
    const Streams::OutAccount& account = streams.closed_out[i];
    omma::write(closed_out[i].initTarget(), account.stream.target);
    closed_out[i].setChannel(static_cast<std::uint8_t>(account.stream.channel));
    omma::write(closed_out[i].initCounters(), account.counters);
    closed_out[i].setDroppedTargetGone(account.dropped_target_gone);
    omma::write(closed_out[i].initSentByOrigin(count_of(account.sent_by_origin.size())),
                account.sent_by_origin);
    omma::write(closed_out[i].initDroppedByOrigin(count_of(account.dropped_by_origin.size())),
                account.dropped_by_origin);
  }
  auto closed_in = out.initClosedIn(count_of(streams.closed_in.size()));
  for (unsigned i = 0; i < closed_in.size(); ++i) {
    const Streams::InAccount& account = streams.closed_in[i];
    omma::write(closed_in[i].initSender(), account.stream.sender);
    closed_in[i].setChannel(static_cast<std::uint8_t>(account.stream.channel));
    omma::write(closed_in[i].initCounters(), account.counters);
    closed_in[i].setFinished(account.finished);
    omma::write(closed_in[i].initFinishedByOrigin(count_of(account.finished_by_origin.size())),
                account.finished_by_origin);
  }
}

void SnapshotWriter::write(wire::CellSnapshot::Builder out, const CellSnapshot& snapshot) {
  out.setVersion(wire::SNAPSHOT_VERSION);
  omma::write(out.initId(), snapshot.id);
  out.setType(snapshot.type);
  out.setLife(snapshot.life);
  write(out.initState(), snapshot.state);
  write_conversations(out, snapshot);
  out.setNextId(snapshot.next_id);
  out.setTurns(snapshot.turns);
  out.setLingerLeftNs(snapshot.linger ? snapshot.linger->count() : -1);
  write_streams(out, snapshot.streams);
  auto stages = out.initStages(count_of(snapshot.stage.size()));
  unsigned next = 0;
  for (const auto& [origin, counts] : snapshot.stage) {
    auto stage = stages[next++];
    stage.setOrigin(origin);
    stage.setReceived(counts.received);
    stage.setEmitted(counts.emitted);
    omma::write(stage.initFiltered(count_of(counts.filtered.size())), counts.filtered);
    omma::write(stage.initFailed(count_of(counts.failed.size())), counts.failed);
  }
  omma::write(out.initCaptured(count_of(snapshot.captured.size())), snapshot.captured);
  out.setFailedTurns(snapshot.health.failed_turns);
  out.setRestarts(snapshot.health.restarts);
  out.setSetAside(snapshot.health.set_aside);
  out.setJobsFailed(snapshot.health.jobs_failed);
  out.setLateReplies(snapshot.health.late_replies);
  auto errors = out.initLastErrors(count_of(snapshot.health.last_errors.size()));
  for (unsigned i = 0; i < errors.size(); ++i) errors.set(i, snapshot.health.last_errors[i]);
  auto nodes = out.initDiedWith(count_of(snapshot.died_with.size()));
  for (unsigned i = 0; i < nodes.size(); ++i) nodes.set(i, snapshot.died_with[i]);
  out.setCheckpoints(snapshot.checkpoints);
}

}  // namespace omma
