#include "runtime/node/wire_records.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace omma {
namespace {

constexpr std::size_t state_alignment_bytes = 64;

constexpr std::size_t aligned(std::size_t bytes) {
  return (bytes + state_alignment_bytes - 1) / state_alignment_bytes * state_alignment_bytes;
}

capnp::Data::Reader data_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()};
}

std::vector<std::byte> bytes_of(capnp::Data::Reader data) {
  const auto* first = reinterpret_cast<const std::byte*>(data.begin());
  return {first, first + data.size()};
}

std::string text_of(capnp::Text::Reader text) {
  return {text.begin(), text.size()};
}

}  // namespace

void write(wire::ActorKey::Builder out, const ActorId& id) {
  out.setHigh(id.high);
  out.setLow(id.low);
}

ActorId read(wire::ActorKey::Reader in) {
  return {in.getHigh(), in.getLow()};
}

void write(wire::NodeRef::Builder out, const NodeId& id) {
  out.setName(id.name);
  out.setIncarnationHigh(id.incarnation.high);
  out.setIncarnationLow(id.incarnation.low);
  out.setEpoch(id.epoch);
}

NodeId read(wire::NodeRef::Reader in) {
  return {text_of(in.getName()), {in.getIncarnationHigh(), in.getIncarnationLow()}, in.getEpoch()};
}

void write(wire::ActorRecord::Builder out, const ActorRecord& record) {
  write(out.initId(), record.id);
  out.setType(record.type);
  out.setName(record.name);
  out.setConfig(data_of(record.config));
  out.setEpoch(record.epoch);
  out.setLife(record.life);
  out.setActive(record.state == ActorRecord::State::active);
  write(out.initNode(), record.node);
}

std::optional<ActorRecord> read(wire::ActorRecord::Reader in) {
  if (in.getEpoch() == 0) return std::nullopt;
  ActorRecord record;
  record.id = read(in.getId());
  record.type = text_of(in.getType());
  record.name = text_of(in.getName());
  record.config = bytes_of(in.getConfig());
  record.epoch = in.getEpoch();
  record.life = in.getLife();
  record.state = in.getActive() ? ActorRecord::State::active : ActorRecord::State::retired;
  record.node = read(in.getNode());
  return record;
}

void write(wire::NodeRecord::Builder out, const NodeRecord& record) {
  write(out.initId(), record.id);
  out.setAddress(record.address);
  auto roles = out.initRoles(static_cast<unsigned>(record.roles.size()));
  for (unsigned i = 0; i < roles.size(); ++i) roles.set(i, record.roles[i]);
  out.setAlive(record.alive);
  out.setCordoned(record.cordoned);
}

NodeRecord read(wire::NodeRecord::Reader in) {
  NodeRecord record;
  record.id = read(in.getId());
  record.address = text_of(in.getAddress());
  for (auto role : in.getRoles()) record.roles.push_back(text_of(role));
  record.alive = in.getAlive();
  record.cordoned = in.getCordoned();
  return record;
}

static_assert(static_cast<int>(MoveRecord::Outcome::moved) ==
                  static_cast<int>(wire::MoveOutcome::MOVED) &&
              static_cast<int>(MoveRecord::Outcome::refused) ==
                  static_cast<int>(wire::MoveOutcome::REFUSED) &&
              static_cast<int>(MoveRecord::Outcome::aborted) ==
                  static_cast<int>(wire::MoveOutcome::ABORTED) &&
              static_cast<int>(MoveRecord::Outcome::taken_over) ==
                  static_cast<int>(wire::MoveOutcome::TAKEN_OVER));

void write(wire::MoveRecord::Builder out, const MoveRecord& move) {
  out.setWhenNs(nanoseconds_of(move.when));
  write(out.initId(), move.id);
  out.setType(move.type);
  out.setName(move.name);
  out.setFrom(move.from);
  out.setTo(move.to);
  out.setOutcome(static_cast<wire::MoveOutcome>(move.outcome));
  out.setReason(move.reason);
  out.setPauseNs(move.pause.count());
  out.setBytes(move.bytes);
}

