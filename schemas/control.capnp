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
  cordoned @4 :Bool;
}

struct LookUpActor {
  id @0 :ActorKey;
}

struct ChangeActor {
  # Compare-and-set.
  expectedEpoch @0 :UInt64;
  next @1 :ActorRecord;
  takesOver @2 :Bool;
  # The node on record is believed dead.
}

struct ChangeOutcome {
  applied @0 :Bool;
  current @1 :ActorRecord;
}

struct ListActors {
  # A page of them, by id; answered with ActorList.
  which @0 :Which;
  node @1 :Text;
  # Only the active ones on a node of this name; empty: on any.
  type @2 :Text;
  # Only those; empty: any.
  after @3 :ActorKey;
  # The last one of the page before; null: the first page.

  enum Which {
    all @0;
    # The retired too.
    active @1;
    orphaned @2;
    # Active, and their node is not live.
  }
}

struct FindActors {
  # Whom may somebody mean by this? Answered with ActorList: the active ones of this name, or those
  # whose id begins so, or if there are none some others.
  wanted @0 :Text;
  # TYPE/NAME, NAME, or the first digits of the id.
}

struct ActorList {
  actors @0 :List(ActorRecord);
  more @1 :Bool;
  # There may be others after these.
}

struct FindHomes {
  # Where do these live? Answered with HomeList.
  ids @0 :List(ActorKey);
}

struct HomeList {
  # Of those that are active.
  homes @0 :List(RouteHint);
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
  actors @1 :List(UInt32);
  # How many are active on each.
}

struct MarkNodeDead {
  # Fences the node and orphans its actors; answered with its NodeRecord.
  node @0 :NodeRef;
}

struct CordonNode {
  # Place nothing more there, or (false) do so again; answered with its NodeRecord.
  name @0 :Text;
  cordoned @1 :Bool;
}

struct PinActor {
  # Leave the actor where it is, or (false) no more.
  id @0 :ActorKey;
  pinned @1 :Bool;
}

struct ListPins {}

struct PinList {
  actors @0 :List(ActorKey);
}

struct CheckpointHead {
  # One checkpoint, but for its state.
  id @0 :ActorKey;
  epoch @1 :UInt64;
  # 0: no such checkpoint.
  number @2 :UInt64;
  keepsLife @3 :Bool;
  stateBytes @4 :UInt64;
}

struct SaveCheckpoints {
  # The states travel as one payload: in the order of the heads, each from a multiple of 64 bytes
  # on. No payload when all states are empty. Answered with SaveOutcomes.
  by @0 :NodeRef;
  heads @1 :List(CheckpointHead);
}

struct SaveOutcome {
  code @0 :UInt8;
  # An error code of the runtime, 0: saved.
  message @1 :Text;
}

struct SaveOutcomes {
  # One a checkpoint, in their order.
  outcomes @0 :List(SaveOutcome);
}

struct FetchCheckpoint {
  id @0 :ActorKey;
}

struct FetchedCheckpoint {
  # The latest; its state is the payload, if it is not empty.
  head @0 :CheckpointHead;
}

struct MoveRecord {
  # A line of the log of moves.
  whenNs @0 :Int64;
  # Since the Unix epoch, by the clock of whoever logged it.
  id @1 :ActorKey;
  type @2 :Text;
  name @3 :Text;
  from @4 :Text;
  to @5 :Text;
  # Names of nodes.
  outcome @6 :MoveOutcome;
  reason @7 :Text;
  pauseNs @8 :Int64;
  # Of a take-over: how long the actor was away.
  bytes @9 :UInt64;
  # Of the state that was handed over, or of the checkpoint.
}

enum MoveOutcome {
  moved @0;
  refused @1;
  aborted @2;
  takenOver @3;
}

struct LogMove {
  move @0 :MoveRecord;
}

struct ListMoves {
  countMax @0 :UInt32;
}

struct MoveList {
  # Latest first.
  moves @0 :List(MoveRecord);
}

# --- Leases ---------------------------------------------------------------------------------------

struct RenewLease {
  # A node to the head: may it go on working? Answered with LeaseGranted, or with conflict: it is
  # declared dead, and its actors are given to others.
  node @0 :NodeRef;
}

struct LeaseGranted {
  ttlNs @0 :UInt64;
  # How long the head waits for the next request; the head's word counts.
  holdNs @1 :UInt64;
  lost @2 :List(NodeRef);
  # Nodes that are declared dead, so that what leads to them is looked up again.
  receivedNs @3 :Int64;
  # By the head's steady clock: when it had the request,
  answeredNs @4 :Int64;
  # and when it answered. Both 0: it does not say.
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
  asker @1 :ActorKey;
  # The actor that sent it.
  node @2 :Text;
  # Where it lives, as far as is known here; empty: ask the directory.
  epoch @3 :UInt64;
  # Of the record that says so.
}

struct ReserveMove {
  # Will you take this actor? Answered with Nothing once the target has what is immutable ready.
  record @0 :ActorRecord;
  # As it is at the source.
}

struct RouteHint {
  id @0 :ActorKey;
  node @1 :Text;
  epoch @2 :UInt64;
}

struct SnapshotPiece {
  # Part of a live actor on its way; payload 0: the bytes. Answered with PieceTaken, the one that
  # makes it whole with what became of the move.
  id @0 :ActorKey;
  epoch @1 :UInt64;
  # Of the record at the source.
  totalBytes @2 :UInt64;
  offset @3 :UInt64;
  checksum @4 :UInt64;
  # omma::checksum64 of the bytes.
  routes @5 :List(RouteHint);
  # Where the source reaches the actor's peers; with the first piece only.
}

