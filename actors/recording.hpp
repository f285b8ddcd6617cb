// Recording: one video file in the making. Draws what was found over each picture, encodes it, and
// gives the file its name when it is whole.
//
// Blocks: for an executor's jobs only. Thread-safe, one picture at a time. It remembers the last
// frame written, so that a frame that comes again (after its recorder restarted) is in the file
// once.
#pragma once

#include "kernels/box.hpp"
#include "kernels/point.hpp"
#include "runtime/base/blob.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/time.hpp"
#include "runtime/media/picture.hpp"
#include "runtime/media/video_encoder.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace omma {

// What is drawn over one picture; in its pixels.
struct Overlay {
  struct TrackMark {
    std::uint64_t id = 0;
    kernels::Box box;
  };
  struct LineMark {
    kernels::Point from;
    kernels::Point to;
    std::string label;
  };
  struct ZoneMark {
    std::vector<kernels::Point> corners;
    std::string label;
  };
  std::vector<ZoneMark> zones;
  std::vector<LineMark> lines;
  std::vector<TrackMark> tracks;
};

class Recording {
 public:
  // The pool must outlive it. With the first picture the file is opened, and its folder made where
  // there is none.
  Recording(std::string path, BufferPool& pool);

  // Errors are VideoEncoder's. A side of an odd number of pixels loses the last one, as H.264's
  // 4:2:0 wants. The size of the first picture holds for all: invalid_argument for another.
  Result<void> write(std::uint64_t sequence, Duration media_time, const Picture& picture,
                     const Overlay& overlay);
  // The number of pictures in the file, which has its name from here on. No file without pictures.
  Result<std::uint64_t> close();

 private:
  Result<Picture> drawn(const Picture& picture, const Overlay& overlay) const;

  const std::string path_;
  BufferPool& pool_;
  std::mutex mutex_;
  // All below guarded by mutex_.
  std::unique_ptr<VideoEncoder> encoder_;
  int width_ = 0;
  int height_ = 0;
  std::optional<std::uint64_t> last_;
  std::uint64_t frames_ = 0;
  bool closed_ = false;
};

// The recordings of a node, by path: a recorder that restarts goes on with the file it had. Holds
// none alive. Thread-safe.
class OpenRecordings {
 public:
  explicit OpenRecordings(BufferPool& pool) : pool_(pool) {}

  // The one in the making, or a new one.
  std::shared_ptr<Recording> at(const std::string& path);
  // A new one in any case.
  std::shared_ptr<Recording> begin(const std::string& path);

 private:
  BufferPool& pool_;
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<Recording>> recordings_;  // Guarded by mutex_.
};

}  // namespace omma
