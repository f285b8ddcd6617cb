#include "runtime/media/video_encoder.hpp"

extern "C" {
#include <libavutil/mathematics.h>
}

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/media/ffmpeg_door.hpp"
#include "runtime/media/pixel_converter.hpp"

namespace omma {
namespace {

// x264 knows no others, and says so on standard error, past FFmpeg's log.
constexpr std::array<std::string_view, 10> presets = {
    "ultrafast", "superfast", "veryfast", "faster",   "fast",
    "medium",    "slow",      "slower",   "veryslow", "placebo"};

// The clock of MPEG systems: 10, 24, 25, 30 and 60 pictures a second are whole numbers of it.
constexpr AVRational tick = {1, 90000};
constexpr AVRational nanosecond = {1, 1000000000};

class H264File final : public VideoEncoder {
 public:
  H264File(std::string path, const EncoderOptions& options)
      : path_(std::move(path)), options_(options) {}

  ~H264File() override {
    close_output();
    if (!path_.empty() && !finished_) {
      std::error_code ignored;  // A part that cannot be removed is found by its name.
      std::filesystem::remove(part_path(), ignored);
    }
  }

  Result<void> start() {
    ffmpeg::keep_log();
    if (auto checked = check_options(); !checked) return checked;
    if (auto opened = open_codec(); !opened) return opened;
    auto scaler = bgr_to_yuv420_scaler(options_.width, options_.height);
    if (!scaler) return scaler.error();
    scaler_ = std::move(*scaler);
    return open_output();
  }

  Result<void> write(const Picture& picture, Duration media_time) override;
  Result<Blob> finish() override;

 private:
  bool in_memory() const { return path_.empty(); }
  std::string part_path() const { return path_ + ".part"; }
  std::string name() const { return in_memory() ? "video in memory" : "video " + path_; }

  Error failed(const char* doing, int averror) {
    const bool full = averror == AVERROR(ENOSPC) || averror == AVERROR(EFBIG);
    failure_ = Error{Code::unavailable, name() + ": " + doing + ": " + ffmpeg::describe(averror) +
                                            (full ? "; free space on the disk" : "")};
    return *failure_;
  }

  Result<void> check_options() const;
  Result<void> open_codec();
  Result<void> open_output();
  Result<void> drain();
  Result<Blob> take_memory();
  void close_output();

