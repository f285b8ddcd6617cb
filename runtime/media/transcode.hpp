// A source, or a window of it, coded anew as an H.264 MP4: how real camera files are made of an
// example video. The target appears only when it is whole (see VideoEncoder).
//
// Blocks until done; safe from any thread.
#pragma once

#include "runtime/media/frame_source.hpp"
#include "runtime/media/video_encoder.hpp"

#include <cstdint>
#include <string>

namespace omma {

struct TranscodeReport {
  std::uint64_t frames_written = 0;
  std::uint64_t frames_corrupt = 0;  // Of the source; skipped.
  int width = 0;
  int height = 0;
  Duration media_length{0};  // Time of the last frame.
  std::uint64_t file_bytes = 0;
};

// Size and rate of `options` are taken from the source. The errors of open_source() and
// VideoEncoder; corrupt when not one frame could be read.
Result<TranscodeReport> transcode(const SourceSpec& source, const std::string& path,
                                  const EncoderOptions& options, BufferPool& pool,
                                  const Clock& clock);

}  // namespace omma
