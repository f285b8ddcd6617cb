@0x9c61e7d3f0b8a24d;
# What the built-in actors' jobs give back to them from the executors. Never leaves the node.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("omma");
using Detections = import "detections.capnp";

struct FrameRead {
  # Of a camera's source. Payload 0: the pixels, when there is a picture.
  sequence @0 :UInt64;
  # That was asked for. At the end, the number of frames that the source produced.
  outcome @1 :Outcome;
  mediaNs @2 :Int64;
  width @3 :UInt32;
  height @4 :UInt32;
  frameIntervalNs @5 :Int64;
  # Nominal, from the source's frame rate; 0 when it has none.

  enum Outcome {
    picture @0;
    damaged @1;
    # Frame `sequence` could not be decoded.
    end @2;
  }
}

struct ModelLoaded {
  inputWidth @0 :UInt32;
  inputHeight @1 :UInt32;
  classes @2 :List(Text);
  scoreRecommended @3 :Float32;
  # By its card; 0 when the card does not say.
}

struct FrameDetections {
  ticket @0 :UInt64;
  # The shard's number of the frame.
  detections @1 :List(Detections.Detection);
  # In pixels of the picture as captured, by falling score.
}

struct BatchDone {
  frames @0 :List(FrameDetections);
}

struct FrameWritten {
  sequence @0 :UInt64;
}

struct RecordingClosed {
  frames @0 :UInt64;
  # Pictures in the file.
}
