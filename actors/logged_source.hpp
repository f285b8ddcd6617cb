// LoggedSource: a FrameSource that says in the log what another one skips. A camera only counts
// damaged frames, since a stream must not stop for them; what was wrong with them stands there.
//
// Not thread-safe; one owner, like any source.
#pragma once

#include "runtime/media/frame_source.hpp"
#include "runtime/observe/log.hpp"

#include <memory>
#include <string>

namespace omma {

class LoggedSource final : public FrameSource {
 public:
  // The log must outlive it.
  LoggedSource(std::unique_ptr<FrameSource> source, Log& log);

  Result<std::optional<CapturedFrame>> read() override;
  SourceInfo info() const override { return source_->info(); }
  Counters counters() const override { return source_->counters(); }
  Result<void> seek_to(std::uint64_t sequence) override { return source_->seek_to(sequence); }

 private:
  void note(const Error& error);

  const std::unique_ptr<FrameSource> source_;
  Log& log_;
  std::size_t noted_ = 0;
};

}  // namespace omma
