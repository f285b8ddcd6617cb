@0xd5f08a3c61be9427;
# What passes between two nodes, and between a client and a node. Not for application messages:
# those travel inside, as bytes that a link neither reads nor changes.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("omma::wire");

const protocolVersion :UInt16 = 1;
# Both ends must speak the same; raised when old and new could misunderstand each other.

struct NodeId {
  name @0 :Text;
  incarnationHigh @1 :UInt64;
  incarnationLow @2 :UInt64;
  epoch @3 :UInt64;
}

struct Body {
  # A message. All null: none.
  typeId @0 :UInt64;
  words @1 :Data;
  # The struct's flat encoding, segment table first.
  payloads @2 :List(Data);
  loans @3 :List(Loan);
  # Payloads that are not sent but lie in the sender's arena; each is empty in the list above. Only
  # in packets, and only after arenaTaken.
}

struct Loan {
  # Checked as in runtime/link/peer_arena.hpp.
  payload @0 :UInt16;
  # Its place in the list of payloads.
  number @1 :UInt64;
  # Grows within a connection; written into the pipe to give the loan back.
  offset @2 :UInt64;
  sizeBytes @3 :UInt64;
}

struct Packet {
  # Names of the fields as in runtime/protocol/envelope.hpp.
  senderHigh @0 :UInt64;
  senderLow @1 :UInt64;
  targetHigh @2 :UInt64;
  targetLow @3 :UInt64;
  channel @4 :UInt8;
  senderLife @5 :UInt64;
  targetLife @6 :UInt64;
  targetEpoch @7 :UInt64;
  senderEpoch @21 :UInt64;
  # Of an ack: 0, since its target epoch is the acknowledging side's own.
  union {
    envelope :group {
      sequence @8 :UInt64;
      creditBytes @9 :UInt64;
      correlation @10 :UInt64;
      isReply @11 :Bool;
      deadlineNs @12 :Int64;
      traceOrigin @13 :UInt64;
      traceSequence @14 :UInt64;
      message @15 :Body;
    }
    ack :group {
      next @16 :UInt64;
      received @17 :UInt64;
      creditLimitBytes @18 :UInt64;
      probe @19 :UInt64;
    }
    probe :group {
      number @20 :UInt64;
    }
  }
}

struct Hello {
  version @0 :UInt16;
  self @1 :NodeId;
  # Null for a client, which may only make requests.
  lane @2 :UInt8;
  session @3 :UInt64;
  # Pairs the two lanes: equal in both hellos of one attempt to connect.
  expected @4 :Text;
  # The node that the caller means to reach; empty if any will do.
}

struct Failure {
  code @0 :UInt8;
  # 0: none.
  message @1 :Text;
}

interface Door {
  # What each end of a connection offers the other. Nothing but hello is served before hello.
  hello @0 (hello :Hello, back :Door) -> (failure :Failure, self :NodeId);
  deliver @1 (packets :List(Packet)) -> ();
  # Answered when all have been handed on. The caller keeps few of these unanswered.
  ping @2 () -> ();
  request @3 (body :Body) -> (failure :Failure, body :Body);
  arenaTaken @4 () -> ();
  # The caller has mapped the arena whose file descriptors came with the hello or with its answer
  # (over a Unix socket: the memory, and the pipe to give loans back through).
}
