// The FrameDetector of real networks: models from the store, run by model::Detector.
#pragma once

#include "actors/frame_detector.hpp"
#include "runtime/model/model_store.hpp"
#include "runtime/model/network.hpp"

namespace omma {

// Errors of loading are ModelStore's and Detector's; conflict when the store's file under that name
// has another hash than the one asked for. The store must outlive the function.
LoadDetector network_detector_loader(ModelStore& store, NetworkOptions options);

}  // namespace omma
