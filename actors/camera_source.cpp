#include "actors/camera_source.hpp"

#include <cmath>
#include <utility>

#include "schemas/work.capnp.h"

namespace omma {

CameraSource::CameraSource(SourceSpec spec, OpenSource open)
    : spec_(std::move(spec)), open_(std::move(open)) {}

Result<Message> CameraSource::read(std::uint64_t sequence) {
  std::lock_guard lock(mutex_);
  if (auto placed = place_at(sequence); !placed) return placed.error();
  while (!end_ && (!fetched_ || fetched_->sequence + offset_ < sequence)) {
    if (auto fetched = fetch(); !fetched) return fetched.error();
  }
  expected_ = sequence + 1;
  return answer(sequence);
}

Result<void> CameraSource::place_at(std::uint64_t sequence) {
  const bool opened = source_ == nullptr;
  if (opened) {
    auto source = open_(spec_);
    if (!source) return source.error();
    source_ = std::move(*source);
  }
  if (sequence == expected_) return {};
  fetched_.reset();
  end_.reset();
  if (source_->info().seekable) {
    expected_ = sequence;
    return source_->seek_to(sequence);
  }
  if (opened) offset_ = sequence;
  return {};
}

// One frame more, or the end.
Result<void> CameraSource::fetch() {
  const std::uint64_t damaged_before = source_->counters().frames_corrupt;
  for (;;) {
    auto frame = source_->read();
    if (!frame) {
      if (frame.error().code == Code::corrupt) continue;  // Counted by the source; goes on.
      return frame.error();
    }
    if (*frame) {
      fetched_ = std::move(**frame);
      return {};
    }
    const std::uint64_t after = fetched_ ? fetched_->sequence + 1 + offset_ : expected_;
    end_ = after + source_->counters().frames_corrupt - damaged_before;
    fetched_.reset();
    return {};
  }
}

Message CameraSource::answer(std::uint64_t sequence) const {
  const double rate = source_->info().frames_per_second;
  std::vector<Blob> payloads;
  const bool is_picture = fetched_ && fetched_->sequence + offset_ == sequence;
  if (is_picture) payloads.push_back(fetched_->picture.pixels);
  return Message::build<FrameRead>(
      [&](FrameRead::Builder out) {
        out.setSequence(sequence);
        if (rate > 0) out.setFrameIntervalNs(std::llround(1e9 / rate));
        if (is_picture) {
          out.setOutcome(FrameRead::Outcome::PICTURE);
          out.setMediaNs(fetched_->media_time.count());
          out.setWidth(static_cast<std::uint32_t>(fetched_->picture.width));
          out.setHeight(static_cast<std::uint32_t>(fetched_->picture.height));
        } else if (end_ && sequence >= *end_) {
          out.setOutcome(FrameRead::Outcome::END);
        } else {
          out.setOutcome(FrameRead::Outcome::DAMAGED);
        }
      },
      std::move(payloads));
}

}  // namespace omma
