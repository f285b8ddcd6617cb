#include "runtime/protocol/inbox.hpp"

#include <catch2/catch.hpp>

#include "runtime/base/limits.hpp"
#include "tests/runtime/protocol/numbered_message.hpp"

namespace omma {
namespace {

const StreamId a_stream{.sender = {1, 2}, .target = {3, 4}, .channel = Channel::stream};
constexpr std::uint64_t sender_life = 5;
constexpr std::uint64_t own_life = 7;
constexpr std::uint64_t window = 1000;

Envelope envelope(std::uint64_t sequence, std::uint64_t credit_bytes = 100,
                  StreamLives lives = {sender_life, own_life}) {
  return {.stream = a_stream,
          .lives = lives,
          .sequence = sequence,
          .credit_bytes = credit_bytes,
          .message = numbered_message(sequence)};
}

Probe probe(std::uint64_t number, StreamLives lives = {sender_life, own_life}) {
  return {.stream = a_stream, .lives = lives, .target_epoch = 9, .probe = number};
}

std::vector<std::uint64_t> numbers_in(const Inbox::Effects& effects) {
  std::vector<std::uint64_t> numbers;
  for (const Envelope& e : effects.deliver) numbers.push_back(e.sequence);
  return numbers;
}

using Numbers = std::vector<std::uint64_t>;

TEST_CASE("an inbox lets numbers through in order and acknowledges what is processed") {
  Inbox inbox(a_stream, own_life, window);
  CHECK(numbers_in(inbox.on_envelope(envelope(1))) == Numbers{1});
  CHECK(numbers_in(inbox.on_envelope(envelope(2))) == Numbers{2});
  CHECK(inbox.received() == 2);
  CHECK(inbox.processed() == 0);
  Ack ack = inbox.ack(9);
  CHECK(ack.next == 1);
  CHECK(ack.received == 2);
  CHECK(ack.credit_limit_bytes == window);
  inbox.on_processed(envelope(1));
  ack = inbox.ack(9);
  CHECK(ack.stream == a_stream);
  CHECK(ack.lives == StreamLives{sender_life, own_life});
  CHECK(ack.target_epoch == 9);
  CHECK(ack.next == 2);
  CHECK(ack.received == 2);
  CHECK(ack.credit_limit_bytes == window + 100);
  CHECK(ack.probe == 0);
}

TEST_CASE("a duplicate is not delivered, but acknowledged again") {
  Inbox inbox(a_stream, own_life, window);
  inbox.on_envelope(envelope(1));
  const auto effects = inbox.on_envelope(envelope(1));
  CHECK(effects.deliver.empty());
  CHECK(effects.acknowledge);
  CHECK(inbox.counters().duplicates == 1);
  CHECK(inbox.counters().received == 1);
}

TEST_CASE("an early message waits for its turn") {
  Inbox inbox(a_stream, own_life, window);
  CHECK(inbox.on_envelope(envelope(3)).deliver.empty());
  CHECK(inbox.on_envelope(envelope(2)).deliver.empty());
  CHECK(inbox.on_envelope(envelope(2)).deliver.empty());
  CHECK(inbox.received() == 0);
  CHECK(numbers_in(inbox.on_envelope(envelope(1))) == Numbers{1, 2, 3});
  CHECK(inbox.counters().early == 2);
  CHECK(inbox.counters().duplicates == 1);
  CHECK(inbox.counters().received == 3);
}

TEST_CASE("early messages are bounded in number") {
  Inbox inbox(a_stream, own_life, 1 << 20);
  const std::uint64_t kept = limits::reorder_messages_max;
  for (std::uint64_t sequence = 2; sequence <= kept + 3; ++sequence) {
    inbox.on_envelope(envelope(sequence));
  }
  CHECK(inbox.counters().early == kept);
  CHECK(inbox.counters().early_dropped == 2);
  CHECK(inbox.on_envelope(envelope(1)).deliver.size() == kept + 1);
}

TEST_CASE("early messages are bounded by the window") {
  Inbox inbox(a_stream, own_life, window);
  inbox.on_envelope(envelope(1, 500));
  inbox.on_envelope(envelope(3, 400));
  inbox.on_envelope(envelope(4, 101));
  CHECK(inbox.counters().early == 1);
  CHECK(inbox.counters().over_credit == 1);
  Inbox idle(a_stream, own_life, window);
  idle.on_envelope(envelope(2, window + 1));
  idle.on_envelope(envelope(3, ~std::uint64_t{0} - 5));
  CHECK(idle.counters().early == 0);
  CHECK(idle.counters().over_credit == 2);
}

TEST_CASE("what is beyond the credit is dropped until something is processed") {
  Inbox inbox(a_stream, own_life, window);
  inbox.on_envelope(envelope(1, 600));
  CHECK(inbox.on_envelope(envelope(2, 401)).deliver.empty());
  CHECK(inbox.counters().over_credit == 1);
  inbox.on_processed(envelope(1, 600));
  CHECK(numbers_in(inbox.on_envelope(envelope(2, 401))) == Numbers{2});
}

TEST_CASE("a message larger than the window comes in alone") {
  Inbox inbox(a_stream, own_life, window);
  CHECK(inbox.on_envelope(envelope(1, 5000)).deliver.size() == 1);
  CHECK(inbox.on_envelope(envelope(2, 64)).deliver.empty());
  inbox.on_processed(envelope(1, 5000));
  CHECK(inbox.on_envelope(envelope(2, 64)).deliver.size() == 1);
}

TEST_CASE("no message claims more than the largest message") {
  Inbox inbox(a_stream, own_life, window);
  CHECK(inbox.on_envelope(envelope(1, limits::message_bytes_max + 1)).deliver.empty());
  CHECK(inbox.counters().over_credit == 1);
}

TEST_CASE("a message for a life that has ended is refused, and the sender told of ours") {
  Inbox inbox(a_stream, own_life, window);
  const auto effects = inbox.on_envelope(envelope(1, 100, {sender_life, own_life - 2}));
  CHECK(effects.deliver.empty());
  CHECK(effects.acknowledge);
  CHECK(inbox.counters().stale_life == 1);
  CHECK(inbox.ack(9).lives == StreamLives{sender_life, own_life});
}

TEST_CASE("only an id's first life takes what is addressed to an unknown life") {
  Inbox first(a_stream, first_life, window);
  CHECK(first.on_envelope(envelope(1, 100, {sender_life, 0})).deliver.size() == 1);
  Inbox later(a_stream, own_life, window);
  const auto effects = later.on_envelope(envelope(1, 100, {sender_life, 0}));
  CHECK(effects.deliver.empty());
  CHECK(effects.acknowledge);
  CHECK(later.ack(9).received == 0);
}

TEST_CASE("a sender's new life begins again at number 1") {
  Inbox inbox(a_stream, own_life, window);
  inbox.on_envelope(envelope(1));
  inbox.on_envelope(envelope(2));
  inbox.on_processed(envelope(1));
  inbox.on_envelope(envelope(4));
  const auto effects = inbox.on_envelope(envelope(1, 100, {sender_life + 2, own_life}));
  CHECK(effects.sender_life_ended);
  CHECK(numbers_in(effects) == Numbers{1});
  CHECK(inbox.sender_life() == sender_life + 2);
  CHECK(inbox.received() == 1);
  inbox.on_processed(envelope(2));  // Of the ended life: no credit, no number.
  CHECK(inbox.processed() == 0);
  CHECK(inbox.ack(9).credit_limit_bytes == window);
  CHECK(numbers_in(inbox.on_envelope(envelope(2, 100, {sender_life + 2, own_life}))) == Numbers{2});
  CHECK(numbers_in(inbox.on_envelope(envelope(3, 100, {sender_life + 2, own_life}))) == Numbers{3});
  CHECK(inbox.received() == 3);  // Early number 4 went with its life.
}

TEST_CASE("the first life that an inbox meets ends none") {
  Inbox inbox(a_stream, own_life, window);
  CHECK_FALSE(inbox.on_envelope(envelope(1)).sender_life_ended);
}

TEST_CASE("a message from a sender's ended life changes nothing") {
  Inbox inbox(a_stream, own_life, window);
  inbox.on_envelope(envelope(1));
  for (const std::uint64_t life : {sender_life - 1, std::uint64_t{0}}) {
    const auto effects = inbox.on_envelope(envelope(2, 100, {life, own_life}));
    CHECK(effects.deliver.empty());
    CHECK_FALSE(effects.acknowledge);
    CHECK_FALSE(effects.sender_life_ended);
  }
  CHECK(inbox.counters().stale_life == 2);
  CHECK(inbox.received() == 1);
}

TEST_CASE("a probe is answered with its number and what is here") {
  Inbox inbox(a_stream, own_life, window);
  inbox.on_envelope(envelope(1));
  inbox.on_envelope(envelope(3));
  const Ack answer = inbox.on_probe(probe(4), 9);
  CHECK(answer.probe == 4);
  CHECK(answer.target_epoch == 9);
  CHECK(answer.next == 1);
  CHECK(answer.received == 1);
  CHECK(answer.lives == StreamLives{sender_life, own_life});
}

TEST_CASE("a probe introduces a sender as an envelope does") {
  Inbox inbox(a_stream, own_life, window);
  CHECK(inbox.on_probe(probe(1, {sender_life, 0}), 1).lives == StreamLives{sender_life, own_life});
  CHECK(inbox.sender_life() == sender_life);
  inbox.on_envelope(envelope(1));
  CHECK(inbox.on_probe(probe(1, {sender_life + 2, own_life}), 1).received == 0);
  CHECK(inbox.on_probe(probe(2, {sender_life, own_life}), 1).lives.sender == sender_life + 2);
  const auto effects = inbox.on_envelope(envelope(1, 100, {sender_life + 2, own_life}));
  CHECK(effects.sender_life_ended);
  CHECK(effects.deliver.size() == 1);
  CHECK_FALSE(inbox.on_envelope(envelope(2, 100, {sender_life + 2, own_life})).sender_life_ended);
}

TEST_CASE("a probe for another life is answered with ours") {
  Inbox inbox(a_stream, own_life, window);
  CHECK(inbox.on_probe(probe(1, {sender_life, own_life - 1}), 1).lives.target == own_life);
  CHECK(inbox.counters().stale_life == 1);
}

}  // namespace
}  // namespace omma
