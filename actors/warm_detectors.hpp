// WarmDetectors: networks made ready before anybody runs them. Loading and optimising one takes
// seconds, which a shard that moves here must not spend while its streams wait: prepare() runs
// before the move, and the shard's first load then finds its network at once.
//
// Holds at most limits::warm_detectors_max, each for limits::warm_detector_keep; the one prepared
// longest ago goes first. Only a network whose content is named by a hash is kept.
//
// Thread-safe. prepare() and load() block for seconds: for executors' jobs only.
#pragma once

#include "actors/frame_detector.hpp"
#include "runtime/base/time.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

namespace omma {

class WarmDetectors {
 public:
  struct Counters {
    std::uint64_t prepared = 0;
    std::uint64_t used = 0;       // Found ready by a shard.
    std::uint64_t expired = 0;    // Nobody came in time.
    std::uint64_t crowded = 0;    // Gone early, for newer ones.
    std::uint64_t not_ready = 0;  // Loaded by the shard itself.
  };

  // `load` and the clock outlive it.
  WarmDetectors(LoadDetector load, const Clock& clock) : load_(std::move(load)), clock_(clock) {}

  // Loads it unless it is ready already. Errors are load's; invalid_argument without a hash.
  Result<void> prepare(const std::string& model, const std::string& model_hash);
  // What LoadDetector promises: the one that is ready, which is the caller's from now on, or a
  // fresh one.
  Result<std::unique_ptr<FrameDetector>> load(const std::string& model,
                                              const std::string& model_hash);
  // Lets those go that nobody came for. Call it now and then.
  void forget_old();

  Counters counters() const;

 private:
  struct Ready {
    std::string model_hash;
    std::unique_ptr<FrameDetector> detector;
    Instant since;
  };
  std::deque<Ready>::iterator find(const std::string& model_hash);

  const LoadDetector load_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  // All below guarded by mutex_.
  std::deque<Ready> ready_;  // The oldest first.
  Counters counters_;
};

}  // namespace omma
