@0xa7d4c0f19b3e6258;
# A live actor as a move carries it and as a checkpoint keeps it. Messages and payloads lie behind
# the struct as blobs, named by their index (runtime/cell/cell_snapshot.hpp has the layout).
# Times are what is left of them: clocks differ between nodes.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("omma::wire");
using Control = import "control.capnp";

const snapshotVersion :UInt16 = 1;
# Raised when an older build could misunderstand a newer snapshot.

struct SavedMessage {
  typeId @0 :UInt64;
  # 0: no message.
  words @1 :UInt32;
  # Blob of the struct's flat encoding.
  payloads @2 :List(UInt32);
}

struct Tally {
  # Of one origin camera, or for one reason.
  origin @0 :UInt64;
  reason @1 :Text;
  count @2 :UInt64;
}

struct SavedOutgoing {
  message @0 :SavedMessage;
  correlation @1 :UInt64;
  isReply @2 :Bool;
  deadlineNs @3 :Int64;
  traceOrigin @4 :UInt64;
  traceSequence @5 :UInt64;
  creditBytes @6 :UInt64;
  # Of one that has a number.
}

struct OutCounters {
  offered @0 :UInt64;
  droppedFull @1 :UInt64;
  droppedExpired @2 :UInt64;
  droppedUnwanted @3 :UInt64;
  acknowledged @4 :UInt64;
  lostWithLife @5 :UInt64;
  resent @6 :UInt64;
  probes @7 :UInt64;
  livesEnded @8 :UInt64;
  ignoredAcks @9 :UInt64;
}

struct InCounters {
  received @0 :UInt64;
  duplicates @1 :UInt64;
  early @2 :UInt64;
  earlyDropped @3 :UInt64;
  overCredit @4 :UInt64;
  staleLife @5 :UInt64;
}

struct SavedOutbox {
  target @0 :Control.ActorKey;
  channel @1 :UInt8;
  targetLife @2 :UInt64;
  targetEpoch @3 :UInt64;
  windowBytes @4 :UInt64;
  waitingBytesMax @5 :UInt64;
  waitingMessagesMax @6 :UInt64;
  unacknowledgedMessagesMax @7 :UInt64;
  acknowledged @8 :UInt64;
  released @9 :UInt64;
  unacknowledged @10 :List(SavedOutgoing);
  waiting @11 :List(SavedOutgoing);
  creditWindowBytes @12 :UInt64;
  creditLimitBytes @13 :UInt64;
  creditSettledBytes @14 :UInt64;
  probes @15 :UInt64;
  counters @16 :OutCounters;
  sentByOrigin @17 :List(Tally);
  droppedByOrigin @18 :List(Tally);
}

struct SavedInbox {
  sender @0 :Control.ActorKey;
  channel @1 :UInt8;
  senderLife @2 :UInt64;
  processed @3 :UInt64;
  committed @4 :UInt64;
  creditWindowBytes @5 :UInt64;
  creditFinishedBytes @6 :UInt64;
  counters @7 :InCounters;
  finishedEarly @8 :List(FinishedEarly);
  finished @9 :UInt64;
  finishedByOrigin @10 :List(Tally);

  struct FinishedEarly {
    sequence @0 :UInt64;
    creditBytes @1 :UInt64;
    traceOrigin @2 :UInt64;
    traceSequence @3 :UInt64;
  }
}

struct ClosedOut {
  # The account of a stream that is over.
  target @0 :Control.ActorKey;
  channel @1 :UInt8;
  counters @2 :OutCounters;
  droppedTargetGone @3 :UInt64;
  sentByOrigin @4 :List(Tally);
  droppedByOrigin @5 :List(Tally);
}

struct ClosedIn {
  sender @0 :Control.ActorKey;
  channel @1 :UInt8;
  counters @2 :InCounters;
  finished @3 :UInt64;
  finishedByOrigin @4 :List(Tally);
}

struct ExpectedWindow {
  publisher @0 :Control.ActorKey;
  channel @1 :UInt8;
  windowBytes @2 :UInt64;
}

struct SavedSubscriber {
  id @0 :Control.ActorKey;
  delivery @1 :UInt8;
  windowBytes @2 :UInt64;
  waitingMessagesMax @3 :UInt32;
  form @4 :SavedMessage;
}

struct SavedOutlet {
  messageType @0 :UInt64;
  subscribers @1 :List(SavedSubscriber);
}

struct SavedSubscription {
  publisher @0 :Control.ActorKey;
  messageType @1 :UInt64;
  type @2 :Text;
  # Empty: its specification is not known. So for name, configuration and wishes.
  name @3 :Text;
  config @4 :Data;
  wishNode @5 :Text;
  wishCamera @6 :Text;
  wishRole @7 :Text;
  delivery @8 :UInt8;
  windowBytes @9 :UInt64;
  waitingMessagesMax @10 :UInt32;
  form @11 :SavedMessage;
}

struct SavedTimer {
  id @0 :UInt64;
  leftNs @1 :Int64;
}

struct SavedRequest {
  correlation @0 :UInt64;
  target @1 :Control.ActorKey;
  leftNs @2 :Int64;
}

struct SavedStage {
  # The ledger's account of one camera's frames.
  origin @0 :UInt64;
  received @1 :UInt64;
  emitted @2 :UInt64;
  filtered @3 :List(Tally);
  failed @4 :List(Tally);
}

struct CellSnapshot {
  version @0 :UInt16;
  id @1 :Control.ActorKey;
  type @2 :Text;
  life @3 :UInt64;
  state @4 :SavedMessage;
  # The actor's own.
  outlets @5 :List(SavedOutlet);
  subscriptions @6 :List(SavedSubscription);
  timers @7 :List(SavedTimer);
  requests @8 :List(SavedRequest);
  nextId @9 :UInt64;
  turns @10 :UInt64;
  lingerLeftNs @11 :Int64;
  # Until it is retired for want of subscribers; negative: it is not.
  outboxes @12 :List(SavedOutbox);
  inboxes @13 :List(SavedInbox);
  expected @14 :List(ExpectedWindow);
  closedOut @15 :List(ClosedOut);
  closedIn @16 :List(ClosedIn);
  stages @17 :List(SavedStage);
  captured @18 :List(Tally);
  failedTurns @19 :UInt64;
  restarts @20 :UInt64;
  setAside @21 :UInt64;
  jobsFailed @22 :UInt64;
  lateReplies @23 :UInt64;
  lastErrors @24 :List(Text);
  diedWith @25 :List(Text);
  # Nodes that took an earlier life of it along.
  checkpoints @26 :UInt64;
  # Taken so far, this one included; numbers them.
}
