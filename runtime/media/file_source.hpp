// Internal to runtime/media: a FrameSource over a container or a network stream. Seeking opens the
// file anew, passes over the packets before the last restart point, and decodes from there: exact
// for every container, whatever its own index says.
//
// Not thread-safe; one owner.
#pragma once

#include "runtime/media/demuxer.hpp"
#include "runtime/media/frame_order.hpp"
#include "runtime/media/frame_source.hpp"
#include "runtime/media/pixel_converter.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace omma {

class FileSource final : public FrameSource {
 public:
  static Result<std::unique_ptr<FrameSource>> open(const SourceSpec& spec, BufferPool& pool,
                                                   const Clock& clock);

  Result<std::optional<CapturedFrame>> read() override;
  SourceInfo info() const override;
  Counters counters() const override;
  Result<void> seek_to(std::uint64_t sequence) override;

 private:
  // A decoded frame in frame_, not converted yet. Numbers are the file's.
  struct Decoded {
    std::uint64_t sequence = 0;
    std::uint64_t missing = 0;
    Duration media_time{0};
    bool damaged = false;
  };
  // What is known of a packet whose picture is still to come.
  struct SentPacket {
    std::uint64_t index = 0;
    Duration media_time{0};
  };

  FileSource(const SourceSpec& spec, BufferPool& pool, const Clock& clock);
  Result<void> start_at(std::uint64_t packet_index);
  Result<void> start_decoder();
  Result<void> enter_part();
  Result<void> seek_in_file(std::uint64_t sequence);
  Result<std::uint64_t> restart_before(std::uint64_t sequence);
  void note_restart(const Demuxer::CodedPicture& coded);

  Result<std::optional<Decoded>> next_decoded();
  Result<void> feed();
  std::optional<Decoded> take_frame();
  Result<std::optional<CapturedFrame>> deliver(const Decoded& decoded);
  Result<std::optional<CapturedFrame>> at_end();
  Error give_up(Error error);
  std::uint64_t reported(std::uint64_t file_sequence) const;

  const SourceSpec spec_;
  BufferPool& pool_;
  const Clock& clock_;
  PixelConverter converter_;
  std::unique_ptr<Demuxer> demuxer_;
  ffmpeg::Codec codec_;
  ffmpeg::Packet packet_;
  ffmpeg::Frame frame_;
  std::optional<FrameOrder> order_;
  std::vector<SentPacket> sent_;  // At most limits::undecoded_packets_max.
  std::uint64_t packets_read_ = 0;
  bool draining_ = false;
  bool ended_ = false;  // The end has been told of whatever was missing.

  int frame_width_ = 0;  // Of the first picture; all others must have it.
  int frame_height_ = 0;
  Duration part_start_{0};         // Media time of frame spec_.frames_first.
  std::optional<Decoded> held_;    // Decoded already (in frame_), for the next read.
  std::optional<Error> given_up_;  // Said again at every read.
  Counters counters_;

  // Restart points among the packets before scanned_, in order.
  std::vector<std::uint64_t> restarts_;
  std::uint64_t scanned_ = 0;
};

}  // namespace omma
