#include "runtime/node/wire_checks.hpp"

#include <capnp/schema.h>

#include <map>

#include "runtime/base/message_check.hpp"
#include "schemas/control.capnp.h"

namespace omma {
namespace {

using Schemas = std::map<std::uint64_t, capnp::StructSchema>;

template <class... Types>
Schemas schemas_of() {
  return {{type_id_of<Types>(), capnp::Schema::from<Types>()}...};
}

// All structs of schemas/control.capnp.
const Schemas& control_schemas() {
  static const Schemas schemas = schemas_of<
      wire::ActorKey, wire::NodeRef, wire::Nothing, wire::ActorRecord, wire::NodeRecord,
      wire::LookUpActor, wire::ChangeActor, wire::ChangeOutcome, wire::ListActors, wire::FindActors,
      wire::ActorList, wire::FindHomes, wire::HomeList, wire::RegisterNode, wire::DeregisterNode,
      wire::ListNodes, wire::NodeList, wire::MarkNodeDead, wire::CordonNode, wire::PinActor,
      wire::ListPins, wire::PinList, wire::CheckpointHead, wire::SaveCheckpoints, wire::SaveOutcome,
      wire::SaveOutcomes, wire::FetchCheckpoint, wire::FetchedCheckpoint, wire::MoveRecord,
      wire::LogMove, wire::ListMoves, wire::MoveList, wire::RenewLease, wire::LeaseGranted,
      wire::StageSpec, wire::Activate, wire::NotHere, wire::ReserveMove, wire::RouteHint,
      wire::SnapshotPiece, wire::PieceTaken, wire::Revive, wire::Revived, wire::NodeLost,
      wire::FetchBlob, wire::BlobChunk, wire::FindAppModule, wire::AppModuleFound, wire::Parameter,
      wire::RunApp, wire::Started, wire::StopSession, wire::FetchResults, wire::AcknowledgeResults,
      wire::SessionSummaryRequest, wire::ListProcesses, wire::ProcessList, wire::CollectAccounts,
      wire::Accounts, wire::ListModels, wire::ModelList, wire::ListApps, wire::AppList,
      wire::StopNode, wire::FrameRef, wire::HopRecord, wire::CollectTrace, wire::FrameHops,
      wire::ListSlowFrames, wire::SlowFrames, wire::MoveActor, wire::MoveReport, wire::CarryOut,
      wire::DrainNode, wire::DrainReport, wire::SetCordon, wire::SetPin>();
  return schemas;
}

}  // namespace

Result<void> check_body(const Message& body) {
  const auto known = control_schemas().find(body.type_id());
  if (body.is_null() || known == control_schemas().end()) return {};
  return check_message(body, known->second);
}

}  // namespace omma
