// Internal to runtime/media: coded pictures out of a container, numbered in file order. Opening the
// same file again gives the same packets with the same numbers, which is what exact seeking is
// built on: containers' own indexes are not trusted.
//
// Not thread-safe; one owner. Blocking calls end at the deadline.
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/base/time.hpp"
#include "runtime/media/ffmpeg_door.hpp"
#include "runtime/media/frame_source.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace omma {

class Demuxer {
 public:
  static Result<std::unique_ptr<Demuxer>> open(const std::string& url, Duration timeout,
                                               const Clock& clock);

  struct CodedPicture {
    std::uint64_t index = 0;    // In file order, from 0.
    std::int64_t shown_at = 0;  // In the stream's time base; only when timed().
    Duration media_time{0};     // From the start; only when timed().
    bool restarts = false;      // Decoding may start here and gives exact pictures from here.
  };
  // The next coded picture goes into `packet`; nullopt at the end. Unreadable bytes between two
  // packets are passed over and counted; too many in a row are an error (unavailable).
  Result<std::optional<CodedPicture>> read(AVPacket& packet);

  const AVCodecParameters& parameters() const { return *stream_->codecpar; }
  // Packets carry presentation times that can be trusted.
  bool timed() const { return timed_; }
  // A picture may be shown before one that was read earlier.
  bool reorders() const { return parameters().video_delay > 0; }
  double frames_per_second() const;
  std::uint64_t read_failures() const { return read_failures_; }
  // Packets read so far that the container counts as frames, empty ones included.
  std::uint64_t samples_read() const { return samples_read_; }
  // As the container says.
  std::optional<std::uint64_t> frame_count() const;

 private:
  struct Deadline {
    const Clock* clock;
    Instant until;
  };

  Demuxer(std::string url, Duration timeout, const Clock& clock);
  Result<void> start();
  Result<void> choose_stream();
  Result<bool> next_packet(AVPacket& packet);
  Error failed(const char* doing, int averror) const;
  bool may_restart(const AVPacket& packet) const;

  const std::string url_;
  const Duration timeout_;
  Deadline deadline_;  // Read by FFmpeg's interrupt callback.
  ffmpeg::Input input_;
  const AVStream* stream_ = nullptr;
  bool timed_ = true;
  std::uint64_t next_index_ = 0;
  std::uint64_t samples_read_ = 0;
  std::uint64_t read_failures_ = 0;
};

// True for "rtsp://..." and the like: read from elsewhere, never twice the same.
bool is_network_address(const std::string& url);

}  // namespace omma
