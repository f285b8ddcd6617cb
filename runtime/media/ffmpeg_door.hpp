// Internal to runtime/media: ownership of FFmpeg's objects, and its errors as ours.
//
// FFmpeg says why it failed only in its log, so the last complaint of this thread is kept and put
// into the Error's message; nothing is printed. Thread-safe.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>
#include <libswscale/swscale.h>
}

#include "runtime/base/error.hpp"

#include <memory>
#include <string>

namespace omma::ffmpeg {

struct FreeFrame {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
};
struct FreePacket {
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
};
struct FreeCodec {
  void operator()(AVCodecContext* codec) const { avcodec_free_context(&codec); }
};
struct CloseInput {
  void operator()(AVFormatContext* input) const { avformat_close_input(&input); }
};
struct FreeScaler {
  void operator()(SwsContext* scaler) const { sws_freeContext(scaler); }
};

using Frame = std::unique_ptr<AVFrame, FreeFrame>;
using Packet = std::unique_ptr<AVPacket, FreePacket>;
using Codec = std::unique_ptr<AVCodecContext, FreeCodec>;
using Input = std::unique_ptr<AVFormatContext, CloseInput>;
using Scaler = std::unique_ptr<SwsContext, FreeScaler>;

// Takes FFmpeg's log away from standard error, process-wide; every open calls it first.
void keep_log();

// Forgets this thread's last complaint, so that the next one belongs to the next call.
void forget_complaint();

// FFmpeg's words for an error number, with the last complaint of this thread if there is one:
// "Invalid data found when processing input (moov atom not found)".
std::string describe(int averror);

// Sets a codec's private option that must exist: a failure is our bug or a foreign build.
Result<void> set_option(void* object, const char* name, const std::string& value);

}  // namespace omma::ffmpeg
