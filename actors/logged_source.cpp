#include "actors/logged_source.hpp"

#include <utility>

#include "runtime/base/limits.hpp"

namespace omma {

LoggedSource::LoggedSource(std::unique_ptr<FrameSource> source, Log& log)
    : source_(std::move(source)), log_(log) {}

Result<std::optional<CapturedFrame>> LoggedSource::read() {
  auto frame = source_->read();
  if (!frame && frame.error().code == Code::corrupt) note(frame.error());
  return frame;
}

void LoggedSource::note(const Error& error) {
  if (++noted_ > limits::damages_logged_max) return;
  log_.warn("media", "frames skipped",
            {{"why", error.message}, {"skipped_so_far", source_->counters().frames_corrupt}});
  if (noted_ < limits::damages_logged_max) return;
  log_.warn("media", "further skipped frames of this source are only counted",
            {{"limit", limits::damages_logged_max}});
}

}  // namespace omma
