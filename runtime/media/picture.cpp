#include "runtime/media/picture.hpp"

#include <cstring>
#include <fstream>
#include <string>

#include "runtime/base/check.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/media/ffmpeg_door.hpp"

namespace omma {
namespace {

Error png_failed(const char* path, const char* doing, int averror) {
  return {Code::internal,
          std::string("picture ") + path + ": " + doing + ": " + ffmpeg::describe(averror)};
}

// The coded picture, in a packet.
Result<ffmpeg::Packet> encode_png(const char* path, const Picture& picture) {
  ffmpeg::keep_log();
  const AVCodec* png = avcodec_find_encoder(AV_CODEC_ID_PNG);
  if (png == nullptr) {
    return Error{Code::unsupported, "this FFmpeg has no PNG encoder; install one that has"};
  }
  ffmpeg::Codec codec(avcodec_alloc_context3(png));
  codec->width = picture.width;
  codec->height = picture.height;
  codec->pix_fmt = AV_PIX_FMT_RGB24;
  codec->time_base = {1, 25};
  ffmpeg::forget_complaint();
  if (int s = avcodec_open2(codec.get(), png, nullptr); s < 0) {
    return png_failed(path, "open the encoder", s);
  }
  ffmpeg::Frame frame(av_frame_alloc());
  frame->format = AV_PIX_FMT_RGB24;
  frame->width = picture.width;
  frame->height = picture.height;
  if (int s = av_frame_get_buffer(frame.get(), 0); s < 0) return png_failed(path, "allocate", s);
  for (int y = 0; y < picture.height; ++y) {
    const std::uint8_t* in = picture.view().row(y);
    std::uint8_t* out = frame->data[0] + std::ptrdiff_t{y} * frame->linesize[0];
    for (int x = 0; x < picture.width; ++x, in += 3, out += 3) {
      out[0] = in[2];
      out[1] = in[1];
      out[2] = in[0];
    }
  }
  ffmpeg::Packet packet(av_packet_alloc());
  if (int s = avcodec_send_frame(codec.get(), frame.get()); s < 0) {
    return png_failed(path, "encode", s);
  }
  avcodec_send_frame(codec.get(), nullptr);
  if (int s = avcodec_receive_packet(codec.get(), packet.get()); s < 0) {
    return png_failed(path, "encode", s);
  }
  return packet;
}

}  // namespace

Result<std::size_t> picture_bytes(std::string_view what, int width, int height) {
  const std::string size = std::to_string(width) + "x" + std::to_string(height);
  if (width <= 0 || height <= 0) {
    return Error{Code::invalid_argument,
                 std::string(what) + ": pictures of " + size + "; both sides must be positive"};
  }
  const std::size_t bytes =
      static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * std::size_t{3};
  if (width > limits::frame_width_max || height > limits::frame_height_max ||
      bytes > limits::payload_bytes_max) {
    return Error{Code::over_limit,
                 std::string(what) + ": pictures of " + size + " (" + std::to_string(bytes) +
                     " bytes), limit " + std::to_string(limits::frame_width_max) + "x" +
                     std::to_string(limits::frame_height_max) + " and " +
                     std::to_string(limits::payload_bytes_max) + " bytes; scale them down"};
  }
  return bytes;
}

Result<Picture> copy_picture(kernels::ImageView pixels, BufferPool& pool) {
  OMMA_CHECK(pixels.channels == 3, pixels.channels);
  auto bytes = picture_bytes("copy", pixels.width, pixels.height);
  if (!bytes) return bytes.error();
  auto buffer = pool.take(*bytes);
  if (!buffer) return buffer.error();
  const auto row_bytes = static_cast<std::size_t>(pixels.width) * 3;
  for (int y = 0; y < pixels.height; ++y) {
    std::memcpy(buffer->data() + static_cast<std::size_t>(y) * row_bytes, pixels.row(y), row_bytes);
  }
  return Picture{std::move(*buffer).share(), pixels.width, pixels.height};
}

Result<void> write_png(const char* path, const Picture& picture) {
  const auto size = picture_bytes(path, picture.width, picture.height);
  if (!size) return size.error();
  OMMA_CHECK(picture.pixels.size() == *size, picture.pixels.size(), *size);
  auto packet = encode_png(path, picture);
  if (!packet) return packet.error();
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>((*packet)->data), (*packet)->size);
  file.close();
  if (!file) {
    return Error{Code::unavailable, std::string("picture ") + path +
                                        ": cannot be written; check the folder and its free space"};
  }
  return {};
}

}  // namespace omma
