// Video files for the tests, made here from the synthetic scene, and ways to damage them. Each test
// names its own files, since tests run side by side.
#pragma once

#include "runtime/base/blob.hpp"
#include "runtime/base/time.hpp"
#include "runtime/media/frame_source.hpp"
#include "runtime/media/synthetic_scene.hpp"
#include "runtime/media/video_encoder.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

namespace omma::clip_files {

using Bytes = std::vector<std::uint8_t>;

inline std::string path_of(const std::string& name) {
  const auto folder = std::filesystem::path(OMMA_BINARY_DIR) / "media_clips";
  std::filesystem::create_directories(folder);
  return (folder / name).string();
}

inline Bytes load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

inline std::string save(const std::string& name, const Bytes& bytes) {
  const std::string path = path_of(name);
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  return path;
}

struct ClipOptions {
  std::string scene = "synthetic:people?seed=7&frames=50&width=160&height=96&objects=4";
  int crf = 20;
  int gop = 20;
  int b_frames = 0;
};

inline EncoderOptions encoder_options(const SourceInfo& info, const ClipOptions& options) {
  return {.width = info.width,
          .height = info.height,
          .frames_per_second = info.frames_per_second,
          .crf = options.crf,
          .gop = options.gop,
          .b_frames = options.b_frames};
}

inline std::unique_ptr<FrameSource> open(const SourceSpec& spec, BufferPool& pool) {
  static const SystemClock clock;
  auto source = open_source(spec, pool, clock);
  if (!source) FAIL(source.error().describe());
  return std::move(*source);
}

inline Error open_error(const SourceSpec& spec) {
  BufferPool pool(0);
  const SystemClock clock;
  auto source = open_source(spec, pool, clock);
  if (source) FAIL("opened " << spec.url);
  INFO(source.error().describe());
  CHECK(source.error().message.find(spec.url) != std::string::npos);
  return source.error();
}

// Every frame and every error of a source, to its end.
struct Played {
  std::vector<CapturedFrame> frames;
  std::vector<Error> errors;
};

inline Played play(FrameSource& source) {
  Played played;
  for (int reads = 0; reads < 10'000; ++reads) {
    auto frame = source.read();
    if (!frame) {
      played.errors.push_back(frame.error());
      if (frame.error().code != Code::corrupt) return played;
      continue;
    }
    if (!*frame) return played;
    played.frames.push_back(std::move(**frame));
  }
  FAIL("the source never ends");
  return played;
}

inline void encode_into(VideoEncoder& encoder, FrameSource& scene) {
  const Played played = play(scene);
  for (const CapturedFrame& frame : played.frames) {
    const auto written = encoder.write(frame.picture, frame.media_time);
    if (!written) FAIL(written.error().describe());
  }
}

inline std::string make_clip(const std::string& name, const ClipOptions& options = {}) {
  BufferPool pool(std::size_t{1} << 24);
  auto scene = open({.url = options.scene}, pool);
  const std::string path = path_of(name);
  auto encoder = VideoEncoder::open_file(path, encoder_options(scene->info(), options));
  if (!encoder) FAIL(encoder.error().describe());
  encode_into(**encoder, *scene);
  const auto finished = (*encoder)->finish();
  if (!finished) FAIL(finished.error().describe());
  return path;
}

inline std::size_t find_tag(const Bytes& file, const std::string& tag) {
  const auto found = std::search(file.begin(), file.end(), tag.begin(), tag.end());
  REQUIRE(found != file.end());
  return static_cast<std::size_t>(found - file.begin());
}

inline std::size_t number_at(const Bytes& file, std::size_t at, int bytes) {
  std::size_t value = 0;
  for (int i = 0; i < bytes; ++i) value = value << 8 | file.at(at + static_cast<std::size_t>(i));
  return value;
}

// Where the network units of an MP4 of one H.264 track lie: (offset, size), without their lengths.
inline std::vector<std::pair<std::size_t, std::size_t>> units_of(const Bytes& file) {
  const std::size_t tag = find_tag(file, "mdat");
  const std::size_t end = tag - 4 + number_at(file, tag - 4, 4);
  std::vector<std::pair<std::size_t, std::size_t>> units;
  for (std::size_t at = tag + 4; at + 4 < end;) {
    const std::size_t size = number_at(file, at, 4);
    units.emplace_back(at + 4, size);
    at += 4 + size;
  }
  return units;
}

// The same video as a raw byte stream (H.264 annex B): what some cameras write.
inline Bytes annex_b_of(const Bytes& mp4) {
  Bytes raw;
  const auto append = [&](std::size_t offset, std::size_t size) {
    raw.insert(raw.end(), {0, 0, 0, 1});
    const auto begin = mp4.begin() + static_cast<std::ptrdiff_t>(offset);
    raw.insert(raw.end(), begin, begin + static_cast<std::ptrdiff_t>(size));
  };
  // avcC: version, profile, compatibility, level, length size, then counted parameter sets.
  std::size_t at = find_tag(mp4, "avcC") + 4 + 5;
  for (int set = 0; set < 2; ++set) {
    const std::size_t count = mp4.at(at++) & 31u;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t size = number_at(mp4, at, 2);
      append(at + 2, size);
      at += 2 + size;
    }
  }
  for (const auto& [offset, size] : units_of(mp4)) append(offset, size);
  return raw;
}

inline bool same_pixels(const Picture& a, const Picture& b) {
  return a.width == b.width && a.height == b.height &&
         std::ranges::equal(a.pixels.bytes(), b.pixels.bytes());
}

}  // namespace omma::clip_files
