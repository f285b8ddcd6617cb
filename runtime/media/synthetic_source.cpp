#include "runtime/media/synthetic_source.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace omma {
namespace {

std::uint64_t count_of(const SourceSpec& spec, const SceneOptions& options) {
  const std::uint64_t left = options.frames - std::min(spec.frames_first, options.frames);
  return spec.frames_max ? std::min(left, *spec.frames_max) : left;
}

}  // namespace

SyntheticSource::SyntheticSource(const SourceSpec& spec, const SceneOptions& options,
                                 BufferPool& pool)
    : spec_(spec), scene_(options), frame_count_(count_of(spec, options)), pool_(pool) {}

Result<std::unique_ptr<FrameSource>> SyntheticSource::open(const SourceSpec& spec,
                                                           BufferPool& pool) {
  auto options = SceneOptions::from_url(spec.url);
  if (!options) return options.error();
  if (spec.window) {
    if (auto checked = check_window(spec.url, *spec.window, options->width, options->height);
        !checked) {
      return checked.error();
    }
  }
  return std::unique_ptr<FrameSource>(new SyntheticSource(spec, *options, pool));
}

Duration SyntheticSource::time_of(std::uint64_t sequence) const {
  return Duration(static_cast<Duration::rep>(sequence) * 1'000'000'000 /
                  scene_.options().frames_per_second);
}

Result<std::optional<CapturedFrame>> SyntheticSource::read() {
  if (next_ >= frame_count_) return std::optional<CapturedFrame>();
  const int width = scene_.options().width;
  const int height = scene_.options().height;
  const auto bytes = picture_bytes("scene", width, height);
  if (!bytes) return bytes.error();
  auto buffer = pool_.take(*bytes);
  if (!buffer) return buffer.error();
  scene_.render(spec_.frames_first + next_, kernels::dense_view(buffer->data(), width, height, 3));
  Picture picture{std::move(*buffer).share(), width, height};
  if (spec_.window) {
    const PixelWindow& w = *spec_.window;
    auto part = copy_picture(kernels::crop(picture.view(), w.x, w.y, w.width, w.height), pool_);
    if (!part) return part.error();
    picture = std::move(*part);
  }
  ++counters_.frames_read;
  CapturedFrame frame{std::move(picture), next_, time_of(next_)};
  ++next_;
  return std::optional<CapturedFrame>(std::move(frame));
}

SourceInfo SyntheticSource::info() const {
  SourceInfo info;
  info.name = spec_.url;
  info.width = spec_.window ? spec_.window->width : scene_.options().width;
  info.height = spec_.window ? spec_.window->height : scene_.options().height;
  info.frames_per_second = scene_.options().frames_per_second;
  info.frame_count = frame_count_;
  return info;
}

Result<void> SyntheticSource::seek_to(std::uint64_t sequence) {
  if (sequence > frame_count_) {
    return Error{Code::invalid_argument, "scene " + spec_.url + ": frame " +
                                             std::to_string(sequence) + " asked for, it has " +
                                             std::to_string(frame_count_)};
  }
  next_ = sequence;
  return {};
}

}  // namespace omma
