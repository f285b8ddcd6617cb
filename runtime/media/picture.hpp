// A decoded picture: 8-bit BGR, interleaved, rows without padding, in pooled memory. It is a Blob
// with its size beside it, so that handing it on never copies pixels.
//
// Immutable and thread-safe to share; the memory goes back to its pool with the last copy.
#pragma once

#include "kernels/picture.hpp"
#include "runtime/base/blob.hpp"
#include "runtime/base/error.hpp"

#include <cstddef>
#include <string_view>

namespace omma {

struct Picture {
  Blob pixels;  // height * width * 3 bytes: blue, green, red.
  int width = 0;
  int height = 0;

  bool empty() const { return pixels.empty(); }
  // Valid as long as a copy of `pixels` lives.
  kernels::ImageView view() const { return kernels::dense_view(pixels.data(), width, height, 3); }
};

// Bytes of such a picture; over_limit when a side or the whole passes runtime/base/limits.hpp,
// invalid_argument when a side is not positive. `what` starts the message: "video a.mp4".
Result<std::size_t> picture_bytes(std::string_view what, int width, int height);

// Pixels copied into memory of the pool.
Result<Picture> copy_picture(kernels::ImageView pixels, BufferPool& pool);

// Writes an 8-bit RGB PNG; unavailable when the file cannot be written.
Result<void> write_png(const char* path, const Picture& picture);

}  // namespace omma
