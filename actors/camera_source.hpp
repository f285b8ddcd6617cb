// CameraSource: a camera's video, read frame by frame by number, so that a camera that starts again
// goes on with exactly the frame that comes next.
//
// Blocks while it reads: for an executor's jobs only. Thread-safe, one read at a time.
#pragma once

#include "runtime/base/message.hpp"
#include "runtime/media/frame_source.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

namespace omma {

using OpenSource = std::function<Result<std::unique_ptr<FrameSource>>(const SourceSpec&)>;

class CameraSource {
 public:
  CameraSource(SourceSpec spec, OpenSource open);

  // Frame `sequence` as a FrameRead with its pixels, opening and seeking as needed. A damaged frame
  // is an answer of its own. Errors are the source's; a network stream cannot go back, it goes on
  // with what comes.
  Result<Message> read(std::uint64_t sequence);

 private:
  Result<void> place_at(std::uint64_t sequence);
  Result<void> fetch();
  Message answer(std::uint64_t sequence) const;

  const SourceSpec spec_;
  const OpenSource open_;
  std::mutex mutex_;
  // All below guarded by mutex_.
  std::unique_ptr<FrameSource> source_;
  std::uint64_t offset_ = 0;              // Our numbers less the source's.
  std::uint64_t expected_ = 0;            // The number that asks for no seek.
  std::optional<CapturedFrame> fetched_;  // Read, and of this number or a later one.
  std::optional<std::uint64_t> end_;      // The number of frames, once known.
};

}  // namespace omma
