@0xc6a41f2b9d7e0853;
# The chaos test's own actors: a chain through which numbers run, light enough for hundreds of them.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("omma::chaos");

struct SourceConfig {
  name @0 :Text;
  periodMs @1 :UInt32;
  numbers @2 :UInt64;
  # How many; then the end.
  durable @3 :Bool;
}

struct SourceState {
  next @0 :UInt64;
}

struct RelayConfig {
  source @0 :SourceConfig;
  index @1 :UInt32;
  # Several relays listen to one source: fan-out.
  ballastKib @2 :UInt32;
  # State that is only there to be moved.
}

struct RelayState {
  sum @0 :UInt64;
  # Of all numbers so far, wrapping.
  ballast @1 :Data;
}

struct TallyConfig {
  relays @0 :List(RelayConfig);
}

struct TallyState {
  next @0 :List(UInt64);
  # By relay: the number awaited.
  ended @1 :UInt64;
  # A bit a relay: it has given its last.
}

struct Number {
  value @0 :UInt64;
  # From 1.
  sum @1 :UInt64;
  # Of all numbers up to this one, as the relay has added them up; 0 from the source.
  relay @2 :UInt32;
  last @3 :Bool;
}
