@0xd3a8c5b1407f962e;
# What the dwell app is configured with, and what it takes with it over a crash or a move.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("dwell");
using Stages = import "/schemas/stages.capnp";
using States = import "/schemas/states.capnp";

struct DwellConfig {
  tracker @0 :Stages.TrackerConfig;
  zones @1 :List(Stages.Zone);
  goneAfterMs @2 :UInt32;
  # A stay ends when its person was not seen in the zone for so long, in media time.
  heatMap @3 :Text;
  # A PNG file on the actor's node; empty for none.
}

struct OpenStay {
  track @0 :UInt64;
  firstNs @1 :Int64;
  # Media time.
  lastNs @2 :Int64;
}

struct ZoneStays {
  open @0 :List(OpenStay);
  # By track.
  ended @1 :UInt64;
  totalNs @2 :Int64;
  # Of those that ended.
  longestNs @3 :Int64;
}

struct HeatGridState {
  width @0 :UInt32;
  # Of the picture, in pixels; 0 before the first frame.
  height @1 :UInt32;
  cellsMs @2 :List(UInt32);
  # Row by row.
}

struct DwellMeterState {
  zones @0 :List(ZoneStays);
  # In the configuration's order.
  heat @1 :HeatGridState;
  nextSequence @2 :UInt64;
  # The frame after the last one counted.
  mediaNs @3 :Int64;
  # Of the last one counted.
  trackerLost @4 :Bool;
  # The tracker lost its state since that frame.
}

struct DwellState {
  meter @0 :DwellMeterState;
  end @1 :States.StreamEndState;
  nextHeatMapNs @2 :Int64;
  # Media time from which the next one is due.
  drawing @3 :Bool;
  # A heat map was begun and is not done: whoever goes on from here draws it anew.
  lastDrawn @4 :Bool;
  # The one of the end, after which the end is told.
}

struct HeatMapDrawn {
  # From the job to its actor.
  path @0 :Text;
}
