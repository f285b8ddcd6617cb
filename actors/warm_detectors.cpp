#include "actors/warm_detectors.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "runtime/base/limits.hpp"

namespace omma {

// With mutex_ held.
std::deque<WarmDetectors::Ready>::iterator WarmDetectors::find(const std::string& model_hash) {
  return std::find_if(ready_.begin(), ready_.end(),
                      [&](const Ready& ready) { return ready.model_hash == model_hash; });
}

Result<void> WarmDetectors::prepare(const std::string& model, const std::string& model_hash) {
  if (model_hash.empty()) {
    return Error{Code::invalid_argument, "model " + model + " has no hash to be kept under"};
  }
  forget_old();
  {
    std::lock_guard lock(mutex_);
    if (const auto found = find(model_hash); found != ready_.end()) {
      found->since = clock_.now();
      std::rotate(found, found + 1, ready_.end());
      return {};
    }
  }
  auto detector = load_(model, model_hash);
  if (!detector) return detector.error();
  Ready crowded_out;  // Ends after the lock: giving a network's memory back takes a while.
  std::lock_guard lock(mutex_);
  if (ready_.size() >= limits::warm_detectors_max) {
    crowded_out = std::move(ready_.front());
    ready_.pop_front();
    ++counters_.crowded;
  }
  ready_.push_back({model_hash, *std::move(detector), clock_.now()});
  ++counters_.prepared;
  return {};
}

Result<std::unique_ptr<FrameDetector>> WarmDetectors::load(const std::string& model,
                                                           const std::string& model_hash) {
  {
    std::lock_guard lock(mutex_);
    if (const auto found = find(model_hash); found != ready_.end()) {
      std::unique_ptr<FrameDetector> detector = std::move(found->detector);
      ready_.erase(found);
      ++counters_.used;
      return detector;
    }
    ++counters_.not_ready;
  }
  return load_(model, model_hash);
}

void WarmDetectors::forget_old() {
  std::vector<Ready> old;  // Ends after the lock.
  std::lock_guard lock(mutex_);
  const Instant now = clock_.now();
  while (!ready_.empty() && now - ready_.front().since >= limits::warm_detector_keep) {
    old.push_back(std::move(ready_.front()));
    ready_.pop_front();
    ++counters_.expired;
  }
}

WarmDetectors::Counters WarmDetectors::counters() const {
  std::lock_guard lock(mutex_);
  return counters_;
}

}  // namespace omma
