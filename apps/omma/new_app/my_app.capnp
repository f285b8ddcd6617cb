@0xb3f1c9d27e5a8046;
# What crosses machines and what is saved. Field numbers are never reused.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("my_app");

struct PulseConfig {
  # The configuration of an actor is its name: who asks for the same pulse shares it.
  name @0 :Text;
  periodMs @1 :UInt32;
  beats @2 :UInt32;
}

struct PulseState {
  # What survives a crash and a move.
  sent @0 :UInt32;
}

struct Beat {
  number @0 :UInt32;
  last @1 :Bool;
}

struct MyAppConfig {
  pulse @0 :PulseConfig;
}

struct MyAppState {
  sum @0 :UInt64;
}
