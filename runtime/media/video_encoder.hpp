// Pictures into an H.264 MP4 that browsers play. A file appears under its name only when it is
// whole: it is written beside it as "<name>.part" and renamed by finish(); an encoder that goes
// before that removes its part.
//
// The same pictures and options give the same bytes with one thread. Not thread-safe; one owner.
#pragma once

#include "runtime/base/blob.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/time.hpp"
#include "runtime/media/picture.hpp"

#include <memory>
#include <string>

namespace omma {

struct EncoderOptions {
  int width = 0;  // Even, as 4:2:0 needs.
  int height = 0;
  double frames_per_second = 25;  // Nominal; the times given to write() count.
  int crf = 20;                   // x264's quality: 0 lossless, 51 worst.
  int gop = 20;                   // Pictures from one restart point to the next, at most.
  int b_frames = 0;
  std::string preset = "veryfast";
  int thread_count = 1;
};

class VideoEncoder {
 public:
  virtual ~VideoEncoder() = default;

  // invalid_argument for odd sides or options x264 refuses; unavailable when the file cannot be
  // made; unsupported when this FFmpeg has no x264.
  static Result<std::unique_ptr<VideoEncoder>> open_file(const std::string& path,
                                                         const EncoderOptions& options);
  // The whole MP4 in memory, at most limits::payload_bytes_max.
  static Result<std::unique_ptr<VideoEncoder>> open_memory(const EncoderOptions& options);

  // Times must grow from picture to picture, kept to 1/90000 s. unavailable: the disk is full.
  // After an error the encoder only repeats it.
  virtual Result<void> write(const Picture& picture, Duration media_time) = 0;
  // Writes what is left and closes. The coded bytes when in memory, otherwise empty.
  virtual Result<Blob> finish() = 0;
};

}  // namespace omma
