// BatchTally: how large the batches of each network were and how long each took, for whoever charts
// them. It measures with the clock that it is given.
//
// Thread-safe; the networks of a process share one.
#pragma once

#include "runtime/base/duration_tally.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/time.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace omma {

class BatchTally {
 public:
  struct Counts {
    std::vector<std::uint64_t> by_frames;  // Batches of 1, 2, 3, ... frames.
    DurationTally::Counts times;
  };
  // One network's.
  class Model {
   public:
    void add(std::size_t frames, Duration took) {
      const std::size_t size = std::clamp<std::size_t>(frames, 1, limits::batch_frames_max);
      by_frames_[size - 1].fetch_add(1, std::memory_order_relaxed);
      times_.add(took);
    }
    Counts counts() const { return {{by_frames_.begin(), by_frames_.end()}, times_.counts()}; }

   private:
    std::array<std::atomic<std::uint64_t>, limits::batch_frames_max> by_frames_{};
    DurationTally times_;
  };

  explicit BatchTally(const Clock& clock) : clock_(clock) {}

  // As long as the tally lives; the same for the same name.
  Model& of(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return models_[name];
  }
  const Clock& clock() const { return clock_; }
  std::map<std::string, Counts> counts() const {
    const std::lock_guard lock(mutex_);
    std::map<std::string, Counts> all;
    for (const auto& [name, model] : models_) all.emplace(name, model.counts());
    return all;
  }

 private:
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Model> models_;  // Guarded by mutex_.
};

}  // namespace omma
