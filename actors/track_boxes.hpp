// Tracks as the decision classes take them.
#pragma once

#include "actors/multi_object_tracker.hpp"
#include "schemas/detections.capnp.h"

#include <vector>

namespace omma {

// In the message's order: by id.
std::vector<TrackBox> track_boxes(Tracks::Reader tracks);

}  // namespace omma
