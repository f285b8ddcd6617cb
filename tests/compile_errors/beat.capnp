@0xe5a1d09c3b7f4286;
# Messages of the samples.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("sample");

struct SampleConfig {
  name @0 :Text;
}

struct SampleState {
  sum @0 :UInt64;
}

struct Beat {
  number @0 :UInt32;
}
