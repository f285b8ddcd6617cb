// What this machine's FFmpeg is and can do.
//
// Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "runtime/base/library_version.hpp"

namespace omma {

// Of its libraries that are used here; each has a version of its own.
std::vector<LibraryVersion> ffmpeg_versions();

// By FFmpeg's name: "h264", "mjpeg".
bool has_decoder(const std::string& name);
// "libx264"
bool has_encoder(const std::string& name);

}  // namespace omma
