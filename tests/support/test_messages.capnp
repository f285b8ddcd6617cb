@0xff7573b3e5d195e7;
# What the tests' own actors are made from and send each other.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("omma::test");

struct PuppetConfig {
  name @0 :Text;
  variant @1 :UInt32;
  node @2 :Text;
  # Where it is to live; empty for any node with the role "worker".
}

struct PuppetState {
  numbers @0 :List(UInt64);
}

struct NewerPuppetState {
  # As a later build writes it.
  numbers @0 :List(UInt64);
  more @1 :UInt64;
}

struct OtherNewerPuppetState {
  numbers @0 :List(UInt64);
  more @1 :List(UInt64);
}

struct Number {
  value @0 :UInt64;
}

struct Stranger {
  # No actor accepts it.
}
