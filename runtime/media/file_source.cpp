#include "runtime/media/file_source.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/limits.hpp"

namespace omma {
namespace {

// Pictures shown before a restart point though coded after it; H.264 allows 16 and no coding more.
constexpr std::uint64_t leading_pictures_max = 16;

Duration time_of(std::uint64_t sequence, double frames_per_second) {
  return Duration(std::llround(static_cast<double>(sequence) * 1e9 / frames_per_second));
}

std::string frames_text(std::uint64_t first, std::uint64_t count) {
  if (count == 1) return "frame " + std::to_string(first);
  return "frames " + std::to_string(first) + " to " + std::to_string(first + count - 1);
}

}  // namespace

FileSource::FileSource(const SourceSpec& spec, BufferPool& pool, const Clock& clock)
    : spec_(spec),
      pool_(pool),
      clock_(clock),
      converter_(spec.window),
      packet_(av_packet_alloc()),
      frame_(av_frame_alloc()) {}

Result<std::unique_ptr<FrameSource>> FileSource::open(const SourceSpec& spec, BufferPool& pool,
                                                      const Clock& clock) {
  std::unique_ptr<FileSource> source(new FileSource(spec, pool, clock));
  if (auto started = source->start_at(0); !started) return started.error();
  source->frame_width_ = source->demuxer_->parameters().width;
  source->frame_height_ = source->demuxer_->parameters().height;
  if (spec.window) {
    auto inside = check_window(spec.url, *spec.window, source->frame_width_, source->frame_height_);
    if (!inside) return inside.error();
  }
  if (auto entered = source->enter_part(); !entered) return entered.error();
  return std::unique_ptr<FrameSource>(std::move(source));
}

// --- Starting --------------------------------------------------------------------------------

Result<void> FileSource::start_at(std::uint64_t packet_index) {
  demuxer_.reset();  // One connection or file at a time.
  auto demuxer = Demuxer::open(spec_.url, spec_.timeout, clock_);
  if (!demuxer) return demuxer.error();
  demuxer_ = std::move(*demuxer);
  if (auto started = start_decoder(); !started) return started.error();
  for (packets_read_ = 0; packets_read_ < packet_index; ++packets_read_) {
    auto coded = demuxer_->read(*packet_);
    if (!coded) return coded.error();
    if (!*coded) {
      return Error{Code::unavailable, "video " + spec_.url + ": ends after " +
                                          std::to_string(packets_read_) + " frames, had at least " +
                                          std::to_string(packet_index) + "; it was changed"};
    }
  }
  order_.emplace(packet_index, demuxer_->timed());
  sent_.clear();
  held_.reset();
  draining_ = false;
  ended_ = false;
  return {};
}

Result<void> FileSource::start_decoder() {
  const AVCodecParameters& coded = demuxer_->parameters();
  const AVCodec* decoder = avcodec_find_decoder(coded.codec_id);  // The demuxer has checked it.
  OMMA_CHECK(decoder != nullptr, coded.codec_id);
  codec_.reset(avcodec_alloc_context3(decoder));
  ffmpeg::forget_complaint();
  int status = avcodec_parameters_to_context(codec_.get(), &coded);
  codec_->thread_count = spec_.thread_count;
  codec_->max_pixels =
      std::int64_t{limits::frame_width_max} * std::int64_t{limits::frame_height_max};
  if (status >= 0) status = avcodec_open2(codec_.get(), decoder, nullptr);
  if (status >= 0) return {};
  return Error{Code::unsupported, "video " + spec_.url + ": open the decoder " + decoder->name +
                                      ": " + ffmpeg::describe(status)};
}

Result<void> FileSource::enter_part() {
  if (spec_.frames_first == 0) return {};
  if (auto found = seek_in_file(spec_.frames_first); !found) return found.error();
  if (!held_) {
    return Error{Code::invalid_argument, "video " + spec_.url + ": no frame from number " +
                                             std::to_string(spec_.frames_first) +
                                             " on can be decoded; lower frames_first"};
  }
  part_start_ = held_->media_time;
  return {};
}

// --- Seeking ---------------------------------------------------------------------------------

void FileSource::note_restart(const Demuxer::CodedPicture& coded) {
  if (coded.index < scanned_) return;
  scanned_ = coded.index + 1;
  if (!coded.restarts) return;
  restarts_.push_back(coded.index);
  if (restarts_.size() <= limits::restart_points_max) return;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < restarts_.size(); i += 2) restarts_[kept++] = restarts_[i];
  restarts_.resize(kept);
}

