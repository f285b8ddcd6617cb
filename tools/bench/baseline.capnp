@0xe4f7a02c91d3586b;
# The least that two processes need to hand messages to each other over RPC.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("omma::bench");

interface Neighbour {
  introduce @0 (back :Neighbour) -> ();
  hand @1 (number :UInt64, body :Data) -> ();
}
