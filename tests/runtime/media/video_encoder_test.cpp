#include "runtime/media/video_encoder.hpp"

#include <sys/resource.h>

#include <array>
#include <cmath>
#include <csignal>

#include "runtime/media/transcode.hpp"
#include "tests/runtime/media/clip_files.hpp"

namespace omma {
namespace {

using namespace clip_files;

constexpr std::size_t pool_bytes = std::size_t{1} << 26;
const char* const scene_url = "synthetic:people?seed=4&frames=25&width=320&height=180&objects=6";

// Peak signal-to-noise ratio in dB over all channels.
double psnr(const Picture& a, const Picture& b) {
  REQUIRE(a.pixels.size() == b.pixels.size());
  double squares = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    const double d = static_cast<double>(a.pixels.data()[i]) - b.pixels.data()[i];
    squares += d * d;
  }
  return 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.pixels.size()) / squares);
}

TEST_CASE("what is encoded comes back nearly the same, better the lower the crf") {
  BufferPool pool(pool_bytes);
  const Played original = play(*open({.url = scene_url}, pool));
  double before = 100;
  for (const int crf : {4, 20, 36}) {
    const std::string path =
        make_clip("quality" + std::to_string(crf) + ".mp4", {.scene = scene_url, .crf = crf});
    const Played coded = play(*open({.url = path}, pool));
    REQUIRE(coded.frames.size() == 25);
    double mean = 0;
    for (std::size_t i = 0; i < 25; ++i) {
      mean += psnr(original.frames[i].picture, coded.frames[i].picture) / 25;
    }
    CHECK(mean < before);
    if (crf == 4) CHECK(mean > 34);  // What the coarser chroma leaves.
    if (crf == 20) CHECK(mean > 30);
    before = mean;
  }
}

TEST_CASE("plain colours keep their values through coding and back") {
  BufferPool pool(pool_bytes);
  for (const std::array<std::uint8_t, 3> bgr : {std::array<std::uint8_t, 3>{255, 0, 0},
                                                {0, 255, 0},
                                                {0, 0, 255},
                                                {128, 128, 128},
                                                {255, 255, 255},
                                                {0, 0, 0}}) {
    auto buffer = pool.take(64 * 64 * 3);
    REQUIRE(buffer.ok());
    for (std::size_t i = 0; i < buffer->size(); ++i) buffer->data()[i] = bgr[i % 3];
    const Picture plain{std::move(*buffer).share(), 64, 64};
    const std::string path = path_of("plain.mp4");
    auto encoder = VideoEncoder::open_file(path, {.width = 64, .height = 64, .crf = 4});
    REQUIRE(encoder.ok());
    REQUIRE((*encoder)->write(plain, Duration(0)).ok());
    REQUIRE((*encoder)->finish().ok());
    const Played coded = play(*open({.url = path}, pool));
    REQUIRE(coded.frames.size() == 1);
    for (std::size_t c = 0; c < 3; ++c) {
      const int got = coded.frames[0].picture.pixels.data()[(32 * 64 + 32) * 3 + c];
      INFO("colour " << int{bgr[0]} << "," << int{bgr[1]} << "," << int{bgr[2]});
      CHECK(std::abs(got - bgr[c]) <= 4);
    }
  }
}

TEST_CASE("the index stands before the pictures in a file, and the bytes repeat") {
  const Bytes first = load(make_clip("first.mp4"));
  CHECK(find_tag(first, "moov") < find_tag(first, "mdat"));
  CHECK(first == load(make_clip("second.mp4")));
}

TEST_CASE("a video in memory has the frames of one in a file") {
  BufferPool pool(pool_bytes);
  auto scene = open({.url = scene_url}, pool);
  auto encoder = VideoEncoder::open_memory(encoder_options(scene->info(), {}));
  REQUIRE(encoder.ok());
  encode_into(**encoder, *scene);
  const auto coded = (*encoder)->finish();
  REQUIRE(coded.ok());
  const std::uint8_t* data = coded->data();
  const std::string path = save("memory.mp4", Bytes(data, data + coded->size()));
  const Played from_memory = play(*open({.url = path}, pool));
  const Played from_file = play(*open({.url = make_clip("file.mp4", {.scene = scene_url})}, pool));
  REQUIRE(from_memory.frames.size() == 25);
  for (std::size_t i = 0; i < 25; ++i) {
    CHECK(same_pixels(from_memory.frames[i].picture, from_file.frames[i].picture));
  }
}

