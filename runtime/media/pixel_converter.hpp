// Internal to runtime/media: decoded frames of any pixel format into BGR pictures, and back for
// encoding. Exact: the same frame gives the same bytes on every machine, and a window gives the
// same bytes as that part of the whole picture.
//
// Not thread-safe; one owner.
#pragma once

#include "runtime/base/blob.hpp"
#include "runtime/media/ffmpeg_door.hpp"
#include "runtime/media/frame_source.hpp"
#include "runtime/media/picture.hpp"

#include <optional>

namespace omma {

class PixelConverter {
 public:
  // The window must be inside every frame given; without one the whole frame is converted.
  explicit PixelConverter(std::optional<PixelWindow> window) : window_(window) {}

  // `frame` is only read.
  Result<Picture> to_bgr(const AVFrame& frame, BufferPool& pool);

 private:
  // What the scaler was made for.
  struct Form {
    int width = 0;
    int height = 0;
    int format = AV_PIX_FMT_NONE;
    int matrix = 0;
    int full_range = 0;
    friend bool operator==(const Form&, const Form&) = default;
  };

  PixelWindow region_of(const AVFrame& frame) const;
  Result<void> prepare(const Form& form);

  const std::optional<PixelWindow> window_;
  Form form_;
  ffmpeg::Scaler scaler_;
};

// The scaler that turns BGR into the encoder's limited-range BT.601 4:2:0, same size.
Result<ffmpeg::Scaler> bgr_to_yuv420_scaler(int width, int height);

}  // namespace omma