  const std::string path_;  // Empty: in memory.
  const EncoderOptions options_;
  ffmpeg::Codec codec_;
  ffmpeg::Scaler scaler_;
  ffmpeg::Frame frame_{av_frame_alloc()};
  ffmpeg::Packet packet_{av_packet_alloc()};
  AVFormatContext* output_ = nullptr;
  AVStream* stream_ = nullptr;
  std::optional<std::int64_t> last_ticks_;
  std::optional<Error> failure_;
  bool finished_ = false;
};

Result<void> H264File::check_options() const {
  const auto size = picture_bytes(name(), options_.width, options_.height);
  if (!size) return size.error();
  if (options_.width % 2 != 0 || options_.height % 2 != 0) {
    return Error{Code::invalid_argument, name() + ": pictures of " +
                                             std::to_string(options_.width) + "x" +
                                             std::to_string(options_.height) +
                                             ", both sides must be even; crop one row or column"};
  }
  const double fps = options_.frames_per_second;
  if (!(fps >= 0.01 && fps <= 1000)) {
    return Error{Code::invalid_argument,
                 name() + ": " + std::to_string(fps) + " frames a second, must be 0.01 to 1000"};
  }
  if (options_.crf < 0 || options_.crf > 51 || options_.gop < 1 || options_.b_frames < 0 ||
      options_.b_frames > 16) {
    return Error{Code::invalid_argument, name() + ": crf " + std::to_string(options_.crf) +
                                             " (0 to 51), gop " + std::to_string(options_.gop) +
                                             " (1 or more), b_frames " +
                                             std::to_string(options_.b_frames) + " (0 to 16)"};
  }
  if (std::ranges::find(presets, options_.preset) == presets.end()) {
    return Error{Code::invalid_argument, name() + ": x264 has no preset '" + options_.preset +
                                             "'; they go from ultrafast over medium to placebo"};
  }
  return {};
}

Result<void> H264File::open_codec() {
  const AVCodec* x264 = avcodec_find_encoder_by_name("libx264");
  if (x264 == nullptr) {
    return Error{Code::unsupported, "this FFmpeg has no libx264; install one that has"};
  }
  codec_.reset(avcodec_alloc_context3(x264));
  codec_->width = options_.width;
  codec_->height = options_.height;
  codec_->pix_fmt = AV_PIX_FMT_YUV420P;
  codec_->time_base = tick;
  codec_->framerate = av_d2q(options_.frames_per_second, 1'000'000);
  codec_->gop_size = options_.gop;
  codec_->max_b_frames = options_.b_frames;
  codec_->thread_count = options_.thread_count;
  codec_->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
  // Said in the stream, or players take large pictures for BT.709.
  codec_->color_range = AVCOL_RANGE_MPEG;
  codec_->colorspace = AVCOL_SPC_SMPTE170M;
  codec_->color_primaries = AVCOL_PRI_SMPTE170M;
  codec_->color_trc = AVCOL_TRC_SMPTE170M;
  if (auto s = ffmpeg::set_option(codec_.get(), "preset", options_.preset); !s) return s;
  if (auto s = ffmpeg::set_option(codec_.get(), "crf", std::to_string(options_.crf)); !s) return s;
  // Or the stream itself says 90000 frames a second, and without its container plays so.
  if (auto s = ffmpeg::set_option(codec_.get(), "x264-params", "force-cfr=1"); !s) return s;
  ffmpeg::forget_complaint();
  if (const int status = avcodec_open2(codec_.get(), x264, nullptr); status < 0) {
    return Error{Code::invalid_argument, name() + ": open x264: " + ffmpeg::describe(status)};
  }
  frame_->format = AV_PIX_FMT_YUV420P;
  frame_->width = options_.width;
  frame_->height = options_.height;
  return {};
}

Result<void> H264File::open_output() {
  const std::string address = in_memory() ? std::string() : "file:" + part_path();
  ffmpeg::forget_complaint();
  int status = avformat_alloc_output_context2(&output_, nullptr, "mp4",
                                              in_memory() ? nullptr : address.c_str());
  if (status < 0) return failed("prepare MP4", status);
  output_->flags |= AVFMT_FLAG_BITEXACT;
  stream_ = avformat_new_stream(output_, nullptr);
  if (stream_ == nullptr) return failed("add a track", AVERROR(ENOMEM));
  stream_->time_base = tick;
  stream_->avg_frame_rate = codec_->framerate;
  status = avcodec_parameters_from_context(stream_->codecpar, codec_.get());
  if (status < 0) return failed("describe the track", status);
  status = in_memory() ? avio_open_dyn_buf(&output_->pb)
                       : avio_open(&output_->pb, address.c_str(), AVIO_FLAG_WRITE);
  if (status < 0) return failed("make the file", status);
  if (!in_memory()) {
    // The index in front, so that a browser shows the first picture before it has the last.
    if (auto s = ffmpeg::set_option(output_, "movflags", "+faststart"); !s) return s;
  }
  status = avformat_write_header(output_, nullptr);
  if (status < 0) return failed("write the header", status);
  return {};
}

Result<void> H264File::write(const Picture& picture, Duration media_time) {
  if (failure_) return *failure_;
  OMMA_CHECK(!finished_, path_);
  if (picture.width != options_.width || picture.height != options_.height) {
    return Error{Code::invalid_argument,
                 name() + ": a picture of " + std::to_string(picture.width) + "x" +
                     std::to_string(picture.height) + ", the video has " +
                     std::to_string(options_.width) + "x" + std::to_string(options_.height)};
  }
  const std::int64_t ticks = av_rescale_q(media_time.count(), nanosecond, tick);
  if (last_ticks_ && ticks <= *last_ticks_) {
    return Error{Code::invalid_argument, name() + ": a picture at tick " + std::to_string(ticks) +
                                             " of 1/90000 s after " + "one at " +
                                             std::to_string(*last_ticks_) + "; times must grow"};
  }
  last_ticks_ = ticks;
  ffmpeg::forget_complaint();
  // x264 may still refer to the picture before: each gets its own planes.
  av_buffer_unref(&frame_->buf[0]);
  for (int plane = 1; plane < 3; ++plane) av_buffer_unref(&frame_->buf[plane]);
  if (const int s = av_frame_get_buffer(frame_.get(), 0); s < 0) return failed("allocate", s);
  const kernels::ImageView view = picture.view();
  const std::uint8_t* in[4] = {view.data, nullptr, nullptr, nullptr};
  const int stride[4] = {static_cast<int>(view.stride_bytes), 0, 0, 0};
  sws_scale(scaler_.get(), in, stride, 0, view.height, frame_->data, frame_->linesize);
  frame_->pts = ticks;
  frame_->pict_type = AV_PICTURE_TYPE_NONE;
  if (const int s = avcodec_send_frame(codec_.get(), frame_.get()); s < 0) {
    return failed("encode", s);
  }
  return drain();
}

// Moves coded pictures from the encoder to the file until it wants more input.
Result<void> H264File::drain() {
  for (;;) {
    const int status = avcodec_receive_packet(codec_.get(), packet_.get());
    if (status == AVERROR(EAGAIN) || status == AVERROR_EOF) return {};
    if (status < 0) return failed("encode", status);
    packet_->stream_index = stream_->index;
    packet_->duration = std::llround(90000.0 / options_.frames_per_second);
    av_packet_rescale_ts(packet_.get(), tick, stream_->time_base);
    const int written = av_interleaved_write_frame(output_, packet_.get());
    if (written < 0) return failed("write", written);
    if (output_->pb->error < 0) return failed("write", output_->pb->error);
    const std::int64_t size = avio_tell(output_->pb);
    if (in_memory() && size > static_cast<std::int64_t>(limits::payload_bytes_max)) {
      failure_ = Error{Code::over_limit, name() + ": " + std::to_string(size) + " bytes, limit " +
                                             std::to_string(limits::payload_bytes_max) +
                                             "; write a file or shorter parts"};
      return *failure_;
    }
  }
}

Result<Blob> H264File::finish() {
  if (failure_) return *failure_;
  OMMA_CHECK(!finished_, path_);
  ffmpeg::forget_complaint();
  avcodec_send_frame(codec_.get(), nullptr);
  if (auto drained = drain(); !drained) return drained.error();
  if (const int status = av_write_trailer(output_); status < 0) return failed("finish", status);
  if (output_->pb->error < 0) return failed("finish", output_->pb->error);
  if (in_memory()) return take_memory();
  if (const int status = avio_closep(&output_->pb); status < 0) return failed("close", status);
  close_output();
  std::error_code error;
  std::filesystem::rename(part_path(), path_, error);
  if (error) {
    failure_ = Error{Code::unavailable, name() + ": rename from .part: " + error.message()};
    return *failure_;
  }
  finished_ = true;
  return Blob();
}

Result<Blob> H264File::take_memory() {
  std::uint8_t* bytes = nullptr;
  const int size = avio_close_dyn_buf(output_->pb, &bytes);
  output_->pb = nullptr;
  finished_ = true;
  std::shared_ptr<const void> owner(bytes, [](const void* p) { av_free(const_cast<void*>(p)); });
  close_output();
  return Blob::wrap(std::move(owner), std::as_bytes(std::span<const std::uint8_t>(
                                          bytes, static_cast<std::size_t>(size))));
}

void H264File::close_output() {
  if (output_ == nullptr) return;
  if (output_->pb != nullptr) {
    if (in_memory()) {
      std::uint8_t* bytes = nullptr;
      avio_close_dyn_buf(output_->pb, &bytes);
      av_free(bytes);
      output_->pb = nullptr;
    } else {
      avio_closep(&output_->pb);
    }
  }
  avformat_free_context(output_);
  output_ = nullptr;
}

Result<std::unique_ptr<VideoEncoder>> open_encoder(const std::string& path,
                                                   const EncoderOptions& options) {
  auto encoder = std::make_unique<H264File>(path, options);
  if (auto started = encoder->start(); !started) return started.error();
  return std::unique_ptr<VideoEncoder>(std::move(encoder));
}

}  // namespace

Result<std::unique_ptr<VideoEncoder>> VideoEncoder::open_file(const std::string& path,
                                                              const EncoderOptions& options) {
  if (path.empty()) return Error{Code::invalid_argument, "video: the path to write is empty"};
  return open_encoder(path, options);
}

Result<std::unique_ptr<VideoEncoder>> VideoEncoder::open_memory(const EncoderOptions& options) {
  return open_encoder(std::string(), options);
}

}  // namespace omma
