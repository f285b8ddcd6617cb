@0xe1b7d5a30c94f268;
# What apps tell the outside, and how a client follows it.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("omma");
using Frame = import "frame.capnp";

struct Field {
  name @0 :Text;
  value :union {
    text @1 :Text;
    integer @2 :Int64;
    real @3 :Float64;
    flag @4 :Bool;
  }
}

struct ResultRow {
  # Class: reliable. One row; `kind` says which fields to expect ("crossing", "occupancy", "end").
  kind @0 :Text;
  tag @1 :Frame.FrameTag;
  # The frame that it was found in, with its way so far.
  fields @2 :List(Field);
}

struct CursorResult {
  cursor @0 :UInt64;
  # Counts the session's results from 1 without a gap.
  result @1 :ResultRow;
}

struct ResultBatch {
  results @0 :List(CursorResult);
  ended @1 :Bool;
  # Every input has ended and this batch reaches the last result.
  droppedOldest @2 :UInt64;
  # Results that went unread because the session was full (live mode only).
  sessionHigh @3 :UInt64;
  sessionLow @4 :UInt64;
  # Whose results they are, by the halves of its id,
  life @5 :UInt64;
  # and in which of its lives: with these and its cursor a result is known for good.
}

struct FetchRequest {
  # To a query session: answered with ResultBatch at once, or when the first result comes.
  afterCursor @0 :UInt64;
  resultsMax @1 :UInt32;
  waitMs @2 :UInt32;
}

struct AcknowledgeRequest {
  upToCursor @0 :UInt64;
}

struct SummaryRequest {}

struct StopRequest {
  # The session is over: it and everything that only it needed are retired.
}

struct Bucket {
  index @0 :UInt32;
  # As runtime/observe/latency_histogram.hpp numbers them.
  count @1 :UInt64;
}

struct Histogram {
  # Of durations.
  buckets @0 :List(Bucket);
  shortestNs @1 :Int64;
  longestNs @2 :Int64;
}

struct StageLatency {
  stage @0 :Text;
  # "capture", "route", ...; "total" is from capture to the session.
  compute @1 :Histogram;
  # From a frame's arrival at the stage to its leaving it.
  wire @2 :Histogram;
  # From leaving the stage before to arriving here: queues and links.
}

struct SessionSummary {
  results @0 :UInt64;
  ended @1 :Bool;
  latencies @2 :List(StageLatency);
  lastOfKind @3 :List(ResultRow);
  # The newest result of each (camera, kind).
}

struct InputProgress {
  # How far one camera's results have come from one input: after a crash it may give some again.
  inputHigh @0 :UInt64;
  inputLow @1 :UInt64;
  camera @2 :Text;
  frame @3 :UInt64;
  # Of the newest result.
  rows @4 :UInt64;
  # Results of that frame so far.
  lost @5 :Bool;
  # The input has lost its state before.
  rowsAgain @6 :UInt64;
  # Results of that frame since it last began to repeat.
}

struct WaitingFetch {
  # A client's request that is not answered yet.
  timer @0 :UInt64;
  # That ends the client's patience.
  clientHigh @1 :UInt64;
  clientLow @2 :UInt64;
  correlation @3 :UInt64;
  afterCursor @4 :UInt64;
  resultsMax @5 :UInt32;
}

struct QuerySessionState {
  # What a session moves with.
  nextCursor @0 :UInt64;
  acknowledged @1 :UInt64;
  droppedOldest @2 :UInt64;
  results @3 :List(CursorResult);
  # Not yet acknowledged, by cursor.
  latencies @4 :List(StageLatency);
  lastOfKind @5 :List(ResultRow);
  endedHigh @6 :List(UInt64);
  # Inputs that have ended, by the halves of their ids.
  endedLow @7 :List(UInt64);
  progress @8 :List(InputProgress);
  waiting @9 :List(WaitingFetch);
  nextTimer @10 :UInt64;
}
