// The directory's records as they travel in schemas/control.capnp, both ways.
#pragma once

#include "runtime/cell/actor.hpp"
#include "runtime/protocol/checkpoint.hpp"
#include "runtime/protocol/directory_record.hpp"
#include "runtime/protocol/move_record.hpp"
#include "schemas/control.capnp.h"

#include <optional>
#include <span>
#include <vector>

namespace omma {

void write(wire::ActorKey::Builder out, const ActorId& id);
ActorId read(wire::ActorKey::Reader in);

void write(wire::NodeRef::Builder out, const NodeId& id);
NodeId read(wire::NodeRef::Reader in);

void write(wire::ActorRecord::Builder out, const ActorRecord& record);
// None when the epoch is 0: there is no such record.
std::optional<ActorRecord> read(wire::ActorRecord::Reader in);

void write(wire::NodeRecord::Builder out, const NodeRecord& record);
NodeRecord read(wire::NodeRecord::Reader in);

void write(wire::MoveRecord::Builder out, const MoveRecord& move);
MoveRecord read(wire::MoveRecord::Reader in);

// A checkpoint without its state, which travels beside the struct.
void write(wire::CheckpointHead::Builder out, const Checkpoint& checkpoint);
// The head with its state. None when the epoch is 0: there is no checkpoint.
std::optional<Checkpoint> read(wire::CheckpointHead::Reader in, Blob state);

// The states of several checkpoints as one payload: each begins at a multiple of 64 bytes, as a
// Blob does. One alone is shared, several are copied. Empty when all are. over_limit past
// limits::payload_bytes_max.
Result<Blob> packed_states(std::span<const Checkpoint> checkpoints);
// Parts of `packed`, which they keep alive. corrupt when they do not fill it.
Result<std::vector<Checkpoint>> unpacked(capnp::List<wire::CheckpointHead>::Reader heads,
                                         const Blob& packed);

// The placement wish stays behind: whoever is asked to activate has been chosen already.
void write(wire::StageSpec::Builder out, const StageSpec& spec);
StageSpec read(wire::StageSpec::Reader in);

}  // namespace omma
