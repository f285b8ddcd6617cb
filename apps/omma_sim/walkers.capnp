@0xd3a1f0b6c2e94715;
# What the simulation's actors are made from, keep and send each other.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("omma::sim");

struct WalkerConfig {
  name @0 :Text;
  ticks @1 :UInt32;
  # Steps that it makes by itself; then it only answers.
  periodMilliseconds @2 :UInt32;
  durable @3 :Bool;
  sends @4 :List(Text);
  # At each tick, one number to each of these.
  relays @5 :List(Text);
  # For each number that it gets, one to each of these.
  asks @6 :List(Text);
  # At each tick, a request to one of these.
  follows @7 :List(Text);
  # It subscribes to the numbers of these, every one.
  glances @8 :List(Text);
  # It subscribes to the newest numbers of these.
  waitMilliseconds @9 :UInt32;
  # Before it does anything: until those that it names are there.
}

struct WalkerState {
  ticks @0 :UInt32;
  published @1 :UInt64;
  asked @2 :UInt64;
  answered @3 :UInt64;
  refused @4 :UInt64;
  jobsWanted @5 :UInt64;
  jobsDone @6 :UInt64;
  sent @7 :List(Sent);
  received @8 :List(Received);
  open @9 :List(UInt64);
  # Correlations of requests without an answer.
  anew @10 :UInt64;
  # How often it was told that a peer had lost its state.

  struct Sent {
    high @0 :UInt64;
    low @1 :UInt64;
    number @2 :UInt64;
  }
  struct Received {
    high @0 :UInt64;
    low @1 :UInt64;
    kind @2 :UInt8;
    last @3 :UInt64;
    senderLife @4 :UInt64;
    ownLife @5 :UInt64;
    # Of the two when the last number came.
  }
}

struct Step {
  kind @0 :UInt8;
  # 0: sent, 1: published to who wants every one, 2: published to who wants the newest.
  number @1 :UInt64;
  life @2 :UInt64;
  # Of the sender when it sent.
  originHigh @3 :UInt64;
  originLow @4 :UInt64;
  originNumber @5 :UInt64;
  # What it was relayed for; 0 for nothing.
}

struct Question {
  number @0 :UInt64;
}

struct Reply {
  number @0 :UInt64;
}

struct Chore {
  number @0 :UInt64;
}
