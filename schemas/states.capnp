@0xd8f4b2a60c37e519;
# What the built-in actors take with them over a restart or a move. What was held (frames that wait
# for a network, pictures that wait for their tracks) is no part of it: its sender sends it again.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("omma");
using Control = import "control.capnp";
using Frame = import "frame.capnp";
using Detections = import "detections.capnp";
using Stages = import "stages.capnp";

struct StreamEndState {
  # Whether a stream is over, and who has been told.
  reached @0 :Bool;
  tag @1 :Frame.FrameTag;
  # The end's own tag, once reached.
  told @2 :List(Control.ActorKey);
  # Subscribers that have been sent it.
}

struct CameraState {
  nextSequence @0 :UInt64;
  # The frame that comes next: all below are published or counted as gone.
  end @1 :StreamEndState;
  reading @2 :UInt64;
  # The job that reads it; 0 for none. Void after a restart.
}

struct GreeterState {
  left @0 :UInt32;
  # Greetings.
}

struct RateState {
  subscriber @0 :Control.ActorKey;
  limited @1 :Bool;
  # A frame has passed, so that `nextNs` says something.
  nextNs @2 :Int64;
  # Media time from which the next frame may pass.
}

struct StreamRouterState {
  subscribed @0 :Bool;
  # To the camera.
  end @1 :StreamEndState;
  motion @2 :Data;
  # kernels::MotionDetector::save().
  rates @3 :List(RateState);
}

struct ShardStreamState {
  router @0 :Stages.RouterConfig;
  framesPerSecondMax @1 :Float32;
  motionThreshold @2 :Float32;
  end @3 :StreamEndState;
}

struct ModelShardState {
  inputWidth @0 :UInt32;
  # Of the network; 0 until it is loaded for the first time.
  inputHeight @1 :UInt32;
  classes @2 :List(Text);
  streams @3 :List(ShardStreamState);
  # Those that the shard subscribes to, or whose end it has seen.
  failure @4 :Text;
  # Why there is no network and will be none; empty when all is well.
  scoreRecommended @5 :Float32;
  # By the model's card; 0 when the card does not say.
}

struct KalmanAxisState {
  position @0 :Float32;
  velocity @1 :Float32;
  positionVariance @2 :Float32;
  covariance @3 :Float32;
  velocityVariance @4 :Float32;
}

struct TrackMotionState {
  id @0 :UInt64;
  # 0 until the track is reported for the first time.
  label @1 :UInt16;
  ageFrames @2 :UInt32;
  hits @3 :UInt32;
  gapFrames @4 :UInt32;
  score @5 :Float32;
  box @6 :Detections.Box;
  motion @7 :List(KalmanAxisState);
  # Centre x, centre y, width, height.
}

struct TrackerState {
  subscribed @0 :Bool;
  # To the shard.
  end @1 :StreamEndState;
  nextSequence @2 :UInt64;
  # The frame after the last one looked at; 0 before the first.
  nextTrackId @3 :UInt64;
  tracks @4 :List(TrackMotionState);
}

struct LineStandingState {
  trackId @0 :UInt64;
  point @1 :Stages.PicturePoint;
  unseenFrames @2 :UInt32;
}

struct LineCrossingState {
  toLeft @0 :UInt64;
  toRight @1 :UInt64;
  tracks @2 :List(LineStandingState);
}

struct RecorderState {
  recording @0 :Bool;
  # Subscribed to pictures and tracks.
  lines @1 :List(LineCrossingState);
  # In the order of the configuration, as of the last picture written.
  end @2 :StreamEndState;
  # Reached when the file is closed; `told` are those that have its row.
  frames @3 :UInt64;
  # Pictures in the closed file.
}
