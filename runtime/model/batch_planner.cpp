#include "runtime/model/batch_planner.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "runtime/base/check.hpp"

namespace omma {

std::string_view to_string(FrameDropReason reason) {
  switch (reason) {
    case FrameDropReason::newer_frame:
      return "newer_frame";
    case FrameDropReason::planner_full:
      return "planner_full";
  }
  return "unknown";
}

Result<BatchPlanner> BatchPlanner::create(const BatchOptions& options) {
  if (options.batch_frames_max == 0 || options.frames_waiting_max == 0 ||
      options.live_frames_per_stream_max == 0 || options.wait_max < Duration::zero()) {
    return Error{Code::invalid_argument,
                 "batching needs batch_frames_max, frames_waiting_max and "
                 "live_frames_per_stream_max of at least 1 and a wait_max of at least 0"};
  }
  if (options.batch_frames_max > limits::batch_frames_max) {
    return Error{Code::over_limit, "batch_frames_max is " +
                                       std::to_string(options.batch_frames_max) + ", limit " +
                                       std::to_string(limits::batch_frames_max) + "; lower it"};
  }
  return BatchPlanner(options);
}

Result<std::vector<DroppedFrame>> BatchPlanner::add(ActorId stream_id, StreamMode mode,
                                                    std::uint64_t ticket, Instant now,
                                                    std::optional<Instant> deadline) {
  Stream& stream = streams_[stream_id];
  stream.mode = mode;
  stream.open = true;
  WaitingFrame frame{stream_id, ticket, now, now + options_.wait_max};
  if (deadline) frame.run_by = std::min(frame.run_by, *deadline);

  std::vector<DroppedFrame> dropped;
  while (mode == StreamMode::live && stream.waiting.size() >= options_.live_frames_per_stream_max) {
    dropped.push_back(drop_oldest(stream, FrameDropReason::newer_frame));
  }
  if (frames_waiting_ >= options_.frames_waiting_max) {
    if (Stream* oldest = live_stream_with_oldest()) {
      dropped.push_back(drop_oldest(*oldest, FrameDropReason::planner_full));
    } else if (mode == StreamMode::live) {
      ++frames_dropped_;
      dropped.push_back({frame, FrameDropReason::planner_full});
      return dropped;
    } else {
      return Error{Code::overloaded, "batch planner: " + std::to_string(frames_waiting_) +
                                         " frames wait, limit " +
                                         std::to_string(options_.frames_waiting_max) +
                                         "; hold the stream back until a batch has started"};
    }
  }
  stream.waiting.push_back(frame);
  ++frames_waiting_;
  return dropped;
}

void BatchPlanner::close(ActorId stream_id) {
  const auto found = streams_.find(stream_id);
  if (found == streams_.end()) return;
  found->second.open = false;
  if (found->second.waiting.empty()) streams_.erase(found);
}

BatchPlanner::Decision BatchPlanner::decide(Instant now) {
  const std::optional<Instant> run_by = earliest_run_by();
  if (!run_by) return {};
  if (frames_waiting_ >= options_.batch_frames_max || *run_by <= now || everybody_waits()) {
    return {take_batch(), std::nullopt};
  }
  return {{}, run_by};
}

DroppedFrame BatchPlanner::drop_oldest(Stream& stream, FrameDropReason reason) {
  OMMA_CHECK(!stream.waiting.empty() && stream.mode == StreamMode::live, frames_waiting_);
  DroppedFrame dropped{stream.waiting.front(), reason};
  stream.waiting.pop_front();
  --frames_waiting_;
  ++frames_dropped_;
  return dropped;
}

BatchPlanner::Stream* BatchPlanner::live_stream_with_oldest() {
  Stream* oldest = nullptr;
  for (auto& [id, stream] : streams_) {
    if (stream.mode != StreamMode::live || stream.waiting.empty()) continue;
    if (!oldest || stream.waiting.front().arrived < oldest->waiting.front().arrived) {
      oldest = &stream;
    }
  }
  return oldest;
}

bool BatchPlanner::everybody_waits() const {
  return std::all_of(streams_.begin(), streams_.end(), [](const auto& entry) {
    return !entry.second.open || !entry.second.waiting.empty();
  });
}

std::optional<Instant> BatchPlanner::earliest_run_by() const {
  std::optional<Instant> earliest;
  for (const auto& [id, stream] : streams_) {
    for (const WaitingFrame& frame : stream.waiting) {
      if (!earliest || frame.run_by < *earliest) earliest = frame.run_by;
    }
  }
  return earliest;
}

// One frame of each stream in turn, from the stream after the one served last, until the batch is
// full or nothing waits: with S streams a frame at its stream's head waits for at most
// ceil(S / batch_frames_max) batches.
std::vector<WaitingFrame> BatchPlanner::take_batch() {
  std::vector<WaitingFrame> batch;
  auto at = streams_.upper_bound(served_last_);
  while (batch.size() < options_.batch_frames_max && frames_waiting_ > 0) {
    if (at == streams_.end()) at = streams_.begin();
    Stream& stream = at->second;
    if (!stream.waiting.empty()) {
      batch.push_back(stream.waiting.front());
      stream.waiting.pop_front();
      --frames_waiting_;
      served_last_ = at->first;
    }
    at = !stream.open && stream.waiting.empty() ? streams_.erase(at) : std::next(at);
  }
  frames_run_ += batch.size();
  return batch;
}

}  // namespace omma
