// The door for whoever writes apps: all that an app needs, in one include. docs/WRITING_APPS.md
// shows how to use it; the header of each part says more.
//
//   class Counter final : public omma::Actor { ... };
//   OMMA_APP_MODULE(omma::make_app<Counter>("my_app", "counts", [](omma::AppQuery& query,
//                                                                  auto config) { ... }));
#pragma once

// What an actor is made of, and what it can do in a turn.
#include "runtime/cell/actor.hpp"
#include "runtime/cell/actor_type.hpp"
#include "runtime/cell/outlet.hpp"
#include "runtime/cell/turn.hpp"

// What it may subscribe to: frames, detections, tracks; and rows, which answer queries.
#include "actors/camera.hpp"
#include "actors/frame_tag.hpp"
#include "actors/model_shard.hpp"
#include "actors/result_row.hpp"
#include "actors/stream_router.hpp"
#include "actors/tracker.hpp"
#include "schemas/detections.capnp.h"
#include "schemas/frame.capnp.h"
#include "schemas/results.capnp.h"
#include "schemas/stages.capnp.h"

// Plain classes over tracks and pixels.
#include "actors/foot_point.hpp"
#include "actors/frame_progress.hpp"
#include "actors/line_crossing.hpp"
#include "actors/stream_end.hpp"
#include "actors/track_boxes.hpp"
#include "actors/zone_occupancy.hpp"
#include "kernels/picture.hpp"
#include "runtime/media/canvas.hpp"
#include "runtime/media/picture.hpp"

// The app itself, and the module that it travels in.
#include "omma/stamp.hpp"
#include "runtime/node/app.hpp"
#include "runtime/node/app_module.hpp"
#include "runtime/node/picture_text.hpp"
