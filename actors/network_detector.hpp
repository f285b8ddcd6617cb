// The FrameDetector of real networks: models from the store, run by model::Detector.
#pragma once

#include "actors/frame_detector.hpp"
#include "runtime/model/batch_tally.hpp"
#include "runtime/model/model_exchange.hpp"
#include "runtime/model/model_store.hpp"
#include "runtime/model/network.hpp"

namespace omma {

// A model that the store lacks under the hash asked for comes from a peer, if there is an exchange.
// Errors are ModelStore's, Detector's and ModelExchange's; conflict when the store's file under
// that name has another hash and there is no exchange. Every batch is counted in the tally, if
// there is one. The store, the exchange and the tally outlive the function and what it makes.
LoadDetector network_detector_loader(ModelStore& store, NetworkOptions options,
                                     ModelExchange* exchange = nullptr,
                                     BatchTally* tally = nullptr);

}  // namespace omma
