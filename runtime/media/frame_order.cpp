#include "runtime/media/frame_order.hpp"

#include <algorithm>

#include "runtime/base/limits.hpp"

namespace omma {

FrameOrder::FrameOrder(std::uint64_t first_index, bool timed)
    : timed_(timed), next_(first_index), sent_end_(first_index) {}

void FrameOrder::sent(std::uint64_t index, std::int64_t shown_at, bool restarts) {
  sent_end_ = index + 1;
  if (!timed_) {
    if (restarts) restarts_.insert(index);
    if (restarts_.size() > limits::undecoded_packets_max) restarts_.erase(restarts_.begin());
    return;
  }
  waiting_.emplace(shown_at, index);
  if (waiting_.size() > limits::undecoded_packets_max) {
    waiting_.erase(waiting_.begin());
    ++next_;
    ++missing_;
  }
}

void FrameOrder::refused(std::uint64_t index) {
  if (timed_) return;  // Stays in waiting_ and is found missing when a later picture is shown.
  refused_.insert(index);
  if (refused_.size() > limits::undecoded_packets_max) {
    refused_.erase(refused_.begin());
    ++next_;
    ++missing_;
  }
}

std::optional<FrameOrder::Shown> FrameOrder::shown(std::uint64_t index) {
  return timed_ ? shown_timed(index) : shown_untimed(index);
}

std::optional<FrameOrder::Shown> FrameOrder::shown_timed(std::uint64_t index) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const auto& entry) { return entry.second == index; });
  if (found == waiting_.end()) return std::nullopt;
  const auto skipped = static_cast<std::uint64_t>(std::distance(waiting_.begin(), found));
  waiting_.erase(waiting_.begin(), std::next(found));
  const Shown result{next_ + skipped, missing_ + skipped};
  next_ = result.sequence + 1;
  missing_ = 0;
  return result;
}

std::optional<FrameOrder::Shown> FrameOrder::shown_untimed(std::uint64_t index) {
  const auto past = restarts_.upper_bound(index);
  if (past != restarts_.begin()) {
    const std::uint64_t restart = *std::prev(past);
    restarts_.erase(restarts_.begin(), past);
    refused_.erase(refused_.begin(), refused_.lower_bound(restart));
    if (restart > next_) {
      missing_ += restart - next_;
      next_ = restart;
    }
  }
  const auto refused_end = refused_.lower_bound(index);
  const auto skipped = static_cast<std::uint64_t>(std::distance(refused_.begin(), refused_end));
  refused_.erase(refused_.begin(), refused_end);
  const Shown result{next_ + skipped, missing_ + skipped};
  next_ = result.sequence + 1;
  missing_ = 0;
  return result;
}

std::uint64_t FrameOrder::finish() {
  const std::uint64_t lost = missing_ + (sent_end_ > next_ ? sent_end_ - next_ : 0);
  next_ = std::max(next_, sent_end_);
  missing_ = 0;
  waiting_.clear();
  restarts_.clear();
  refused_.clear();
  return lost;
}

}  // namespace omma
