// SnapshotReader: see snapshot_parts.hpp.
#include <kj/debug.h>

#include <limits>
#include <string>
#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/cell/snapshot_parts.hpp"

namespace omma {
namespace {

using ByOrigin = std::map<std::uint64_t, std::uint64_t>;
using ByReason = std::map<std::string, std::uint64_t>;

std::string text_of(capnp::Text::Reader text) {
  return {text.begin(), text.size()};
}

ActorId read(wire::ActorKey::Reader in) {
  return {in.getHigh(), in.getLow()};
}

Channel channel_of(std::uint8_t number) {
  KJ_REQUIRE(number < channel_count, "a channel of that number", number);
  return static_cast<Channel>(number);
}

DeliveryClass delivery_of(std::uint8_t number) {
  KJ_REQUIRE(number <= static_cast<std::uint8_t>(DeliveryClass::durable), "a delivery class",
             number);
  return static_cast<DeliveryClass>(number);
}

// Numbers grow by one a message: none comes near this, and sums of them do not overflow.
std::uint64_t number_of(std::uint64_t number) {
  KJ_REQUIRE(number <= std::numeric_limits<std::uint64_t>::max() / 4, "a number of a message",
             number);
  return number;
}

std::uint64_t credit_of(std::uint64_t bytes) {
  KJ_REQUIRE(bytes <= limits::message_bytes_max, "a message's credit", bytes,
             limits::message_bytes_max);
  return bytes;
}

// What is left of a timer. A hundred years are for ever.
Duration left_of(std::int64_t ns) {
  constexpr std::int64_t ns_max = std::int64_t{100} * 365 * 24 * 3600 * 1'000'000'000;
  KJ_REQUIRE(ns >= 0 && ns <= ns_max, "a time that is left", ns, ns_max);
  return Duration(ns);
}

ByOrigin by_origin(capnp::List<wire::Tally>::Reader in) {
  ByOrigin tallies;
  for (auto tally : in) tallies[tally.getOrigin()] = tally.getCount();
  return tallies;
}

ByReason by_reason(capnp::List<wire::Tally>::Reader in) {
  ByReason tallies;
  for (auto tally : in) tallies[text_of(tally.getReason())] = tally.getCount();
  return tallies;
}

Outbox::Counters read(wire::OutCounters::Reader in) {
  return {.offered = in.getOffered(),
          .dropped_full = in.getDroppedFull(),
          .dropped_expired = in.getDroppedExpired(),
          .dropped_unwanted = in.getDroppedUnwanted(),
          .acknowledged = in.getAcknowledged(),
          .lost_with_life = in.getLostWithLife(),
          .resent = in.getResent(),
          .probes = in.getProbes(),
          .lives_ended = in.getLivesEnded(),
          .ignored_acks = in.getIgnoredAcks()};
}

Inbox::Counters read(wire::InCounters::Reader in) {
  return {.received = in.getReceived(),
          .duplicates = in.getDuplicates(),
          .early = in.getEarly(),
          .early_dropped = in.getEarlyDropped(),
          .over_credit = in.getOverCredit(),
          .stale_life = in.getStaleLife()};
}

Streams::Saved::In read(wire::SavedInbox::Reader in, const ActorId& self, std::uint64_t life) {
  Streams::Saved::In saved;
  saved.stream = {read(in.getSender()), self, channel_of(in.getChannel())};
  saved.inbox = {.lives = {.sender = in.getSenderLife(), .target = life},
                 .credit = {.window_bytes = in.getCreditWindowBytes(),
                            .finished_bytes = number_of(in.getCreditFinishedBytes())},
                 .processed = number_of(in.getProcessed()),
                 .committed = in.getCommitted(),
                 .counters = read(in.getCounters())};
  for (auto early : in.getFinishedEarly()) {
    saved.finished_early.push_back({number_of(early.getSequence()),
                                    credit_of(early.getCreditBytes()),
                                    {early.getTraceOrigin(), early.getTraceSequence()}});
  }
  saved.finished = in.getFinished();
  saved.finished_by_origin = by_origin(in.getFinishedByOrigin());
  return saved;
}

}  // namespace

const Blob& SnapshotReader::blob(std::uint32_t index) const {
  KJ_REQUIRE(index < blobs_.size(), "a blob that is there", index, blobs_.size());
  return blobs_[index];
}

Message SnapshotReader::read(wire::SavedMessage::Reader in) const {
  if (in.getTypeId() == 0) return {};
  std::vector<Blob> payloads;
  for (const std::uint32_t index : in.getPayloads()) payloads.push_back(blob(index));
  auto message = Message::from_wire(in.getTypeId(), blob(in.getWords()), std::move(payloads),
                                    limits::snapshot_bytes_max);
  if (!message) kj::throwFatalException(KJ_EXCEPTION(FAILED, message.error().message.c_str()));
  return *std::move(message);
}

Outgoing SnapshotReader::read(wire::SavedOutgoing::Reader in) const {
  return {.message = read(in.getMessage()),
          .correlation = in.getCorrelation(),
          .is_reply = in.getIsReply(),
          .deadline_ns = in.getDeadlineNs(),
          .trace = {in.getTraceOrigin(), in.getTraceSequence()}};
}

Streams::Saved::Out SnapshotReader::read(wire::SavedOutbox::Reader in, const ActorId& self) const {
  Streams::Saved::Out saved;
  saved.stream = {self, omma::read(in.getTarget()), channel_of(in.getChannel())};
  Outbox::Saved& outbox = saved.outbox;
  outbox.lives.target = in.getTargetLife();
  outbox.limits = {.window_bytes = in.getWindowBytes(),
                   .waiting_bytes_max = in.getWaitingBytesMax(),
                   .waiting_messages_max = in.getWaitingMessagesMax(),
                   .unacknowledged_messages_max = in.getUnacknowledgedMessagesMax()};
  outbox.target_epoch = in.getTargetEpoch();
  outbox.acknowledged = number_of(in.getAcknowledged());
  outbox.released = in.getReleased();
  for (auto one : in.getUnacknowledged()) {
    outbox.unacknowledged.push_back({read(one), credit_of(one.getCreditBytes())});
  }
  for (auto one : in.getWaiting()) outbox.waiting.push_back(read(one));
  outbox.credit = {.window_bytes = in.getCreditWindowBytes(),
                   .limit_bytes = in.getCreditLimitBytes(),
                   .settled_bytes = number_of(in.getCreditSettledBytes())};
  outbox.probes = in.getProbes();
  outbox.counters = omma::read(in.getCounters());
  saved.sent_by_origin = by_origin(in.getSentByOrigin());
  saved.dropped_by_origin = by_origin(in.getDroppedByOrigin());
  return saved;
}

Subscriber SnapshotReader::read(wire::SavedSubscriber::Reader in) const {
  return {.id = omma::read(in.getId()),
          .delivery = delivery_of(in.getDelivery()),
          .window_bytes = in.getWindowBytes(),
          .waiting_messages_max = in.getWaitingMessagesMax(),
          .form = read(in.getForm())};
}

CellSnapshot::Subscription SnapshotReader::read(wire::SavedSubscription::Reader in) const {
  CellSnapshot::Subscription subscription;
  subscription.publisher = omma::read(in.getPublisher());
  subscription.message_type = in.getMessageType();
  if (in.getType().size() > 0) {
    auto spec = std::make_shared<StageSpec>();
    spec->id = subscription.publisher;
    spec->type = text_of(in.getType());
    spec->name = text_of(in.getName());
    const auto config = std::as_bytes(std::span(in.getConfig().begin(), in.getConfig().size()));
    spec->config.assign(config.begin(), config.end());
    spec->wish = {text_of(in.getWishNode()), text_of(in.getWishCamera()),
                  text_of(in.getWishRole())};
    subscription.spec = std::move(spec);
  }
  subscription.options = {.delivery = delivery_of(in.getDelivery()),
                          .window_bytes = in.getWindowBytes(),
                          .waiting_messages_max = in.getWaitingMessagesMax(),
                          .form = read(in.getForm())};
  return subscription;
}

void SnapshotReader::read_conversations(wire::CellSnapshot::Reader in,
                                        CellSnapshot& snapshot) const {
  for (auto outlet : in.getOutlets()) {
    CellSnapshot::SavedOutlet saved{outlet.getMessageType(), {}};
    for (auto subscriber : outlet.getSubscribers()) saved.subscribers.push_back(read(subscriber));
    snapshot.outlets.push_back(std::move(saved));
  }
  for (auto subscription : in.getSubscriptions()) {
    snapshot.subscriptions.push_back(read(subscription));
  }
  for (auto timer : in.getTimers()) snapshot.timers[timer.getId()] = left_of(timer.getLeftNs());
  for (auto request : in.getRequests()) {
    snapshot.requests.push_back(
        {request.getCorrelation(), omma::read(request.getTarget()), left_of(request.getLeftNs())});
  }
}

void SnapshotReader::read_streams(wire::CellSnapshot::Reader in, CellSnapshot& snapshot) const {
  Streams::Saved& streams = snapshot.streams;
  for (auto outbox : in.getOutboxes()) {
    streams.out.push_back(read(outbox, snapshot.id));
    streams.out.back().outbox.lives.sender = snapshot.life;
  }
  for (auto inbox : in.getInboxes()) {
    streams.in.push_back(omma::read(inbox, snapshot.id, snapshot.life));
  }
  for (auto expected : in.getExpected()) {
    streams.expected.push_back({omma::read(expected.getPublisher()),
                                channel_of(expected.getChannel()), expected.getWindowBytes()});
  }
  for (auto closed : in.getClosedOut()) {
    Streams::OutAccount account;
    account.stream = {snapshot.id, omma::read(closed.getTarget()), channel_of(closed.getChannel())};
    account.counters = omma::read(closed.getCounters());
    account.dropped_target_gone = closed.getDroppedTargetGone();
    account.sent_by_origin = by_origin(closed.getSentByOrigin());
    account.dropped_by_origin = by_origin(closed.getDroppedByOrigin());
    streams.closed_out.push_back(std::move(account));
  }
  for (auto closed : in.getClosedIn()) {
    Streams::InAccount account;
    account.stream = {omma::read(closed.getSender()), snapshot.id, channel_of(closed.getChannel())};
    account.counters = omma::read(closed.getCounters());
    account.finished = closed.getFinished();
    account.finished_by_origin = by_origin(closed.getFinishedByOrigin());
    streams.closed_in.push_back(std::move(account));
  }
}

CellSnapshot SnapshotReader::read(wire::CellSnapshot::Reader in) const {
  CellSnapshot snapshot;
  snapshot.id = omma::read(in.getId());
  snapshot.type = text_of(in.getType());
  snapshot.life = in.getLife();
  snapshot.state = read(in.getState());
  read_conversations(in, snapshot);
  snapshot.next_id = in.getNextId();
  snapshot.turns = in.getTurns();
  if (in.getLingerLeftNs() >= 0) snapshot.linger = left_of(in.getLingerLeftNs());
  read_streams(in, snapshot);
  for (auto stage : in.getStages()) {
    StageCounts& counts = snapshot.stage[stage.getOrigin()];
    counts.received = stage.getReceived();
    counts.emitted = stage.getEmitted();
    counts.filtered = by_reason(stage.getFiltered());
    counts.failed = by_reason(stage.getFailed());
  }
  snapshot.captured = by_reason(in.getCaptured());
  snapshot.health.turns = snapshot.turns;
  snapshot.health.failed_turns = in.getFailedTurns();
  snapshot.health.restarts = in.getRestarts();
  snapshot.health.set_aside = in.getSetAside();
  snapshot.health.jobs_failed = in.getJobsFailed();
  snapshot.health.late_replies = in.getLateReplies();
  for (auto error : in.getLastErrors()) snapshot.health.last_errors.push_back(text_of(error));
  for (auto node : in.getDiedWith()) snapshot.died_with.push_back(text_of(node));
  snapshot.checkpoints = in.getCheckpoints();
  return snapshot;
}

}  // namespace omma
