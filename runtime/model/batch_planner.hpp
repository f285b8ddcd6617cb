// Decides when a network runs, and on which of the frames that wait: large batches use the device
// better, waiting for them costs latency. A batch starts when it is full, when some frame has
// waited as long as it may, or when every open stream already waits here, since then nobody is
// expected.
//
// Pure and deterministic: it is told what happened and the time, and answers. Not thread-safe; its
// owner calls it. It holds tickets, the owner holds the frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/base/ids.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/time.hpp"

namespace omma {

enum class StreamMode : unsigned char {
  live,         // The newest frame wins: what it displaces is dropped and reported.
  every_frame,  // Nothing is dropped: a full planner refuses, and the owner holds the stream back.
};

struct WaitingFrame {
  ActorId stream;
  std::uint64_t ticket = 0;  // The owner's; never looked at.
  Instant arrived;
  Instant run_by;  // The batch with this frame starts no later, if a device is idle.
};

enum class FrameDropReason : unsigned char {
  newer_frame,   // Its own stream brought a newer one while it waited.
  planner_full,  // frames_waiting_max frames wait, and this was the oldest that may go.
};
std::string_view to_string(FrameDropReason reason);

struct DroppedFrame {
  WaitingFrame frame;
  FrameDropReason reason = FrameDropReason::newer_frame;
};

struct BatchOptions {
  std::size_t batch_frames_max = 8;  // At most limits::batch_frames_max.
  Duration wait_max{std::chrono::milliseconds(20)};
  std::size_t frames_waiting_max = 64;         // Over all streams.
  std::size_t live_frames_per_stream_max = 1;  // Of one live stream.
};

class BatchPlanner {
 public:
  // invalid_argument for a 0, over_limit past limits::batch_frames_max.
  static Result<BatchPlanner> create(const BatchOptions& options);

  // A frame came. Its stream is opened if it is new; the mode given last holds for the stream.
  // The frame must be in a batch by now + wait_max, or by `deadline` where that is earlier.
  // Returns what was dropped for it, which may be the frame itself. overloaded in every-frame mode
  // when frames_waiting_max frames wait and none of them may be dropped: then it was not taken.
  Result<std::vector<DroppedFrame>> add(ActorId stream, StreamMode mode, std::uint64_t ticket,
                                        Instant now, std::optional<Instant> deadline = {});

  // No more frames of this stream are expected; those that wait still run.
  void close(ActorId stream);

  // What to do with an idle device: run these frames (none: nothing to do), or ask again at
  // `wake_at` unless something happens before. Frames in `run` have left the planner. At most
  // batch_frames_max; streams in turn, within a stream the oldest first.
  struct Decision {
    std::vector<WaitingFrame> run;
    std::optional<Instant> wake_at;
  };
  Decision decide(Instant now);

  std::size_t frames_waiting() const { return frames_waiting_; }
  // Frames handed out and dropped since the start, for counters.
  std::uint64_t frames_run() const { return frames_run_; }
  std::uint64_t frames_dropped() const { return frames_dropped_; }

 private:
  struct Stream {
    StreamMode mode = StreamMode::live;
    bool open = true;
    std::deque<WaitingFrame> waiting;  // Oldest first.
  };

  explicit BatchPlanner(const BatchOptions& options) : options_(options) {}
  DroppedFrame drop_oldest(Stream& stream, FrameDropReason reason);
  Stream* live_stream_with_oldest();
  bool everybody_waits() const;
  std::optional<Instant> earliest_run_by() const;
  std::vector<WaitingFrame> take_batch();

  BatchOptions options_;
  std::map<ActorId, Stream> streams_;
  ActorId served_last_;
  std::size_t frames_waiting_ = 0;
  std::uint64_t frames_run_ = 0;
  std::uint64_t frames_dropped_ = 0;
};

}  // namespace omma
