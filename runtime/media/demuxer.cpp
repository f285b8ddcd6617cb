#include "runtime/media/demuxer.hpp"

extern "C" {
#include <libavutil/dict.h>
#include <libavutil/mathematics.h>
}

#include <filesystem>
#include <string_view>
#include <utility>

#include "runtime/base/limits.hpp"

namespace omma {
namespace {

// What a file may open by itself (playlists name other files): nothing over the network.
constexpr const char* file_protocols = "file";
constexpr const char* network_protocols = "rtsp,rtp,udp,tcp,http,https,tls";

Result<void> check_file(const std::string& path) {
  std::error_code failed;
  const auto status = std::filesystem::status(path, failed);
  if (!std::filesystem::exists(status)) {
    return Error{Code::not_found, "video " + path + ": no such file; check the path"};
  }
  if (!std::filesystem::is_regular_file(status)) {
    return Error{Code::invalid_argument, "video " + path + ": not a regular file"};
  }
  const auto size = std::filesystem::file_size(path, failed);
  if (failed) return Error{Code::unavailable, "video " + path + ": " + failed.message()};
  if (size == 0) {
    return Error{Code::corrupt, "video " + path + ": the file is empty (0 bytes); copy it again"};
  }
  return {};
}

// The kinds of H.264 network units in a packet, whether led by start codes or by lengths (ISO/IEC
// 14496-15). Only an IDR picture (unit type 5) cuts all reference to earlier pictures.
bool holds_idr(const AVPacket& packet, const AVCodecParameters& parameters) {
  constexpr int idr_unit = 5;
  const std::uint8_t* data = packet.data;
  const auto size = static_cast<std::size_t>(packet.size);
  const bool by_length = parameters.extradata_size >= 5 && parameters.extradata[0] == 1;
  if (!by_length) {
    for (std::size_t i = 0; i + 3 < size; ++i) {
      if (data[i] == 0 && data[i + 1] == 0 && data[i + 2] == 1) {
        if ((data[i + 3] & 31) == idr_unit) return true;
        i += 2;
      }
    }
    return false;
  }
  const std::size_t length_bytes = (parameters.extradata[4] & 3u) + 1;
  for (std::size_t i = 0; i + length_bytes < size;) {
    std::size_t length = 0;
    for (std::size_t b = 0; b < length_bytes; ++b) length = length << 8 | data[i + b];
    i += length_bytes;
    if ((data[i] & 31) == idr_unit) return true;
    i += length;
  }
  return false;
}

}  // namespace

bool is_network_address(const std::string& url) {
  return url.find("://") != std::string::npos;
}

Demuxer::Demuxer(std::string url, Duration timeout, const Clock& clock)
    : url_(std::move(url)), timeout_(timeout), deadline_{&clock, clock.now() + timeout} {}

Result<std::unique_ptr<Demuxer>> Demuxer::open(const std::string& url, Duration timeout,
                                               const Clock& clock) {
  ffmpeg::keep_log();
  if (!is_network_address(url)) {
    if (auto checked = check_file(url); !checked) return checked.error();
  }
  std::unique_ptr<Demuxer> demuxer(new Demuxer(url, timeout, clock));
  if (auto started = demuxer->start(); !started) return started.error();
  return demuxer;
}

Error Demuxer::failed(const char* doing, int averror) const {
  const std::string what = "video " + url_ + ": " + doing;
  if (averror == AVERROR_EXIT || averror == AVERROR(ETIMEDOUT)) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout_).count();
    return {Code::unavailable, what + ": nothing came within the timeout of " + std::to_string(ms) +
                                   " ms; check that the source is alive"};
  }
  const bool damaged = averror == AVERROR_INVALIDDATA || averror == AVERROR_EOF;
  return {damaged ? Code::corrupt : Code::unavailable,
          what + ": " + ffmpeg::describe(averror) +
              (damaged ? "; it is truncated, damaged or no video: copy it again" : "")};
}

Result<void> Demuxer::start() {
  AVFormatContext* input = avformat_alloc_context();
  if (input == nullptr) return failed("open", AVERROR(ENOMEM));
  input->interrupt_callback.opaque = &deadline_;
  input->interrupt_callback.callback = [](void* opaque) {
    const auto& deadline = *static_cast<const Deadline*>(opaque);
    return deadline.clock->now() >= deadline.until ? 1 : 0;
  };
  const bool network = is_network_address(url_);
  // MPEG program streams state the time of some pictures only; those of the others follow, at the
  // price of reading ahead, which a live stream cannot pay.
  if (!network) input->flags |= AVFMT_FLAG_GENPTS;
  AVDictionary* options = nullptr;
  av_dict_set(&options, "protocol_whitelist", network ? network_protocols : file_protocols, 0);
  if (network) av_dict_set(&options, "rtsp_transport", "tcp", 0);
  // MP4: every coded frame is a frame, also one that an edit list hides.
  av_dict_set(&options, "ignore_editlist", "1", 0);
  deadline_.until = deadline_.clock->now() + timeout_;
  ffmpeg::forget_complaint();
  // "file:" keeps a colon in a path from being read as a protocol.
  const std::string address = network ? url_ : "file:" + url_;
  const int opened = avformat_open_input(&input, address.c_str(), nullptr, &options);
  av_dict_free(&options);
  if (opened < 0) return failed("open", opened);  // FFmpeg has freed `input`.
  input_.reset(input);
  if (const int found = avformat_find_stream_info(input, nullptr); found < 0) {
    return failed("look for streams", found);
  }
  return choose_stream();
}