// The packet from which decoding gives frame `sequence` exactly.
Result<std::uint64_t> FileSource::restart_before(std::uint64_t sequence) {
  if (scanned_ <= sequence) {
    auto scan = Demuxer::open(spec_.url, spec_.timeout, clock_);
    if (!scan) return scan.error();
    ffmpeg::Packet packet(av_packet_alloc());
    while (scanned_ <= sequence) {
      auto coded = (*scan)->read(*packet);
      if (!coded) return coded.error();
      if (!*coded) break;
      note_restart(**coded);
    }
    if (sequence > scanned_) {
      return Error{Code::invalid_argument, "video " + spec_.url + ": frame " +
                                               std::to_string(sequence) + " asked for, it has " +
                                               std::to_string(scanned_)};
    }
  }
  const bool leading = demuxer_->reorders() && demuxer_->parameters().codec_id != AV_CODEC_ID_H264;
  const std::uint64_t margin = leading ? leading_pictures_max : 0;
  if (sequence < margin) return 0;
  const auto after = std::upper_bound(restarts_.begin(), restarts_.end(), sequence - margin);
  return after == restarts_.begin() ? 0 : *std::prev(after);
}

Result<void> FileSource::seek_in_file(std::uint64_t sequence) {
  if (is_network_address(spec_.url)) {
    return Error{Code::unsupported, "video " + spec_.url +
                                        ": a network stream cannot go back to frame " +
                                        std::to_string(sequence)};
  }
  const auto restart = restart_before(sequence);
  if (!restart) return restart.error();
  given_up_.reset();
  if (held_ && held_->sequence == sequence) return {};
  const bool ahead = !ended_ && sequence >= order_->next_sequence() && *restart <= packets_read_;
  if (!ahead) {
    if (auto started = start_at(*restart); !started) return started.error();
  }
  for (held_.reset();;) {
    auto decoded = next_decoded();
    if (!decoded) return give_up(decoded.error());
    if (!*decoded) return {};  // The end, or nothing but damage up to it.
    if ((*decoded)->sequence < sequence) continue;
    held_ = **decoded;
    held_->missing = held_->sequence - sequence;
    return {};
  }
}

Result<void> FileSource::seek_to(std::uint64_t sequence) {
  if (spec_.frames_max && sequence > *spec_.frames_max) {
    return Error{Code::invalid_argument, "video " + spec_.url + ": frame " +
                                             std::to_string(sequence) + " asked for, limit " +
                                             std::to_string(*spec_.frames_max) + " (frames_max)"};
  }
  return seek_in_file(spec_.frames_first + sequence);
}

// --- Reading ---------------------------------------------------------------------------------

// One packet to the decoder, or the news that there are no more.
Result<void> FileSource::feed() {
  auto coded = demuxer_->read(*packet_);
  if (!coded) return coded.error();
  if (!*coded) {
    draining_ = true;
    avcodec_send_packet(codec_.get(), nullptr);
    return {};
  }
  const Demuxer::CodedPicture& picture = **coded;
  packets_read_ = picture.index + 1;
  note_restart(picture);
  order_->sent(picture.index, picture.shown_at, picture.restarts);
  if (sent_.size() >= limits::undecoded_packets_max) sent_.erase(sent_.begin());
  sent_.push_back({picture.index, picture.media_time});
  // The decoder hands a packet's time on to its picture: so the picture says whose it is.
  packet_->pts = static_cast<std::int64_t>(picture.index);
  packet_->dts = packet_->pts;
  if (avcodec_send_packet(codec_.get(), packet_.get()) < 0) order_->refused(picture.index);
  return {};
}

// What the decoder just gave, if its number is still to come.
std::optional<FileSource::Decoded> FileSource::take_frame() {
  if (frame_->pts < 0) return std::nullopt;
  const auto index = static_cast<std::uint64_t>(frame_->pts);
  const auto shown = order_->shown(index);
  if (!shown) return std::nullopt;
  Decoded decoded{shown->sequence, shown->missing, Duration(0), false};
  const auto sent = std::find_if(sent_.begin(), sent_.end(),
                                 [&](const SentPacket& packet) { return packet.index == index; });
  if (demuxer_->timed() && sent != sent_.end()) {
    decoded.media_time = sent->media_time;
  } else {
    decoded.media_time = time_of(decoded.sequence, demuxer_->frames_per_second());
  }
  if (sent != sent_.end()) sent_.erase(sent);
  decoded.damaged = (frame_->flags & AV_FRAME_FLAG_CORRUPT) != 0 || frame_->decode_error_flags != 0;
  return decoded;
}

