// Where pictures come from: a video file, a network stream or a synthetic scene, all read one
// frame after the other. A source counts every frame it produces, and can be put back to any of
// them exactly, so that whoever moves a camera goes on with the next frame and no other.
//
// Not thread-safe; one owner. A source blocks while it reads, never longer than its timeout.
#pragma once

#include "runtime/base/blob.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/time.hpp"
#include "runtime/media/picture.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace omma {

struct CapturedFrame {
  Picture picture;
  // From 0; counts every frame the source produced, so a damaged frame leaves a gap.
  std::uint64_t sequence = 0;
  // Presentation time from the first frame.
  Duration media_time{0};
};

// A part of the source's pictures, in source pixels: a "virtual camera".
struct PixelWindow {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
};

struct SourceSpec {
  // A path of any container that FFmpeg reads; a raw H.264 byte stream (.264, .h264), whose times
  // follow from its frame rate; rtsp:// and other network addresses; or a synthetic scene:
  // "synthetic:people?seed=7&frames=300&width=640&height=360&fps=25&objects=8".
  std::string url;
  std::optional<PixelWindow> window = std::nullopt;
  // The part of the video that is the source: frame `frames_first` becomes number 0 at time 0.
  std::uint64_t frames_first = 0;
  std::optional<std::uint64_t> frames_max = std::nullopt;
  // No single read or open blocks longer.
  Duration timeout = std::chrono::seconds(10);
  // Decoder threads.
  int thread_count = 1;
};

struct SourceInfo {
  std::string name;  // The url, or the file's name without its folder.
  int width = 0;     // Of the pictures read() gives, the window applied.
  int height = 0;
  double frames_per_second = 0;              // Nominal.
  std::optional<std::uint64_t> frame_count;  // As the container says; a damaged file has fewer.
  bool seekable = true;
};

class FrameSource {
 public:
  struct Counters {
    std::uint64_t frames_read = 0;
    std::uint64_t frames_corrupt = 0;  // Skipped; at the end both add up to the frame count.
    std::uint64_t read_failures = 0;   // Bytes of the container that were no packet.
  };

  virtual ~FrameSource() = default;

  // Blocks for the next frame; nullopt at the end. An error with code corrupt means that one or
  // more frames were skipped and counted: call again. After any other error the source stays
  // where it is and says the same again: unsupported when the pictures change their size,
  // unavailable when nothing came within the timeout.
  virtual Result<std::optional<CapturedFrame>> read() = 0;

  virtual SourceInfo info() const = 0;
  virtual Counters counters() const = 0;

  // The next read gives this frame (or, if it is damaged, what follows it); the number of frames
  // itself is the end. invalid_argument past the end, unsupported for a network stream. The cost
  // is reading the file up to there and decoding from the last restart point before it.
  virtual Result<void> seek_to(std::uint64_t sequence) = 0;
};

// invalid_argument when the window is not inside a picture of this size.
Result<void> check_window(const std::string& url, const PixelWindow& window, int width, int height);

// not_found: no such file. corrupt: empty, truncated or no video at all. invalid_argument: no
// picture track, a window outside the picture, a synthetic scene's parameter. unsupported: no
// decoder. over_limit: pictures too large. unavailable: no answer within the timeout.
// The pool and the clock must live as long as the source.
Result<std::unique_ptr<FrameSource>> open_source(const SourceSpec& spec, BufferPool& pool,
                                                 const Clock& clock);

}  // namespace omma
