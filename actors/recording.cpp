#include "actors/recording.hpp"

#include <filesystem>
#include <system_error>
#include <utility>

#include "kernels/picture.hpp"
#include "runtime/media/annotator.hpp"

namespace omma {
namespace {

constexpr Colour line_colour = {0, 220, 255};
constexpr Colour zone_colour = {230, 160, 40};

Result<void> make_folder_of(const std::filesystem::path& file) {
  const std::filesystem::path folder = file.parent_path();
  if (folder.empty()) return {};
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (!failure) return {};
  return Error{Code::unavailable, "recording " + file.string() +
                                      ": its folder cannot be made: " + failure.message() +
                                      "; name another place or make it by hand"};
}

}  // namespace

Recording::Recording(std::string path, BufferPool& pool) : path_(std::move(path)), pool_(pool) {}

Result<void> Recording::write(std::uint64_t sequence, Duration media_time, const Picture& picture,
                              const Overlay& overlay) {
  std::lock_guard lock(mutex_);
  if (last_ && sequence <= *last_) return {};
  auto finished = drawn(picture, overlay);
  if (!finished) return finished.error();
  if (!encoder_) {
    if (auto made = make_folder_of(path_); !made) return made;
    EncoderOptions options;
    options.width = width_ = finished->width;
    options.height = height_ = finished->height;
    auto encoder = VideoEncoder::open_file(path_, options);
    if (!encoder) return encoder.error();
    encoder_ = std::move(*encoder);
  }
  if (finished->width != width_ || finished->height != height_) {
    return Error{Code::invalid_argument,
                 "recording " + path_ + ": a picture of " + std::to_string(finished->width) + "x" +
                     std::to_string(finished->height) + " in a video of " + std::to_string(width_) +
                     "x" + std::to_string(height_)};
  }
  if (auto written = encoder_->write(*finished, media_time); !written) return written.error();
  last_ = sequence;
  ++frames_;
  return {};
}

Result<Picture> Recording::drawn(const Picture& picture, const Overlay& overlay) const {
  Picture even = picture;
  if (picture.width % 2 != 0 || picture.height % 2 != 0) {
    auto part = copy_picture(kernels::crop(picture.view(), 0, 0, picture.width - picture.width % 2,
                                           picture.height - picture.height % 2),
                             pool_);
    if (!part) return part.error();
    even = *std::move(part);
  }
  auto annotator = Annotator::over(even, pool_);
  if (!annotator) return annotator.error();
  for (const auto& zone : overlay.zones) {
    annotator->zone(zone.corners, zone_colour, zone.label);
  }
  for (const auto& line : overlay.lines) {
    annotator->line(line.from, line.to, line_colour, line.label);
  }
  for (const auto& track : overlay.tracks) {
    annotator->box(track.box, Annotator::colour_of(track.id), std::to_string(track.id));
  }
  return (*std::move(annotator)).finish();
}

Result<std::uint64_t> Recording::close() {
  std::lock_guard lock(mutex_);
  if (closed_ || !encoder_) return frames_;
  if (auto finished = encoder_->finish(); !finished) return finished.error();
  encoder_.reset();
  closed_ = true;
  return frames_;
}

std::shared_ptr<Recording> OpenRecordings::at(const std::string& path) {
  {
    std::lock_guard lock(mutex_);
    if (auto recording = recordings_[path].lock()) return recording;
  }
  return begin(path);
}

std::shared_ptr<Recording> OpenRecordings::begin(const std::string& path) {
  auto recording = std::make_shared<Recording>(path, pool_);
  std::lock_guard lock(mutex_);
  std::erase_if(recordings_, [](const auto& entry) { return entry.second.expired(); });
  recordings_[path] = recording;
  return recording;
}

}  // namespace omma
