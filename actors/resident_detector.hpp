// ResidentDetector: the network of a shard, in memory from its first use on, and the two things
// that executors do with it: load it, and run it over a batch of frames.
//
// Blocks: for compute jobs only. Thread-safe, one job at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>

#include "actors/frame_detector.hpp"
#include "runtime/base/message.hpp"

namespace omma {

class ResidentDetector {
 public:
  // A Frame with its pixels, by the shard's ticket.
  using TicketedFrame = std::pair<std::uint64_t, Message>;

  // ModelLoaded, at once when it is loaded already.
  Result<Message> load(const LoadDetector& load, const std::string& model, const std::string& hash);
  // BatchDone. The pixels must have the size that the frame says. unavailable before load().
  Result<Message> detect(std::span<const TicketedFrame> frames, float score_min);

 private:
  std::mutex mutex_;
  std::unique_ptr<FrameDetector> detector_;  // Guarded by mutex_.
};

}  // namespace omma
