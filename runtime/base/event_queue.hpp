// EventQueue: closures by the time at which they are due, those of one time in the order in which
// they came. What virtual time is made of.
//
// Not thread-safe.
#pragma once

#include "runtime/base/check.hpp"
#include "runtime/base/time.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace omma {

class EventQueue {
 public:
  using Event = std::function<void()>;

  void at(Instant when, Event event) {
    std::uint32_t slot = static_cast<std::uint32_t>(slots_.size());
    if (free_slots_.empty()) {
      slots_.push_back(std::move(event));
    } else {
      slot = free_slots_.back();
      free_slots_.pop_back();
      slots_[slot] = std::move(event);
    }
    heap_.push_back({when, ++made_, slot});
    std::push_heap(heap_.begin(), heap_.end());
  }

  std::optional<Instant> next() const {
    if (heap_.empty()) return std::nullopt;
    return heap_.front().when;
  }
  bool is_due(Instant now) const { return !heap_.empty() && heap_.front().when <= now; }

  // The next one, out of the queue.
  Event take() {
    OMMA_CHECK(!heap_.empty(), made_);
    const std::uint32_t slot = heap_.front().slot;
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
    free_slots_.push_back(slot);
    return std::exchange(slots_[slot], nullptr);
  }

 private:
  // The heap moves these, not the closures.
  struct Due {
    Instant when;
    std::uint64_t order;
    std::uint32_t slot;
    bool operator<(const Due& other) const {  // The earliest on top.
      return std::pair(when, order) > std::pair(other.when, other.order);
    }
  };

  std::vector<Due> heap_;
  std::vector<Event> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::uint64_t made_ = 0;
};

}  // namespace omma