Result<void> Demuxer::choose_stream() {
  const int best = av_find_best_stream(input_.get(), AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
  if (input_->nb_streams == 0) {
    return Error{Code::corrupt, "video " + url_ + ": holds no track; it is truncated or damaged"};
  }
  if (best < 0) {
    return Error{Code::invalid_argument,
                 "video " + url_ + ": none of its " + std::to_string(input_->nb_streams) +
                     " tracks holds pictures; give a file with a video track"};
  }
  stream_ = input_->streams[best];
  for (unsigned i = 0; i < input_->nb_streams; ++i) {
    if (static_cast<int>(i) != best) input_->streams[i]->discard = AVDISCARD_ALL;
  }
  const auto& coded = *stream_->codecpar;
  if (avcodec_find_decoder(coded.codec_id) == nullptr) {
    char tag[AV_FOURCC_MAX_STRING_SIZE];
    return Error{Code::unsupported, "video " + url_ + ": no decoder for its coding '" +
                                        avcodec_get_name(coded.codec_id) + "' (tag " +
                                        av_fourcc_make_string(tag, coded.codec_tag) +
                                        "); transcode it to H.264"};
  }
  if (auto size = picture_bytes(("video " + url_).c_str(), coded.width, coded.height); !size) {
    // A track whose first picture cannot be read has no size.
    if (size.error().code != Code::invalid_argument) return size.error();
    return Error{Code::corrupt, "video " + url_ + ": its picture track holds no readable picture" +
                                    "; the file is truncated or damaged"};
  }
  // A raw stream has no times, not even for its first picture; AVI has only the order of decoding,
  // which is not that of showing when pictures are reordered.
  const bool avi = std::string_view(input_->iformat->name) == "avi";
  timed_ = stream_->start_time != AV_NOPTS_VALUE && !(avi && reorders());
  return {};
}

bool Demuxer::may_restart(const AVPacket& packet) const {
  if ((packet.flags & AV_PKT_FLAG_KEY) == 0) return false;
  if (parameters().codec_id == AV_CODEC_ID_H264) return holds_idr(packet, parameters());
  return timed_;
}

// False at the end.
Result<bool> Demuxer::next_packet(AVPacket& packet) {
  deadline_.until = deadline_.clock->now() + timeout_;
  for (unsigned failures = 0;;) {
    av_packet_unref(&packet);
    ffmpeg::forget_complaint();
    const int status = av_read_frame(input_.get(), &packet);
    if (status == AVERROR_EOF) {
      const int broken = input_->pb != nullptr ? input_->pb->error : 0;
      if (broken < 0 && broken != AVERROR_EOF) return failed("read", broken);
      return false;
    }
    if (status == AVERROR_INVALIDDATA && ++failures <= limits::unreadable_in_a_row_max) {
      ++read_failures_;
      continue;
    }
    if (status < 0) {
      Error error = failed("read", status);
      error.code = Code::unavailable;
      return error;
    }
    if (packet.stream_index != stream_->index) continue;
    ++samples_read_;
    // An empty packet says "the picture before once more"; a decoder takes it for the end.
    if (packet.size > 0) return true;
  }
}

Result<std::optional<Demuxer::CodedPicture>> Demuxer::read(AVPacket& packet) {
  const auto more = next_packet(packet);
  if (!more) return more.error();
  if (!*more) return std::optional<CodedPicture>();
  CodedPicture coded;
  coded.index = next_index_++;
  coded.restarts = may_restart(packet);
  if (timed_) {
    coded.shown_at = packet.pts != AV_NOPTS_VALUE ? packet.pts : packet.dts;
    if (coded.shown_at == AV_NOPTS_VALUE) coded.shown_at = static_cast<std::int64_t>(coded.index);
    coded.media_time = Duration(av_rescale_q(coded.shown_at - stream_->start_time,
                                             stream_->time_base, AVRational{1, 1'000'000'000}));
  }
  return std::optional<CodedPicture>(coded);
}

double Demuxer::frames_per_second() const {
  const AVRational rate =
      av_guess_frame_rate(input_.get(), const_cast<AVStream*>(stream_), nullptr);
  // Some streams state the ticks of their clock as their rate.
  const bool plausible = rate.num > 0 && rate.den > 0 && av_q2d(rate) <= 1000;
  return plausible ? av_q2d(rate) : 25.0;
}

std::optional<std::uint64_t> Demuxer::frame_count() const {
  if (stream_->nb_frames <= 0) return std::nullopt;
  return static_cast<std::uint64_t>(stream_->nb_frames);
}

}  // namespace omma
