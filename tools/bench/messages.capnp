@0xc6a1b5e09d7f2348;
# What the benches' actors are made from and send each other.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("omma::bench");

struct PartyConfig {
  name @0 :Text;
  node @1 :Text;
  # Where it is to live.
  other @2 :Text;
  # The node of the actor that it talks to.
}

struct Box {
  x @0 :Float32;
  y @1 :Float32;
  width @2 :Float32;
  height @3 :Float32;
  score @4 :Float32;
  class @5 :UInt16;
}

struct Boxes {
  # A detector's word on one frame, as small as such words are.
  number @0 :UInt64;
  boxes @1 :List(Box);
}

struct Go {
  # From whoever takes boxes: a burst of them was read, send the next.
  read @0 :UInt64;
}

struct Ping {
  number @0 :UInt64;
  filling @1 :Data;
}

struct Pong {
  number @0 :UInt64;
  filling @1 :Data;
}

struct NextPicture {
  # From a source's own job: the next picture is there.
}

struct Picture {
  # Payload 0: the pixels.
  number @0 :UInt64;
}

struct Taken {
  # From whoever takes pictures: so many have been looked at.
  pictures @0 :UInt64;
}
