// What of a cell's streams goes along with a move or into a checkpoint, and how they go on from it.
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/cell/streams.hpp"

namespace omma {

Streams::Saved Streams::save() const {
  Saved saved;
  for (const auto& [key, out] : outboxes_) {
    saved.out.push_back(
        {out.outbox.stream(), out.outbox.save(), out.sent_by_origin, out.dropped_by_origin});
  }
  for (const auto& [key, in] : inboxes_) {
    Saved::In one{in.inbox.stream(), in.inbox.save(), {}, in.finished, in.finished_by_origin};
    for (const auto& [sequence, envelope] : in.finished_early) {
      one.finished_early.push_back({sequence, envelope.credit_bytes, envelope.trace});
    }
    saved.in.push_back(std::move(one));
  }
  for (const auto& [key, bytes] : expected_windows_) {
    saved.expected.push_back({key.first, key.second, bytes});
  }
  saved.closed_out = closed_;
  saved.closed_in = closed_in_;
  return saved;
}

Streams::Numbers Streams::numbers_of(const Saved& saved) {
  Numbers numbers;
  for (const Saved::In& in : saved.in) {
    numbers.in.push_back({in.stream, in.inbox.lives.sender, in.inbox.processed});
  }
  for (const Saved::Out& out : saved.out) {
    numbers.out.push_back({out.stream, out.outbox.lives.target, out.outbox.acknowledged,
                           out.outbox.acknowledged + out.outbox.unacknowledged.size()});
  }
  return numbers;
}

void Streams::restore(Saved saved, Instant now) {
  OMMA_CHECK(outboxes_.empty() && inboxes_.empty(), self_.text());
  for (Saved::Out& out : saved.out) {
    outboxes_.emplace(Key{out.stream.target, out.stream.channel},
                      OutStream{Outbox(out.stream, std::move(out.outbox), now),
                                std::move(out.sent_by_origin), std::move(out.dropped_by_origin)});
  }
  for (Saved::In& in : saved.in) {
    InStream stream{Inbox(in.stream, in.inbox), {}, in.finished, std::move(in.finished_by_origin)};
    for (const Saved::FinishedEarly& early : in.finished_early) {
      Envelope done;
      done.stream = in.stream;
      done.lives = in.inbox.lives;
      done.sequence = early.sequence;
      done.credit_bytes = early.credit_bytes;
      done.trace = early.trace;
      stream.finished_early.emplace(early.sequence, std::move(done));
    }
    inboxes_.emplace(Key{in.stream.sender, in.stream.channel}, std::move(stream));
  }
  for (const Saved::Expected& expected : saved.expected) {
    expected_windows_[{expected.publisher, expected.channel}] = expected.window_bytes;
  }
  closed_ = std::move(saved.closed_out);
  closed_in_ = std::move(saved.closed_in);
}

void Streams::announce(Instant now, Effects& effects) {
  for (const auto& [key, in] : inboxes_) {
    if (in.inbox.sender_life() != 0) effects.packets.push_back(in.inbox.ack(epoch_));
  }
  for (auto& [key, out] : outboxes_) {
    apply(out, out.outbox.on_route_changed(out.outbox.target_epoch(), now), now, effects);
  }
}

void Streams::hold_until_committed() {
  holds_until_committed_ = true;
  for (auto& [key, out] : outboxes_) out.outbox.hold_output();
  for (auto& [key, in] : inboxes_) in.inbox.hold_acknowledgements();
}

bool Streams::withholds() const {
  for (const auto& [key, out] : outboxes_) {
    if (out.outbox.withholds()) return true;
  }
  for (const auto& [key, in] : inboxes_) {
    if (in.inbox.withholds()) return true;
  }
  return false;
}

Streams::Marks Streams::marks() const {
  Marks marks;
  for (const auto& [key, out] : outboxes_) {
    marks.out.emplace_back(out.outbox.stream(), out.outbox.mark());
  }
  for (const auto& [key, in] : inboxes_) {
    marks.in.emplace_back(in.inbox.stream(), in.inbox.mark());
  }
  return marks;
}

void Streams::commit(const Marks& marks, Instant now, Effects& effects) {
  for (const auto& [stream, mark] : marks.out) {
    const auto found = outboxes_.find({stream.target, stream.channel});
    if (found == outboxes_.end()) continue;  // Its target is gone.
    apply(found->second, found->second.outbox.release(mark, now), now, effects);
  }
  for (const auto& [stream, mark] : marks.in) {
    const auto found = inboxes_.find({stream.sender, stream.channel});
    if (found == inboxes_.end()) continue;
    if (found->second.inbox.commit(mark)) unacknowledged_inboxes_.insert(found->first);
  }
}

std::set<ActorId> Streams::peers() const {
  std::set<ActorId> peers;
  for (const auto& [key, out] : outboxes_) peers.insert(key.first);
  for (const auto& [key, in] : inboxes_) peers.insert(key.first);
  return peers;
}

}  // namespace omma
