#include "runtime/testkit/virtual_time.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/check.hpp"

namespace omma {
namespace {

// Actors that never wait for anything would stop the clock for good.
constexpr std::uint64_t events_at_once_max = 100'000'000;

}  // namespace

VirtualTime::VirtualTime(std::uint64_t seed)
    : random_(seed), order_(random_.next()), network_(random_.next(), clock_) {}

void VirtualTime::run_ready() {
  const std::size_t chosen = ready_.size() == 1 ? 0 : order_.below(ready_.size());
  std::swap(ready_[chosen], ready_.back());
  const std::shared_ptr<VirtualTask> task = std::move(ready_.back());
  ready_.pop_back();
  if (task->run_one()) ready_.push_back(task);
}

bool VirtualTime::step(Instant end) {
  const Instant now = clock_.now();
  const bool packets = network_.next_event().value_or(end) <= now;
  const bool due = events_.is_due(now);
  const std::size_t choices = (packets ? 1u : 0u) + (due ? 1u : 0u) + (ready_.empty() ? 0u : 1u);
  if (choices == 0) {
    Instant next = end;
    if (const auto packet = network_.next_event()) next = std::min(next, *packet);
    if (const auto event = events_.next()) next = std::min(next, *event);
    if (next > now) {
      clock_.advance(next - now);
      events_at_once_ = 0;
    }
    return next < end;
  }
  ++events_done_;
  OMMA_CHECK(++events_at_once_ < events_at_once_max, nanoseconds_of(now));
  std::size_t choice = choices == 1 ? 0 : order_.below(choices);
  if (packets && choice-- == 0) {
    network_.step();
  } else if (due && choice == 0) {
    events_.take()();
  } else {
    run_ready();
  }
  return true;
}

void VirtualTime::advance(Duration by) {
  const Instant end = clock_.now() + by;
  while (step(end)) {
  }
}

bool VirtualTime::advance_until(Duration patience, const std::function<bool()>& holds) {
  const Instant end = clock_.now() + patience;
  while (!holds()) {
    if (!step(end)) return holds();
  }
  return true;
}

}  // namespace omma
