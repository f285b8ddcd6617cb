// FrameTag at work: each stage hands a frame's tag on with one hop more, and asks for its inputs in
// the delivery class that the camera's mode calls for.
//
// Pure functions.
#pragma once

#include "runtime/base/time.hpp"
#include "runtime/protocol/envelope.hpp"
#include "schemas/frame.capnp.h"
#include "schemas/stages.capnp.h"

namespace omma {

// When a stage took a frame up and when it handed it on. A turn takes no time by its own clock:
// equal for stages that do their work in one turn.
struct StageTimes {
  WallTime enter;
  WallTime leave;
};

void pass_on_tag(FrameTag::Reader tag, FrameTag::Builder out, const char* stage, StageTimes times);

DeliveryClass delivery_of(CameraConfig::Reader camera);

}  // namespace omma