TEST_CASE("frames keep irregular times") {
  BufferPool pool(pool_bytes);
  const Played scene = play(*open({.url = scene_url, .frames_max = 4}, pool));
  const std::string path = path_of("irregular.mp4");
  auto encoder = VideoEncoder::open_file(path, {.width = 320, .height = 180});
  REQUIRE(encoder.ok());
  const int times_ms[] = {0, 40, 200, 210};
  for (std::size_t i = 0; i < 4; ++i) {
    const Duration time = std::chrono::milliseconds(times_ms[i]);
    REQUIRE((*encoder)->write(scene.frames[i].picture, time).ok());
  }
  REQUIRE((*encoder)->finish().ok());
  const Played coded = play(*open({.url = path}, pool));
  REQUIRE(coded.frames.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(coded.frames[i].media_time == std::chrono::milliseconds(times_ms[i]));
  }
}

TEST_CASE("pictures and options that cannot be coded are refused with the reason") {
  BufferPool pool(pool_bytes);
  const std::string path = path_of("refused.mp4");
  const auto code_of = [&](const EncoderOptions& options) {
    const auto encoder = VideoEncoder::open_file(path, options);
    return encoder.ok() ? Code::ok : encoder.error().code;
  };
  CHECK(code_of({.width = 161, .height = 96}) == Code::invalid_argument);
  CHECK(code_of({.width = 160, .height = 0}) == Code::invalid_argument);
  CHECK(code_of({.width = 9000, .height = 96}) == Code::over_limit);
  CHECK(code_of({.width = 160, .height = 96, .crf = 60}) == Code::invalid_argument);
  CHECK(code_of({.width = 160, .height = 96, .preset = "warp"}) == Code::invalid_argument);
  CHECK(code_of({.width = 160, .height = 96, .frames_per_second = 0}) == Code::invalid_argument);
  const auto nowhere =
      VideoEncoder::open_file(path_of("no/such/folder.mp4"), {.width = 160, .height = 96});
  CHECK(nowhere.error().code == Code::unavailable);

  const Played scene = play(*open({.url = scene_url, .frames_max = 1}, pool));
  auto encoder = VideoEncoder::open_file(path, {.width = 320, .height = 180});
  REQUIRE(encoder.ok());
  const Picture& picture = scene.frames[0].picture;
  REQUIRE((*encoder)->write(picture, std::chrono::milliseconds(40)).ok());
  CHECK((*encoder)->write(picture, std::chrono::milliseconds(40)).error().code ==
        Code::invalid_argument);
  const auto small = copy_picture(kernels::crop(picture.view(), 0, 0, 64, 64), pool);
  CHECK((*encoder)->write(*small, std::chrono::milliseconds(80)).error().code ==
        Code::invalid_argument);
}

TEST_CASE("an encoder that is given up leaves no file") {
  const std::string path = path_of("given_up.mp4");
  {
    auto encoder = VideoEncoder::open_file(path, {.width = 160, .height = 96});
    REQUIRE(encoder.ok());
    CHECK(std::filesystem::exists(path + ".part"));
  }
  CHECK(!std::filesystem::exists(path));
  CHECK(!std::filesystem::exists(path + ".part"));
}

// A disk with this much space, as far as this process can tell.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) : before_signal_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, before_signal_);
  }

 private:
  void (*before_signal_)(int);
  rlimit before_{};
};

TEST_CASE("a full disk is an error, and leaves no half a file") {
  BufferPool pool(pool_bytes);
  const std::string path = path_of("full.mp4");
  const SystemClock clock;
  auto report = [&] {
    const SmallDisk disk(20'000);
    return transcode({.url = "synthetic:people?frames=200&width=320&height=180"}, path, {.crf = 10},
                     pool, clock);
  }();
  REQUIRE(!report.ok());
  CHECK(report.error().code == Code::unavailable);
  CHECK(report.error().message.find("full.mp4") != std::string::npos);
  CHECK(!std::filesystem::exists(path));
  CHECK(!std::filesystem::exists(path + ".part"));
}

TEST_CASE("transcoding a window gives a camera's file with restart points every gop") {
  BufferPool pool(pool_bytes);
  const SystemClock clock;
  const std::string from = make_clip("transcode_from.mp4", {.scene = scene_url});
  const std::string to = path_of("transcode_to.mp4");
  const auto report =
      transcode({.url = from, .window = PixelWindow{100, 20, 128, 96}}, to, {}, pool, clock);
  REQUIRE(report.ok());
  CHECK(report->frames_written == 25);
  CHECK(report->frames_corrupt == 0);
  CHECK(report->width == 128);
  CHECK(report->media_length == std::chrono::milliseconds(960));
  CHECK(report->file_bytes == std::filesystem::file_size(to));
  const Played played = play(*open({.url = to}, pool));
  REQUIRE(played.frames.size() == 25);
  CHECK(played.frames[24].media_time == std::chrono::milliseconds(960));
  CHECK(transcode({.url = path_of("none.mp4")}, to, {}, pool, clock).error().code ==
        Code::not_found);
  CHECK(std::filesystem::exists(to));  // The old one stays.
}

}  // namespace
}  // namespace omma
