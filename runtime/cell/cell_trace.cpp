// What a CellCore tells of the frames that pass it: hops for their traces, and how long turns took.
#include "runtime/cell/cell_core.hpp"

namespace omma {

// A turn may serve other frames than the one in its hand: a camera begins one, a batch has many. It
// is a hop of each that it sent something of. A job's result is a hop of those that it led on, and
// of the frame whose turn started the job only if it led on none: a batch may be started by any
// frame that comes or ends meanwhile.
void CellCore::note_turn(const Input& input, const TurnEffects& effects, Instant begun) {
  const Instant ended = port_.now();
  if (turn_times_ != nullptr) turn_times_->add(ended - begun);
  if (hops_ == nullptr) return;
  const JobTimes times = input.details ? input.details->times : JobTimes{};
  const bool of_job = times.begun != Instant{} && times.ended != Instant{};
  TraceHop turn{.actor = identity_.id, .queued = begun, .begun = begun, .ended = ended};
  if (input.kind == Input::Kind::message) {
    turn.peer = input.envelope.stream.sender;
    turn.sequence = input.envelope.sequence;
    turn.channel = input.envelope.stream.channel;
    turn.bytes = input.envelope.message.size_bytes();
    if (input.envelope.arrived != Instant{}) turn.queued = input.envelope.arrived;
  } else if (of_job) {
    turn.sequence = input.id;
    turn.queued = times.ended;
  }
  const auto note = [&](TraceId trace) {
    turn.trace = trace;
    if (of_job) {
      hops_->add({.trace = trace,
                  .actor = identity_.id,
                  .sequence = input.id,
                  .kind = TraceHop::Kind::job,
                  .queued = times.queued,
                  .begun = times.begun,
                  .ended = times.ended});
    }
    hops_->add(turn);
  };
  const TraceId own = input.envelope.trace;
  TraceId last{};
  const auto note_next = [&](TraceId trace) {
    if (trace.origin == 0 || trace == last) return;
    last = trace;
    note(trace);
  };
  if (!of_job) note_next(own);
  for (const TurnEffects::Send& send : effects.sends) note_next(send.trace);
  if (!of_job || last != TraceId{}) return;
  for (const TurnEffects::Release& release : effects.releases) {
    const auto found = held_.find(release.held.id);
    if (found != held_.end()) note_next(found->second.envelope.trace);
  }
  if (last == TraceId{}) note_next(own);
}

void CellCore::note_departures(std::vector<Packet>& packets) {
  Instant now{};
  for (Packet& packet : packets) {
    auto* envelope = std::get_if<Envelope>(&packet);
    if (envelope == nullptr || envelope->trace.origin == 0) continue;
    if (now == Instant{}) now = port_.now();
    envelope->arrived = now;  // If the target lives here too.
    hops_->add({.trace = envelope->trace,
                .actor = identity_.id,
                .peer = envelope->stream.target,
                .sequence = envelope->sequence,
                .kind = TraceHop::Kind::departure,
                .channel = envelope->stream.channel,
                .queued = now,
                .begun = now,
                .ended = now,
                .bytes = envelope->message.size_bytes()});
  }
}

}  // namespace omma
