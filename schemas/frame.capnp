@0xa4d1b7c90e5f2301;
# A picture, and the tag that says which one it is. The tag goes with everything derived from it.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("omma");

struct Hop {
  stage @0 :Text;
  # What the frame went through: "capture", "route", "infer", "track", the app's name.
  enterNs @1 :Int64;
  # Taken up by the stage, nanoseconds since the Unix epoch by the stage's node.
  leaveNs @2 :Int64;
  # Handed on by the stage.
}

struct FrameTag {
  camera @0 :Text;
  # The camera's key.
  sequence @1 :UInt64;
  # Counts every frame the source produced, from 0; a gap is a frame that was dropped or filtered.
  captureNs @2 :Int64;
  # Nanoseconds since the Unix epoch by the camera's node.
  mediaNs @3 :Int64;
  # Presentation time in the video, nanoseconds from its start.
  end @4 :Bool;
  # The source is over; `sequence` is then the number of frames it produced, and nothing follows.
  hops @5 :List(Hop);
  # In the order travelled.
  error @6 :Text;
  # With `end`: why the stream is over before its time; empty when it simply ended.
}

enum PixelFormat {
  bgr24 @0;
  # Interleaved rows without padding, 3 bytes a pixel.
  gray8 @1;
}

struct Frame {
  # Class: fresh in live mode, reliable in every-frame mode. Payload 0: the pixels, none at the end.
  tag @0 :FrameTag;
  width @1 :UInt32;
  height @2 :UInt32;
  format @3 :PixelFormat;
  sourceWidth @4 :UInt32;
  # Of the picture as captured, in pixels: boxes are reported in these.
  sourceHeight @5 :UInt32;
  companionToo @6 :Bool;
  # The companion that the subscriber's form names was sent this frame as well.
}

struct FrameForm {
  # The form in which a subscriber wants a stream's pictures.
  width @0 :UInt32;
  # In pixels; 0 means as captured.
  height @1 :UInt32;
  framesPerSecondMax @2 :Float32;
  # 0 means every frame.
  motionThreshold @3 :Float32;
  # Share of pixels that must change, 0..1, for a frame to be sent on; 0 means no motion filter.
  companionHigh @4 :UInt64;
  # Id of another subscriber of the same router; 0 for none. The router opens its camera only when
  # the companion has subscribed too, and each frame says whether the companion was sent it: so who
  # joins frames with what the companion makes of them knows which ones to wait for.
  companionLow @5 :UInt64;
}
