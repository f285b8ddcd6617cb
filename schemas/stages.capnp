@0xf2c6e8b40d13a975;
# The configurations of the built-in stages, which are their names: two queries that write the same
# configuration share the same actor. A stage's inputs are part of its configuration.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("omma");

enum CaptureMode {
  live @0;
  # Newest frames win, latency is bounded, drops are counted.
  everyFrame @1;
  # Nothing is dropped, back-pressure reaches the source, results repeat exactly.
}

enum Pace {
  byTimestamps @0;
  # A frame is captured when its presentation time has come.
  asFastAsPossible @1;
}

struct CameraConfig {
  # Named by `name` alone.
  name @0 :Text;
  source @1 :Text;
  # What media::open_source takes: a path, or "synthetic:people?seed=7".
  windowX @2 :UInt32;
  # A part of the picture as a camera of its own, in pixels of the source; a width of 0: all of it.
  windowY @3 :UInt32;
  windowWidth @4 :UInt32;
  windowHeight @5 :UInt32;
  mode @6 :CaptureMode;
  pace @7 :Pace;
  framesMax @8 :UInt64;
  # 0: all.
  node @9 :Text;
  # Where it has to live; empty for any node with the role "camera".
  durable @10 :Bool;
  # No crash loses or repeats a frame on its way to the results: every stage saves what it did
  # before anybody sees it. Costs the time of a disk write a batch.
}

struct RouterConfig {
  camera @0 :CameraConfig;
}

struct ShardConfig {
  model @0 :Text;
  # Name in the model store.
  modelHash @1 :Text;
  # SHA-256 of the file: another file is another shard.
  batchFramesMax @2 :UInt32;
  batchDelayMs @3 :UInt32;
  # The oldest waiting frame waits no longer for company.
  durable @4 :Bool;
  # As the cameras that it serves: theirs do not share a network with others.
}

struct DetectRequest {
  # The form in which a tracker subscribes to a shard: which stream it wants looked at, and how.
  router @0 :RouterConfig;
  framesPerSecondMax @1 :Float32;
  # 0: every frame.
  motionThreshold @2 :Float32;
  # 0: no motion filter; else the share of pixels that must change, 0..1.
  scoreMin @3 :Float32;
  # Detections below it are not reported; 0 for what the tracker can use at all.
}

struct TrackerConfig {
  shard @0 :ShardConfig;
  detect @1 :DetectRequest;
  labels @2 :List(Text);
  # Classes to follow; empty for all.
}

struct PicturePoint {
  x @0 :Float32;
  y @1 :Float32;
}

struct Line {
  # Crossed to_left or to_right, as seen in the picture by who stands at a and looks towards b.
  name @0 :Text;
  a @1 :PicturePoint;
  b @2 :PicturePoint;
}

struct Zone {
  name @0 :Text;
  corners @1 :List(PicturePoint);
}

struct PeopleCountConfig {
  tracker @0 :TrackerConfig;
  lines @1 :List(Line);
  zones @2 :List(Zone);
  alertOver @3 :UInt32;
  # People in the picture; 0: no alert.
}

struct HelloConfig {
  greeting @0 :Text;
  times @1 :UInt32;
}

struct RecorderConfig {
  # Writes the camera's pictures with tracks, lines and zones drawn in to an MP4.
  router @0 :RouterConfig;
  tracker @1 :TrackerConfig;
  lines @2 :List(Line);
  zones @3 :List(Zone);
  path @4 :Text;
}

struct SessionInput {
  # An actor with an outlet of ResultRow.
  idHigh @0 :UInt64;
  idLow @1 :UInt64;
  type @2 :Text;
  name @3 :Text;
  config @4 :Data;
  wishNode @5 :Text;
  wishCamera @6 :Text;
  wishRole @7 :Text;
}

struct QuerySessionConfig {
  # Named by `name` alone.
  name @0 :Text;
  inputs @1 :List(SessionInput);
  everyResult @2 :Bool;
  # A full session holds its inputs back instead of dropping its oldest results.
}
