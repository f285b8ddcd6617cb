#include <cstdio>

#include "apps/omma/commands.hpp"
#include "apps/omma/exit_code.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/media/transcode.hpp"

namespace omma {

int clip_command(const std::string& source, const std::string& out, const std::string& window,
                 std::uint64_t frames_max) {
  const CommonOptions common;
  SourceSpec spec;
  spec.url = source;
  if (frames_max > 0) spec.frames_max = frames_max;
  if (!window.empty()) {
    PixelWindow part;
    char beyond = 0;
    if (std::sscanf(window.c_str(), "%d,%d,%d,%d%c", &part.x, &part.y, &part.width, &part.height,
                    &beyond) != 4) {
      report(common,
             {Code::invalid_argument, "--window takes x,y,width,height, not '" + window + "'"});
      return exit_usage;
    }
    spec.window = part;
  }
  const SystemClock clock;
  BufferPool pool(limits::idle_buffer_bytes_max);
  const auto done = transcode(spec, out, EncoderOptions{}, pool, clock);
  if (!done) return report(common, done.error());
  std::printf("%s: %llu frames\n", out.c_str(),
              static_cast<unsigned long long>(done->frames_written));
  return exit_ok;
}

}  // namespace omma
