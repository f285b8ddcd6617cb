#include "runtime/media/frame_source.hpp"

#include "runtime/media/file_source.hpp"
#include "runtime/media/synthetic_source.hpp"

namespace omma {

Result<void> check_window(const std::string& url, const PixelWindow& window, int width,
                          int height) {
  const PixelWindow& w = window;
  if (w.x >= 0 && w.y >= 0 && w.width > 0 && w.height > 0 && w.width <= width - w.x &&
      w.height <= height - w.y) {
    return {};
  }
  return Error{Code::invalid_argument, "video " + url + ": window " + std::to_string(w.width) +
                                           "x" + std::to_string(w.height) + " at (" +
                                           std::to_string(w.x) + ", " + std::to_string(w.y) +
                                           ") is not inside the picture of " +
                                           std::to_string(width) + "x" + std::to_string(height)};
}

Result<std::unique_ptr<FrameSource>> open_source(const SourceSpec& spec, BufferPool& pool,
                                                 const Clock& clock) {
  if (is_synthetic_url(spec.url)) return SyntheticSource::open(spec, pool);
  return FileSource::open(spec, pool, clock);
}

}  // namespace omma
