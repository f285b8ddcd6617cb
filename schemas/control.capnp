@0xd3a9c1f7e25b8046;
# Requests to a node itself and their replies: the directory (peers to the head), activation (peers
# to each other) and control (the `omma` command to any node). Each travels as the argument or
# result of one link call.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("omma::wire");

struct ActorKey {
  high @0 :UInt64;
  low @1 :UInt64;
}

struct NodeRef {
  name @0 :Text;
  incarnationHigh @1 :UInt64;
  incarnationLow @2 :UInt64;
  epoch @3 :UInt64;
}

struct Nothing {
  # A reply that says only that it was done.
}

# --- Directory ------------------------------------------------------------------------------------

struct ActorRecord {
  id @0 :ActorKey;
  type @1 :Text;
  name @2 :Text;
  config @3 :Data;
  epoch @4 :UInt64;
  # 0: no such record.
  life @5 :UInt64;
  active @6 :Bool;
  node @7 :NodeRef;
}

struct NodeRecord {
  id @0 :NodeRef;
  address @1 :Text;
  roles @2 :List(Text);
  alive @3 :Bool;
}

struct LookUpActor {
  id @0 :ActorKey;
}

struct ChangeActor {
  # Compare-and-set.
  expectedEpoch @0 :UInt64;
  next @1 :ActorRecord;
}

struct ChangeOutcome {
  applied @0 :Bool;
  current @1 :ActorRecord;
}

struct ListActors {}

struct ActorList {
  actors @0 :List(ActorRecord);
}

struct RegisterNode {
  node @0 :NodeRecord;
}

struct DeregisterNode {
  node @0 :NodeRef;
}

struct ListNodes {}

struct NodeList {
  nodes @0 :List(NodeRecord);
}

# --- Between nodes --------------------------------------------------------------------------------

struct StageSpec {
  # Enough to activate an actor anywhere.
  id @0 :ActorKey;
  type @1 :Text;
  name @2 :Text;
  config @3 :Data;
}

struct Activate {
  # Begin this actor's life here; answered with its ActorRecord, wherever it lives then.
  spec @0 :StageSpec;
}

struct NotHere {
  # A packet came for an actor that does not live here: look again.
  id @0 :ActorKey;
}

# --- Control --------------------------------------------------------------------------------------

struct Parameter {
  name @0 :Text;
  value @1 :Text;
}

struct RunApp {
  # Start an app; answered with Started.
  app @0 :Text;
  session @1 :Text;
  # The query session's name; empty for one made up by the node.
  parameters @2 :List(Parameter);
  # Repeatable ones appear several times: camera, line, zone.
}

struct Started {
  session @0 :Text;
  cameras @1 :List(Text);
  # Keys of the cameras that the app watches.
}

struct StopSession {
  session @0 :Text;
}

struct FetchResults {
  # Results after this cursor; waits up to waitMs for the first. Answered with Results.ResultBatch.
  session @0 :Text;
  afterCursor @1 :UInt64;
  resultsMax @2 :UInt32;
  waitMs @3 :UInt32;
}

struct AcknowledgeResults {
  # The client has them safely: they need not be kept.
  session @0 :Text;
  upToCursor @1 :UInt64;
}

struct SessionSummaryRequest {
  session @0 :Text;
}

struct ListProcesses {
  # The actors that live on this node; `everywhere` asks all nodes.
  everywhere @0 :Bool;
}

struct ProcessList {
  json @0 :Text;
  # One object a node, one entry an actor: docs/CONTROL.md lists the fields.
}

struct CollectAccounts {
  # The ledger's raw accounts of this node; `everywhere` asks all nodes and merges.
  everywhere @0 :Bool;
}

struct Accounts {
  json @0 :Text;
}

struct ListModels {}

struct ModelList {
  json @0 :Text;
}

struct StopNode {
  everywhere @0 :Bool;
}