Result<std::optional<FileSource::Decoded>> FileSource::next_decoded() {
  for (unsigned failures = 0;;) {
    const int status = avcodec_receive_frame(codec_.get(), frame_.get());
    if (status == 0) {
      if (auto decoded = take_frame()) return decoded;
      continue;
    }
    if (draining_ && (status == AVERROR_EOF || status == AVERROR(EAGAIN))) {
      return std::optional<Decoded>();
    }
    if (status != AVERROR(EAGAIN)) {  // A damaged picture: the gap in the numbers will tell.
      if (++failures <= limits::unreadable_in_a_row_max) continue;
      return Error{Code::unavailable,
                   "video " + spec_.url + ": decode: " + ffmpeg::describe(status)};
    }
    failures = 0;
    if (auto fed = feed(); !fed) return fed.error();
  }
}

std::uint64_t FileSource::reported(std::uint64_t file_sequence) const {
  return file_sequence - spec_.frames_first;
}

Error FileSource::give_up(Error error) {
  given_up_ = error;
  return error;
}

Result<std::optional<CapturedFrame>> FileSource::at_end() {
  if (ended_) return std::optional<CapturedFrame>();
  ended_ = true;
  std::uint64_t lost = order_->finish();
  const std::uint64_t promised = demuxer_->frame_count().value_or(0);
  const bool truncated = promised > demuxer_->samples_read();
  if (truncated) lost += promised - demuxer_->samples_read();
  if (spec_.frames_max) {
    const std::uint64_t end = spec_.frames_first + *spec_.frames_max;
    const std::uint64_t next = order_->next_sequence();
    lost = std::min(lost, end > next ? end - next : 0);
  }
  if (lost == 0) return std::optional<CapturedFrame>();
  counters_.frames_corrupt += lost;
  std::string message = "video " + spec_.url + ": ";
  message += truncated ? "truncated, the container promises " + std::to_string(promised) +
                             " frames and holds " + std::to_string(demuxer_->samples_read())
                       : "its end is damaged";
  return Error{Code::corrupt, message + "; " + std::to_string(lost) + " frames lost"};
}

Result<std::optional<CapturedFrame>> FileSource::deliver(const Decoded& decoded) {
  const std::uint64_t sequence = reported(decoded.sequence);
  if (decoded.damaged) {
    ++counters_.frames_corrupt;
    return Error{Code::corrupt,
                 "video " + spec_.url + ": " + frames_text(sequence, 1) + " is damaged; skipped"};
  }
  if (frame_->width != frame_width_ || frame_->height != frame_height_) {
    return give_up({Code::unsupported, "video " + spec_.url + ": the picture changes from " +
                                           std::to_string(frame_width_) + "x" +
                                           std::to_string(frame_height_) + " to " +
                                           std::to_string(frame_->width) + "x" +
                                           std::to_string(frame_->height) + " at frame " +
                                           std::to_string(sequence) + "; split the video there"});
  }
  auto picture = converter_.to_bgr(*frame_, pool_);
  if (!picture) return give_up(picture.error());
  ++counters_.frames_read;
  return std::optional<CapturedFrame>(
      CapturedFrame{std::move(*picture), sequence, decoded.media_time - part_start_});
}

Result<std::optional<CapturedFrame>> FileSource::read() {
  if (given_up_) return *given_up_;
  if (!held_) {
    auto decoded = next_decoded();
    if (!decoded) return give_up(decoded.error());
    if (!*decoded) return at_end();
    held_ = **decoded;
  }
  const std::uint64_t end = spec_.frames_max ? spec_.frames_first + *spec_.frames_max
                                             : std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t missing_from = held_->sequence - held_->missing;
  if (held_->missing > 0 && missing_from < end) {
    const std::uint64_t count = std::min(held_->missing, end - missing_from);
    held_->missing = 0;
    counters_.frames_corrupt += count;
    return Error{Code::corrupt, "video " + spec_.url + ": " +
                                    frames_text(reported(missing_from), count) +
                                    " cannot be decoded; skipped"};
  }
  if (held_->sequence >= end) return std::optional<CapturedFrame>();
  const Decoded decoded = *held_;
  held_.reset();
  return deliver(decoded);
}

FrameSource::Counters FileSource::counters() const {
  Counters counters = counters_;
  counters.read_failures = demuxer_ ? demuxer_->read_failures() : 0;
  return counters;
}

SourceInfo FileSource::info() const {
  SourceInfo info;
  const bool network = is_network_address(spec_.url);
  info.name = network ? spec_.url : std::filesystem::path(spec_.url).filename().string();
  info.width = spec_.window ? spec_.window->width : frame_width_;
  info.height = spec_.window ? spec_.window->height : frame_height_;
  info.frames_per_second = demuxer_->frames_per_second();
  info.frame_count = demuxer_->frame_count();
  if (info.frame_count) {
    *info.frame_count -= std::min(*info.frame_count, spec_.frames_first);
    if (spec_.frames_max) info.frame_count = std::min(*info.frame_count, *spec_.frames_max);
  }
  info.seekable = !network;
  return info;
}

}  // namespace omma
