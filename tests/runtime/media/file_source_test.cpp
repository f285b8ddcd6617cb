#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/runtime/media/clip_files.hpp"

namespace omma {
namespace {

using namespace clip_files;

constexpr std::size_t pool_bytes = std::size_t{1} << 26;

TEST_CASE("a clip gives every frame once, in order, with its time") {
  BufferPool pool(pool_bytes);
  for (const int b_frames : {0, 3}) {
    const std::string path =
        make_clip("order" + std::to_string(b_frames) + ".mp4", {.b_frames = b_frames});
    auto source = open({.url = path}, pool);
    CHECK(source->info().name == "order" + std::to_string(b_frames) + ".mp4");
    CHECK(source->info().width == 160);
    CHECK(source->info().height == 96);
    CHECK(source->info().frames_per_second == Approx(25));
    CHECK(source->info().frame_count == 50u);
    const Played played = play(*source);
    CHECK(played.errors.empty());
    REQUIRE(played.frames.size() == 50);
    for (std::size_t i = 0; i < 50; ++i) {
      CHECK(played.frames[i].sequence == i);
      CHECK(played.frames[i].media_time == std::chrono::milliseconds(40 * i));
    }
    CHECK(source->counters().frames_read == 50);
    CHECK(source->counters().frames_corrupt == 0);
    // And after the end it stays at the end.
    auto again = source->read();
    REQUIRE(again.ok());
    CHECK(!again->has_value());
  }
}

TEST_CASE("a clip read twice gives the same pixels") {
  BufferPool pool(pool_bytes);
  const std::string path = make_clip("twice.mp4", {.b_frames = 2});
  const Played first = play(*open({.url = path}, pool));
  const Played second = play(*open({.url = path, .thread_count = 2}, pool));
  REQUIRE(first.frames.size() == 50);
  REQUIRE(second.frames.size() == 50);
  for (std::size_t i = 0; i < 50; ++i) {
    CHECK(same_pixels(first.frames[i].picture, second.frames[i].picture));
    CHECK(first.frames[i].sequence == second.frames[i].sequence);
  }
}

// Checks that seeking to each frame, from far and near, gives exactly what reading through gave.
void check_every_seek(const std::string& path, std::uint64_t step) {
  INFO(path);
  BufferPool pool(pool_bytes);
  const Played whole = play(*open({.url = path}, pool));
  const std::uint64_t count = whole.frames.size();
  auto source = open({.url = path}, pool);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t sequence = i * step % count;
    const auto sought = source->seek_to(sequence);
    if (!sought) FAIL(sought.error().describe());
    auto frame = source->read();
    if (!frame) FAIL(frame.error().describe());
    REQUIRE(frame->has_value());
    const CapturedFrame& expected = whole.frames[sequence];
    CHECK((*frame)->sequence == sequence);
    CHECK((*frame)->media_time == expected.media_time);
    CHECK(same_pixels((*frame)->picture, expected.picture));
  }
  CHECK(source->counters().frames_corrupt == 0);
}

TEST_CASE("seeking gives exactly the frame asked for, in every container and order") {
  const std::string plain = make_clip("seek.mp4");
  const std::string reordered = make_clip("seek_b.mp4", {.b_frames = 3});
  const std::string raw = save("seek.264", annex_b_of(load(plain)));
  const std::string raw_reordered = save("seek_b.264", annex_b_of(load(reordered)));
  for (const std::string& path : {plain, reordered, raw, raw_reordered}) {
    check_every_seek(path, 1);   // Always the next: nothing may be read twice.
    check_every_seek(path, 17);  // To and fro.
  }
}

TEST_CASE("seeking to the end gives the end, and past it is refused with the number of frames") {
  BufferPool pool(pool_bytes);
  auto source = open({.url = make_clip("past.mp4")}, pool);
  REQUIRE(source->seek_to(50).ok());
  auto frame = source->read();
  REQUIRE(frame.ok());
  CHECK(!frame->has_value());
  const auto past = source->seek_to(51);
  REQUIRE(!past.ok());
  CHECK(past.error().code == Code::invalid_argument);
  CHECK(past.error().message.find("50") != std::string::npos);
  REQUIRE(source->seek_to(49).ok());
  frame = source->read();
  REQUIRE(frame.ok());
  CHECK((*frame)->sequence == 49);
}

TEST_CASE("raw H.264 gives the frames of the container it came from, timed by its frame rate") {
  BufferPool pool(pool_bytes);
  const std::string scene =
      "synthetic:people?seed=3&frames=45&width=160&height=96&fps=10&objects=3";
  for (const int b_frames : {0, 3}) {
    const std::string stem = "raw" + std::to_string(b_frames);
    const std::string mp4 = make_clip(stem + ".mp4", {.scene = scene, .b_frames = b_frames});
    const std::string raw = save(stem + ".h264", annex_b_of(load(mp4)));
    const Played expected = play(*open({.url = mp4}, pool));
    auto source = open({.url = raw}, pool);
    CHECK(!source->info().frame_count.has_value());
    CHECK(source->info().frames_per_second == Approx(10));
    const Played played = play(*source);
    CHECK(played.errors.empty());
    REQUIRE(played.frames.size() == 45);
    for (std::size_t i = 0; i < 45; ++i) {
      CHECK(played.frames[i].sequence == i);
      CHECK(played.frames[i].media_time == std::chrono::milliseconds(100 * i));
      CHECK(same_pixels(played.frames[i].picture, expected.frames[i].picture));
    }
  }
}

TEST_CASE("a window is, to the byte, that part of the whole picture") {
  BufferPool pool(pool_bytes);
  const std::string path = make_clip("window.mp4");
  const Played whole = play(*open({.url = path}, pool));
  const PixelWindow windows[] = {{0, 0, 160, 96},  {0, 0, 80, 96}, {80, 0, 80, 96},
                                 {33, 17, 51, 37}, {1, 1, 1, 1},   {150, 90, 10, 6},
                                 {40, 24, 64, 48}, {8, 8, 16, 16}};
  for (const PixelWindow& w : windows) {
    auto source = open({.url = path, .window = w, .frames_max = 3}, pool);
    CHECK(source->info().width == w.width);
    const Played part = play(*source);
    REQUIRE(part.frames.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
      const auto view = kernels::crop(whole.frames[i].picture.view(), w.x, w.y, w.width, w.height);
      const auto expected = copy_picture(view, pool);
      REQUIRE(expected.ok());
      INFO(w.x << "," << w.y << " " << w.width << "x" << w.height << " frame " << i);
      CHECK(same_pixels(part.frames[i].picture, *expected));
    }
  }
  for (const PixelWindow& w :
       {PixelWindow{81, 0, 80, 96}, {-1, 0, 8, 8}, {0, 0, 0, 8}, {2147483647, 0, 2147483647, 8}}) {
    CHECK(open_error({.url = path, .window = w}).code == Code::invalid_argument);
  }
}

TEST_CASE("a part of a video counts and times its frames from its own start") {
  BufferPool pool(pool_bytes);
  const std::string path = make_clip("part.mp4");
  const Played whole = play(*open({.url = path}, pool));
  auto source = open({.url = path, .frames_first = 25, .frames_max = 10}, pool);
  CHECK(source->info().frame_count == 10u);
  const Played part = play(*source);
  REQUIRE(part.frames.size() == 10);
  for (std::size_t i = 0; i < 10; ++i) {
    CHECK(part.frames[i].sequence == i);
    CHECK(part.frames[i].media_time == std::chrono::milliseconds(40 * i));
    CHECK(same_pixels(part.frames[i].picture, whole.frames[25 + i].picture));
  }
  REQUIRE(source->seek_to(4).ok());
  auto frame = source->read();
  REQUIRE(frame.ok());
  CHECK((*frame)->media_time == std::chrono::milliseconds(160));
  CHECK(same_pixels((*frame)->picture, whole.frames[29].picture));
  CHECK(open_error({.url = path, .frames_first = 50}).code == Code::invalid_argument);
  CHECK(open_error({.url = path, .frames_first = 5000}).code == Code::invalid_argument);
}

TEST_CASE("a file that is no readable video is refused with the reason in its code") {
  const std::string path = make_clip("whole.mp4");
  const Bytes whole = load(path);
  CHECK(open_error({.url = path_of("nowhere.mp4")}).code == Code::not_found);
  CHECK(open_error({.url = path_of("")}).code == Code::invalid_argument);  // A folder.
  CHECK(open_error({.url = save("empty.mp4", {})}).code == Code::corrupt);
  const Bytes noise(4096, 0xA5);
  CHECK(open_error({.url = save("noise.mp4", noise)}).code == Code::corrupt);
  Bytes cut = whole;
  cut.resize(find_tag(whole, "moov") + 40);
  CHECK(open_error({.url = save("cut_index.mp4", cut)}).code == Code::corrupt);

  // One second of silence: a good file without pictures.
  Bytes wav = {'R', 'I', 'F', 'F', 0x64, 0x1F, 0,   0,   'W', 'A',  'V',  'E',  'f', 'm',  't',
               ' ', 16,  0,   0,   0,    1,    0,   1,   0,   0x40, 0x1F, 0,    0,   0x40, 0x1F,
               0,   0,   1,   0,   8,    0,    'd', 'a', 't', 'a',  0x40, 0x1F, 0,   0};
  wav.resize(wav.size() + 8000, 128);
  CHECK(open_error({.url = save("sound.wav", wav)}).code == Code::invalid_argument);

  Bytes unknown = whole;
  const std::size_t coding = find_tag(unknown, "avc1");  // Once as brand, then as coding.
  const auto second = std::search(unknown.begin() + static_cast<std::ptrdiff_t>(coding) + 4,
                                  unknown.end(), "avc1", "avc1" + 4);
  REQUIRE(second != unknown.end());
  std::copy_n("zzzz", 4, second);
  CHECK(open_error({.url = save("unknown.mp4", unknown)}).code == Code::unsupported);
}

TEST_CASE("pictures past the limit are refused with their size and the limit") {
  const std::string header = "P5 9000 2 255\n";  // A portable grey map, FFmpeg reads it as video.
  Bytes wide(header.begin(), header.end());
  wide.resize(wide.size() + 18'000, 128);
  const Error error = open_error({.url = save("wide.pgm", wide)});
  CHECK(error.code == Code::over_limit);
  CHECK(error.message.find("9000x2") != std::string::npos);
  CHECK(error.message.find("8192") != std::string::npos);
}

TEST_CASE("a video cut off in the middle gives what it has and says what is lost") {
  BufferPool pool(pool_bytes);
  const Bytes whole = load(make_clip("cut_base.mp4"));
  const auto units = units_of(whole);
  Bytes cut = whole;
  cut.resize(units.at(31).first + units.at(31).second / 2);
  auto source = open({.url = save("cut.mp4", cut)}, pool);
  const Played played = play(*source);
  REQUIRE(!played.errors.empty());
  CHECK(played.errors.back().code == Code::corrupt);
  CHECK(played.errors.back().message.find("truncated") != std::string::npos);
  CHECK(played.frames.size() >= 29);
  CHECK(played.frames.size() <= 31);
  CHECK(source->counters().frames_read + source->counters().frames_corrupt == 50);
}

TEST_CASE("damage in the middle costs its frames, is counted, and the stream goes on") {
  BufferPool pool(pool_bytes);
  for (const int b_frames : {0, 3}) {
    const std::string stem = "damage" + std::to_string(b_frames);
    const std::string path = make_clip(stem + "_base.mp4", {.b_frames = b_frames});
    const Played whole = play(*open({.url = path}, pool));
    Bytes bytes = load(path);
    const auto units = units_of(bytes);
    for (std::size_t unit = 25; unit < 27; ++unit) {  // The header stays, the pixels go.
      const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(units.at(unit).first) + 1;
      std::fill(begin, begin + static_cast<std::ptrdiff_t>(units.at(unit).second) - 1, 0xFF);
    }
    for (const std::string& damaged :
         {save(stem + ".mp4", bytes), save(stem + ".264", annex_b_of(bytes))}) {
      INFO(damaged);
      auto source = open({.url = damaged}, pool);
      const Played played = play(*source);
      REQUIRE(!played.errors.empty());
      for (const Error& error : played.errors) CHECK(error.code == Code::corrupt);
      const auto counters = source->counters();
      CHECK(counters.frames_corrupt >= 2);
      CHECK(counters.frames_read == played.frames.size());
      CHECK(counters.frames_read + counters.frames_corrupt == 50);
      // From the next restart point on every frame has its own number and pixels again.
      std::uint64_t after = 0;
      for (const CapturedFrame& frame : played.frames) {
        if (frame.sequence < 40) continue;
        ++after;
        CHECK(same_pixels(frame.picture, whole.frames.at(frame.sequence).picture));
      }
      CHECK(after == 10);
    }
  }
}

TEST_CASE("a picture size that changes in mid-stream is an error that names both") {
  BufferPool pool(pool_bytes);
  Bytes joined = annex_b_of(load(make_clip("size_a.mp4")));
  const Bytes other = annex_b_of(load(make_clip(
      "size_b.mp4", {.scene = "synthetic:people?frames=10&width=128&height=64&objects=2"})));
  joined.insert(joined.end(), other.begin(), other.end());
  auto source = open({.url = save("size.264", joined)}, pool);
  const Played played = play(*source);
  CHECK(played.frames.size() == 50);
  REQUIRE(played.errors.size() == 1);
  CHECK(played.errors[0].code == Code::unsupported);
  CHECK(played.errors[0].message.find("160x96") != std::string::npos);
  CHECK(played.errors[0].message.find("128x64") != std::string::npos);
  CHECK(source->read().error().code == Code::unsupported);  // Said again.
  REQUIRE(source->seek_to(3).ok());
  CHECK(source->read().ok());
}

// Every look at it costs 20 ms: waiting ends without anybody waiting.
class HastyClock final : public Clock {
 public:
  Instant now() const override {
    now_ += std::chrono::milliseconds(20);
    return now_;
  }
  WallTime wall_now() const override { return WallTime(now_.time_since_epoch()); }

 private:
  mutable Instant now_ = instant_of(0);
};

TEST_CASE("a network source that sends nothing is given up after the timeout") {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  REQUIRE(listener >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  REQUIRE(bind(listener, reinterpret_cast<sockaddr*>(&address), length) == 0);
  REQUIRE(listen(listener, 1) == 0);
  REQUIRE(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  BufferPool pool(0);
  const HastyClock clock;
  const std::string url = "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  auto source = open_source({.url = url, .timeout = std::chrono::milliseconds(200)}, pool, clock);
  close(listener);
  REQUIRE(!source.ok());
  INFO(source.error().describe());
  CHECK(source.error().code == Code::unavailable);
  CHECK(source.error().message.find("200 ms") != std::string::npos);
}

TEST_CASE("the example street video has 795 frames at 10 a second, and seeks exactly") {
  const std::string path = "/usr/share/doc/opencv-doc/examples/data/vtest.avi";
  if (!std::filesystem::exists(path)) {
    WARN("SKIPPED: no " << path << " (package opencv-doc)");
    return;
  }
  BufferPool pool(pool_bytes);
  const PixelWindow window{0, 0, 384, 288};
  auto source = open({.url = path, .window = window}, pool);
  CHECK(source->info().frame_count == 795u);
  CHECK(source->info().frames_per_second == Approx(10));
  std::vector<CapturedFrame> kept;
  std::uint64_t count = 0;
  for (;; ++count) {
    auto frame = source->read();
    if (!frame) FAIL(frame.error().describe());
    if (!*frame) break;
    REQUIRE((*frame)->sequence == count);
    REQUIRE((*frame)->media_time == std::chrono::milliseconds(100 * count));
    if (count % 97 == 50) kept.push_back(**frame);
  }
  CHECK(count == 795);
  for (auto expected = kept.rbegin(); expected != kept.rend(); ++expected) {
    REQUIRE(source->seek_to(expected->sequence).ok());
    auto frame = source->read();
    REQUIRE(frame.ok());
    CHECK((*frame)->sequence == expected->sequence);
    CHECK(same_pixels((*frame)->picture, expected->picture));
  }
}

}  // namespace
}  // namespace omma