MoveRecord read(wire::MoveRecord::Reader in) {
  MoveRecord move;
  move.when = wall_time_of(in.getWhenNs());
  move.id = read(in.getId());
  move.type = text_of(in.getType());
  move.name = text_of(in.getName());
  move.from = text_of(in.getFrom());
  move.to = text_of(in.getTo());
  // One that a later version added reads as the last that we know.
  move.outcome = static_cast<MoveRecord::Outcome>(
      std::min(static_cast<unsigned>(in.getOutcome()),
               static_cast<unsigned>(MoveRecord::Outcome::taken_over)));
  move.reason = text_of(in.getReason());
  move.pause = Duration(in.getPauseNs());
  move.bytes = in.getBytes();
  return move;
}

void write(wire::CheckpointHead::Builder out, const Checkpoint& checkpoint) {
  write(out.initId(), checkpoint.id);
  out.setEpoch(checkpoint.epoch);
  out.setNumber(checkpoint.number);
  out.setKeepsLife(checkpoint.keeps_life);
  out.setStateBytes(checkpoint.state.size());
}

std::optional<Checkpoint> read(wire::CheckpointHead::Reader in, Blob state) {
  if (in.getEpoch() == 0) return std::nullopt;
  return Checkpoint{.id = read(in.getId()),
                    .epoch = in.getEpoch(),
                    .number = in.getNumber(),
                    .keeps_life = in.getKeepsLife(),
                    .state = std::move(state)};
}

Result<Blob> packed_states(std::span<const Checkpoint> checkpoints) {
  if (checkpoints.size() == 1) return checkpoints.front().state;
  std::size_t size = 0;
  for (const Checkpoint& checkpoint : checkpoints) {
    size = aligned(size) + checkpoint.state.size();
  }
  if (size == 0) return Blob();
  auto packed = BufferPool(0).take(size);
  if (!packed) return packed.error();
  std::size_t end = 0;
  for (const Checkpoint& checkpoint : checkpoints) {
    const std::size_t begin = aligned(end);
    const std::span<const std::byte> state = checkpoint.state.bytes();
    // What an earlier owner of the memory left in the gap is nobody's business.
    std::memset(packed->data() + end, 0, std::min(begin, size) - end);
    if (!state.empty()) std::memcpy(packed->data() + begin, state.data(), state.size());
    end = std::min(begin, size) + state.size();
  }
  return std::move(*packed).share();
}

Result<std::vector<Checkpoint>> unpacked(capnp::List<wire::CheckpointHead>::Reader heads,
                                         const Blob& packed) {
  std::vector<Checkpoint> checkpoints;
  checkpoints.reserve(heads.size());
  std::size_t begin = 0;
  for (auto head : heads) {
    begin = std::min(aligned(begin), packed.size());
    const std::uint64_t size = head.getStateBytes();
    auto checkpoint = size <= packed.size() - begin
                          ? read(head, packed.part(begin, static_cast<std::size_t>(size)))
                          : std::nullopt;
    if (!checkpoint) {
      return Error{Code::corrupt,
                   "checkpoint " + std::to_string(checkpoints.size()) + " of " +
                       std::to_string(heads.size()) + ": epoch " + std::to_string(head.getEpoch()) +
                       ", state of " + std::to_string(size) + " bytes from " +
                       std::to_string(begin) + " on, payload of " + std::to_string(packed.size())};
    }
    begin += checkpoint->state.size();
    checkpoints.push_back(*std::move(checkpoint));
  }
  return checkpoints;
}

void write(wire::StageSpec::Builder out, const StageSpec& spec) {
  write(out.initId(), spec.id);
  out.setType(spec.type);
  out.setName(spec.name);
  out.setConfig(data_of(spec.config));
}

StageSpec read(wire::StageSpec::Reader in) {
  StageSpec spec;
  spec.id = read(in.getId());
  spec.type = text_of(in.getType());
  spec.name = text_of(in.getName());
  spec.config = bytes_of(in.getConfig());
  return spec;
}

}  // namespace omma
