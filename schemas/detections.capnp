@0xb8e2c6d41f7a3502;
# What networks and trackers say of a frame. Boxes are in pixels of the picture as captured,
# x to the right, y down, corners (x1, y1) inclusive to (x2, y2) exclusive.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("omma");
using Frame = import "frame.capnp";

struct Box {
  x1 @0 :Float32;
  y1 @1 :Float32;
  x2 @2 :Float32;
  y2 @3 :Float32;
}

struct Detection {
  box @0 :Box;
  score @1 :Float32;
  # 0..1
  label @2 :UInt16;
  # Index into the model card's classes.
}

struct Detections {
  # Class: as the frame's. Sorted by falling score.
  tag @0 :Frame.FrameTag;
  model @1 :Text;
  classes @2 :List(Text);
  detections @3 :List(Detection);
  sourceWidth @4 :UInt32;
  sourceHeight @5 :UInt32;
  scoreRecommended @6 :Float32;
  # Where the model's card says its scores are best cut, 0..1; 0 when the card does not say.
}

struct Track {
  id @0 :UInt64;
  # Unique within its tracker, from 1, never reused.
  box @1 :Box;
  # Of this frame: 60 % of the way from the box as measured to the one that the motion filter holds.
  score @2 :Float32;
  label @3 :UInt16;
  ageFrames @4 :UInt32;
  # Since the track's first box.
}

struct Tracks {
  # Class: as the frame's. Only tracks that were seen in this frame; sorted by id.
  tag @0 :Frame.FrameTag;
  tracks @1 :List(Track);
  classes @2 :List(Text);
  sourceWidth @3 :UInt32;
  sourceHeight @4 :UInt32;
}
