// What a peer's actors may send to one of ours: packets in any order, with any numbers, of messages
// that are whole or not. The cell takes them, its account adds up, and it can be moved whenever it
// stands still.
#include <map>

#include "runtime/base/limits.hpp"
#include "schemas/system.capnp.h"
#include "tests/fuzz/byte_tape.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/fuzz_actor.hpp"

namespace omma::fuzz {
namespace {

class Play {
 public:
  Play(ByteTape tape, bool durable) : tape_(tape), identity_(relay_identity(durable)) {
    core_ = std::make_unique<CellCore>(identity_, relay_type(), port_);
    core_->start();
  }

  void run() {
    for (unsigned steps = 0; !tape_.empty() && steps < 500; ++steps) step();
    for (int i = 0; i < 5; ++i) pass(std::chrono::seconds(1));
    must_add_up();
  }

 private:
  void step() {
    switch (tape_.below(9)) {
      case 0:
      case 1:
      case 2:
        return core_->on_packet(envelope());
      case 3:
        return core_->on_packet(ack());
      case 4:
        return core_->on_packet(
            Probe{back(), lives(), tape_.number(), tape_.number(), tape_.number()});
      case 5:
        return pass(std::chrono::milliseconds(tape_.byte() * 10));
      case 6:
        return core_->flush_acks();
      case 7:
        return answer_checkpoint();
      case 8:
        return tape_.byte() % 2 == 0 ? move() : route();
    }
  }

  StreamId back() {
    const std::uint64_t sender = tape_.below(3);
    return {{1, sender}, identity_.id, static_cast<Channel>(tape_.below(channel_count))};
  }
  StreamLives lives() { return {tape_.number(), tape_.below(3)}; }

  Packet envelope() {
    Envelope envelope{.stream = back(), .lives = lives()};
    envelope.target_epoch = tape_.number();
    envelope.sender_epoch = tape_.number();
    envelope.sequence = tape_.number();
    envelope.credit_bytes = tape_.number();
    envelope.correlation = tape_.number();
    envelope.is_reply = tape_.byte() % 4 == 0;
    envelope.deadline_ns = static_cast<std::int64_t>(tape_.number());
    envelope.trace = {tape_.below(3), tape_.number()};
    envelope.message = message();
    return envelope;
  }

  Packet ack() {
    const StreamId there = back();
    return Ack{.stream = {identity_.id, there.sender, there.channel},
               .lives = {tape_.below(3), tape_.number()},
               .target_epoch = tape_.number(),
               .next = tape_.number(),
               .received = tape_.number(),
               .credit_limit_bytes = tape_.number(),
               .probe = tape_.number()};
  }

  Message message() {
    const std::uint64_t number = tape_.number();
    switch (tape_.below(5)) {
      case 0:
        return Message::build<FrameTag>([&](FrameTag::Builder out) { out.setSequence(number); });
      case 1:
        return Message::build<Subscribe>([&](Subscribe::Builder out) {
          out.setMessageType(type_id_of<FrameTag>());
          out.setReliable(number % 2 == 0);
          out.setWindowBytes(number);
          out.setWaitingMessagesMax(static_cast<std::uint32_t>(number / 2));
        });
      case 2:
        return Message::build<Unsubscribe>(
            [&](Unsubscribe::Builder out) { out.setMessageType(type_id_of<FrameTag>()); });
      default:
        break;
    }
    // Any words that claim to be one of these.
    const std::uint64_t types[] = {type_id_of<FrameTag>(), type_id_of<Subscribe>(),
                                   type_id_of<Unsubscribe>(), number};
    const std::uint64_t type = types[tape_.below(4)];
    auto wire = Message::from_wire(type, blob_of(tape_.bytes(8u * tape_.below(12))), {});
    return wire ? *wire : Message();
  }

  void pass(Duration time) {
    port_.clock.advance(time);
    const auto deadline = core_->next_deadline();
    if (deadline && *deadline <= port_.now()) core_->on_time();
  }

  void route() { core_->on_route({1, tape_.below(3)}, tape_.number(), tape_.number()); }

  void answer_checkpoint() {
    if (!port_.kept) return;
    const std::uint64_t number = port_.kept->number;
    port_.kept.reset();
    core_->on_checkpointed(number, tape_.byte() % 4 == 0
                                       ? Result<void>(Error{Code::unavailable, "full"})
                                       : Result<void>());
  }

  void move() {
    must_add_up();
    Result<CellSnapshot> saved = core_->snapshot();
    if (!saved) return;
    const Result<Blob> bytes = encode(*saved);
    OMMA_CHECK(bytes.ok(), "a snapshot that cannot be encoded");
    Result<CellSnapshot> read = decode_cell_snapshot(*bytes);
    OMMA_CHECK(read.ok(), read.error().describe());
    ++identity_.epoch;
    auto next = std::make_unique<CellCore>(identity_, relay_type(), port_);
    const Result<void> prepared = next->prepare(*std::move(read), "");
    OMMA_CHECK(prepared.ok(), prepared.error().describe());
    core_ = std::move(next);
    port_.kept.reset();
    core_->go_live();
  }

  // What the actor took up has been emitted, filtered or failed, or is held.
  void must_add_up() {
    const CellReport report = core_->report();
    for (const auto& [origin, counts] : report.stage) {
      std::uint64_t ends = counts.emitted + counts.held;
      for (const auto& [reason, count] : counts.filtered) ends += count;
      for (const auto& [reason, count] : counts.failed) ends += count;
      OMMA_CHECK(counts.received == ends, origin, counts.received, ends);
    }
  }

  ByteTape tape_;
  NullPort port_;
  CellCore::Identity identity_;
  std::unique_ptr<CellCore> core_;
};

}  // namespace
}  // namespace omma::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  omma::fuzz::ByteTape tape(data, size);
  const bool durable = tape.byte() % 2 == 1;
  omma::fuzz::Play(tape, durable).run();
  return 0;
}
