// Internal to runtime/media: a synthetic scene as a FrameSource. Never fails once open.
//
// Not thread-safe; one owner.
#pragma once

#include "runtime/media/frame_source.hpp"
#include "runtime/media/synthetic_scene.hpp"

#include <memory>

namespace omma {

class SyntheticSource final : public FrameSource {
 public:
  static Result<std::unique_ptr<FrameSource>> open(const SourceSpec& spec, BufferPool& pool);

  Result<std::optional<CapturedFrame>> read() override;
  SourceInfo info() const override;
  Counters counters() const override { return counters_; }
  Result<void> seek_to(std::uint64_t sequence) override;

 private:
  SyntheticSource(const SourceSpec& spec, const SceneOptions& options, BufferPool& pool);
  Duration time_of(std::uint64_t sequence) const;

  const SourceSpec spec_;
  const SyntheticScene scene_;
  const std::uint64_t frame_count_;
  BufferPool& pool_;
  std::uint64_t next_ = 0;
  Counters counters_;
};

}  // namespace omma
