// The directory's records as they travel in schemas/control.capnp, both ways.
#pragma once

#include "runtime/cell/actor.hpp"
#include "runtime/protocol/directory_record.hpp"
#include "schemas/control.capnp.h"

#include <optional>

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

// The placement wish stays behind: whoever is asked to activate has been chosen already.
void write(wire::StageSpec::Builder out, const StageSpec& spec);
StageSpec read(wire::StageSpec::Reader in);

}  // namespace omma
