@0xb1c0d6f8472ea953;
# What the people_count app takes with it over a restart or a move.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("omma");
using States = import "states.capnp";

struct LineStanding {
  track @0 :UInt64;
  x @1 :Float32;
  # Where it last stood clear of the line, in pixels.
  y @2 :Float32;
  unseenFrames @3 :UInt32;
}

struct LineTally {
  toLeft @0 :UInt64;
  toRight @1 :UInt64;
  standings @2 :List(LineStanding);
}

struct PeopleCountState {
  lines @0 :List(LineTally);
  # In the configuration's order.
  zonesMost @1 :List(UInt64);
  # In the configuration's order.
  peopleMost @2 :UInt64;
  alert @3 :Bool;
  # Over the limit in the last frame.
  end @4 :States.StreamEndState;
  nextSequence @5 :UInt64;
  # The frame after the last one counted.
  trackerLost @6 :Bool;
  # The tracker lost its state since that frame.
}
