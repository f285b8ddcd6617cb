#include "runtime/media/transcode.hpp"

#include <filesystem>

namespace omma {

Result<TranscodeReport> transcode(const SourceSpec& source, const std::string& path,
                                  const EncoderOptions& options, BufferPool& pool,
                                  const Clock& clock) {
  auto frames = open_source(source, pool, clock);
  if (!frames) return frames.error();
  const SourceInfo info = (*frames)->info();
  EncoderOptions fitted = options;
  fitted.width = info.width;
  fitted.height = info.height;
  fitted.frames_per_second = info.frames_per_second;
  auto encoder = VideoEncoder::open_file(path, fitted);
  if (!encoder) return encoder.error();

  TranscodeReport report{.width = info.width, .height = info.height};
  for (;;) {
    auto frame = (*frames)->read();
    if (!frame) {
      if (frame.error().code == Code::corrupt) continue;  // Skipped, and counted by the source.
      return frame.error();
    }
    if (!*frame) break;
    auto written = (*encoder)->write((*frame)->picture, (*frame)->media_time);
    if (!written) return written.error();
    ++report.frames_written;
    report.media_length = (*frame)->media_time;
  }
  report.frames_corrupt = (*frames)->counters().frames_corrupt;
  if (report.frames_written == 0) {
    return Error{Code::corrupt, "video " + source.url + ": not one frame could be read"};
  }
  if (auto finished = (*encoder)->finish(); !finished) return finished.error();
  std::error_code unknown;
  const auto size = std::filesystem::file_size(path, unknown);
  report.file_bytes = unknown ? 0 : size;
  return report;
}

}  // namespace omma
