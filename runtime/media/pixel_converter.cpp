#include "runtime/media/pixel_converter.hpp"

extern "C" {
#include <libavutil/pixdesc.h>
}

#include <algorithm>
#include <string>

#include "runtime/base/check.hpp"

namespace omma {
namespace {

constexpr int scaler_flags = SWS_BILINEAR | SWS_ACCURATE_RND | SWS_BITEXACT;
// The scaler writes whole vectors and may pass the end of a row by one of them.
constexpr std::size_t overrun_bytes = 64;
// Chroma is interpolated between rows: pixels next to a window's edge need those outside it.
constexpr int margin = 8;

// The "J" formats say full range in the format itself and are otherwise their plain kin.
int plain_format(int format, int* full_range) {
  switch (format) {
    case AV_PIX_FMT_YUVJ420P:
      *full_range = 1;
      return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
      *full_range = 1;
      return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ444P:
      *full_range = 1;
      return AV_PIX_FMT_YUV444P;
    case AV_PIX_FMT_YUVJ440P:
      *full_range = 1;
      return AV_PIX_FMT_YUV440P;
    default:
      return format;
  }
}

int matrix_of(const AVFrame& frame) {
  switch (frame.colorspace) {
    case AVCOL_SPC_BT709:
      return SWS_CS_ITU709;
    case AVCOL_SPC_FCC:
      return SWS_CS_FCC;
    case AVCOL_SPC_SMPTE240M:
      return SWS_CS_SMPTE240M;
    case AVCOL_SPC_BT2020_NCL:
      return SWS_CS_BT2020;
    default:
      return SWS_CS_ITU601;  // Also what unlabelled video is taken for.
  }
}

void set_colours(SwsContext* scaler, int matrix, int source_full, int target_full) {
  constexpr int unchanged = 1 << 16;
  sws_setColorspaceDetails(scaler, sws_getCoefficients(matrix), source_full,
                           sws_getCoefficients(matrix), target_full, 0, unchanged, unchanged);
}

}  // namespace

// What is converted: the window with a margin, aligned so that chroma is sampled as in the whole.
PixelWindow PixelConverter::region_of(const AVFrame& frame) const {
  const PixelWindow whole{0, 0, frame.width, frame.height};
  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  constexpr auto no_offset = AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL;
  const bool aligned = frame.width % margin == 0 && frame.height % margin == 0;
  const bool planar = format->nb_components == 1 || (format->flags & AV_PIX_FMT_FLAG_PLANAR) != 0;
  if (!window_ || !aligned || !planar || (format->flags & no_offset) != 0) return whole;
  const auto low = [](int at) { return std::max(at - margin, 0) / margin * margin; };
  const auto high = [](int at, int end) {
    return std::min((at + 2 * margin - 1) / margin * margin, end);
  };
  const int x = low(window_->x);
  const int y = low(window_->y);
  return {x, y, high(window_->x + window_->width, frame.width) - x,
          high(window_->y + window_->height, frame.height) - y};
}

Result<void> PixelConverter::prepare(const Form& form) {
  if (scaler_ && form == form_) return {};
  const auto source = static_cast<AVPixelFormat>(form.format);
  scaler_.reset(sws_getContext(form.width, form.height, source, form.width, form.height,
                               AV_PIX_FMT_BGR24, scaler_flags, nullptr, nullptr, nullptr));
  if (!scaler_) {
    const char* name = av_get_pix_fmt_name(source);
    return Error{Code::unsupported, std::string("pixel format ") + (name ? name : "unknown") +
                                        " has no conversion to BGR; transcode the video"};
  }
  set_colours(scaler_.get(), form.matrix, form.full_range, 1);
  form_ = form;
  return {};
}

Result<Picture> PixelConverter::to_bgr(const AVFrame& frame, BufferPool& pool) {
  const PixelWindow region = region_of(frame);
  Form form{region.width, region.height, 0, matrix_of(frame),
            frame.color_range == AVCOL_RANGE_JPEG};
  form.format = plain_format(frame.format, &form.full_range);
  if (auto ready = prepare(form); !ready) return ready.error();
  auto bytes = picture_bytes("decoded frame", region.width, region.height);
  if (!bytes) return bytes.error();
  auto buffer = pool.take(*bytes + overrun_bytes);
  if (!buffer) return buffer.error();

  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  const std::uint8_t* planes[4] = {frame.data[0], frame.data[1], frame.data[2], frame.data[3]};
  if (region.x != 0 || region.y != 0) {
    for (int c = 0; c < format->nb_components; ++c) {
      const AVComponentDescriptor& component = format->comp[c];
      const bool chroma = (c == 1 || c == 2) && (format->flags & AV_PIX_FMT_FLAG_RGB) == 0;
      const int x = chroma ? region.x >> format->log2_chroma_w : region.x;
      const int y = chroma ? region.y >> format->log2_chroma_h : region.y;
      const int plane = component.plane;
      planes[plane] = frame.data[plane] + std::ptrdiff_t{y} * frame.linesize[plane] +
                      std::ptrdiff_t{x} * component.step;
    }
  }
  std::uint8_t* out[4] = {buffer->data(), nullptr, nullptr, nullptr};
  const int out_stride[4] = {region.width * 3, 0, 0, 0};
  const int rows =
      sws_scale(scaler_.get(), planes, frame.linesize, 0, region.height, out, out_stride);
  OMMA_CHECK(rows == region.height, rows, region.height);
  const Picture converted{std::move(*buffer).share().part(0, *bytes), region.width, region.height};
  if (!window_) return converted;
  return copy_picture(kernels::crop(converted.view(), window_->x - region.x, window_->y - region.y,
                                    window_->width, window_->height),
                      pool);
}

Result<ffmpeg::Scaler> bgr_to_yuv420_scaler(int width, int height) {
  ffmpeg::Scaler scaler(sws_getContext(width, height, AV_PIX_FMT_BGR24, width, height,
                                       AV_PIX_FMT_YUV420P, scaler_flags, nullptr, nullptr,
                                       nullptr));
  if (!scaler) {
    return Error{Code::unsupported, "pictures of " + std::to_string(width) + "x" +
                                        std::to_string(height) + " cannot be converted to 4:2:0"};
  }
  set_colours(scaler.get(), SWS_CS_ITU601, 1, 0);
  return scaler;
}

}  // namespace omma