struct PieceTaken {
  committed @0 :Bool;
  # The actor lives at the target now.
}

struct Revive {
  # Go on here with this actor of a dead node, from its checkpoint if it has one; answered with
  # Revived.
  id @0 :ActorKey;
}

struct Revived {
  record @0 :ActorRecord;
  checkpointBytes @1 :UInt64;
  # Of what it goes on from; 0: it began anew.
}

struct NodeLost {
  # From the head: that node was declared dead; what led there is to be looked up again.
  node @0 :NodeRef;
}

struct FetchBlob {
  # A model's file or an app module by its SHA-256, a piece at a time; answered with BlobChunk,
  # not_found by a node that does not have it.
  hash @0 :Data;
  # 32 bytes.
  offset @1 :UInt64;
}

struct BlobChunk {
  # Payload 0: the bytes from the offset on.
  totalBytes @0 :UInt64;
  fileName @1 :Text;
  # Without a folder.
  card @2 :Data;
  # The model card as it is there, JSON; with the first piece only. An app module has none.
}

struct FindAppModule {
  # Which module brings this app or this actor type? One of the two is empty. Answered with
  # AppModuleFound, not_found by a node that has loaded none that does.
  app @0 :Text;
  actorType @1 :Text;
}

struct AppModuleFound {
  hash @0 :Data;
  # Of its file, for FetchBlob.
  fileName @1 :Text;
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
  module @3 :Text;
  # The path of an app module that the node loads first; empty for none.
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

struct ListApps {}

struct AppList {
  json @0 :Text;
}

struct StopNode {
  everywhere @0 :Bool;
}

# --- Traces ---------------------------------------------------------------------------------------

struct FrameRef {
  origin @0 :UInt64;
  # TraceId of runtime/protocol/envelope.hpp.
  sequence @1 :UInt64;
}

struct HopRecord {
  # Names of the fields as in runtime/protocol/hop.hpp.
  actor @0 :ActorKey;
  peer @1 :ActorKey;
  sequence @2 :UInt64;
  kind @3 :UInt8;
  channel @4 :UInt8;
  queuedNs @5 :Int64;
  begunNs @6 :Int64;
  endedNs @7 :Int64;
  bytes @8 :UInt64;
}

struct CollectTrace {
  # All hops of a frame that this node remembers; `everywhere` asks all nodes. Answered with
  # FrameHops.
  frame @0 :FrameRef;
  everywhere @1 :Bool;
}

struct FrameHops {
  nodes @0 :List(NodeHops);
  missing @1 :List(Text);
  # Nodes that did not answer.

  struct NodeHops {
    node @0 :Text;
    traces @1 :Bool;
    # False: the cluster file says trace: off.
    headAheadNs @2 :Int64;
    # The head's steady clock less this node's, off by at most headErrorNs; -1: not known.
    headErrorNs @3 :Int64;
    forgotten @4 :UInt64;
    # Hops of any frames that went for newer ones.
    hops @5 :List(HopRecord);
  }
}

struct ListSlowFrames {
  # Of the frames that are remembered those that took longest, answered with SlowFrames; of one
  # node (not `everywhere`) the latest that it remembers, whatever they took, in its own time.
  countMax @0 :UInt32;
  everywhere @1 :Bool;
}

struct SlowFrames {
  frames @0 :List(Extent);
  # The slowest first.
  headAheadNs @1 :Int64;
  headErrorNs @2 :Int64;
  # As in NodeHops.
  missing @3 :List(Text);

  struct Extent {
    frame @0 :FrameRef;
    firstNs @1 :Int64;
    lastNs @2 :Int64;
  }
}

# --- Moves ----------------------------------------------------------------------------------------

struct MoveActor {
  # Take the actor to that node, live; answered with MoveReport, also when it was refused or called
  # off and the actor runs on where it was. Any node takes it and passes it on.
  actor @0 :Text;
  # TYPE/NAME, NAME, or the first digits of the id.
  node @1 :Text;
  reason @2 :Text;
}

struct MoveReport {
  # What became of it; logged as well.
  move @0 :MoveRecord;
}

struct CarryOut {
  # Between nodes: MoveActor as it reaches the node where the actor lives.
  id @0 :ActorKey;
  node @1 :Text;
  reason @2 :Text;
}

struct DrainNode {
  # Cordon the node and move every actor away that may move. Nothing is ever ended for it. What came
  # to nothing is planned anew and tried again, up to limits::drain_rounds_max times in all.
  # Answered with DrainReport when the last move has ended.
  node @0 :Text;
}

struct DrainReport {
  moved @0 :List(MoveRecord);
  # The first of them; `omma moves` has the others. So many in all:
  movedCount @2 :UInt32;
  kept @1 :List(Kept);
  # The first of them; a drain that is repeated names the others. So many in all:
  keptCount @3 :UInt32;
  triedCount @4 :UInt32;
  # Of these: their moves came to nothing.

  struct Kept {
    # It is still there.
    id @0 :ActorKey;
    type @1 :Text;
    name @2 :Text;
    why @3 :Text;
    tried @4 :Bool;
    # Its move came to nothing; else it may not move, or no node would do.
  }
}

struct SetCordon {
  # No actor is placed on it or moved to it while it is `on`; answered with NodeRecord.
  node @0 :Text;
  on @1 :Bool;
}

struct SetPin {
  # It is not moved while it is `on`, but for a fail-over. Answered with ActorRecord.
  actor @0 :Text;
  on @1 :Bool;
}
