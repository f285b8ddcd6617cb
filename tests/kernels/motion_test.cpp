#include "kernels/motion.hpp"

#include <catch2/catch.hpp>
#include <cstddef>
#include <random>
#include <vector>

namespace omma::kernels {
namespace {

constexpr int width = 40;
constexpr int height = 30;
using Pixels = std::vector<std::uint8_t>;

ImageView view(const Pixels& pixels) {
  return dense_view(pixels.data(), width, height, 1);
}

// A level picture with a square of another level, 10 x 10 at column x.
Pixels scene(std::uint8_t level, int x, std::uint8_t square) {
  Pixels pixels(width * height, level);
  for (int v = 5; v < 15; ++v) {
    for (int u = x; u < x + 10; ++u) pixels[static_cast<std::size_t>(v * width + u)] = square;
  }
  return pixels;
}

TEST_CASE("the first picture is all news and the same picture again is none") {
  MotionDetector motion;
  CHECK(motion.update(view(scene(90, 0, 200))) == 1.0F);
  CHECK(motion.update(view(scene(90, 0, 200))) == 0.0F);
}

TEST_CASE("the share is that of the pixels that changed") {
  MotionDetector motion;
  motion.update(view(scene(90, 0, 90)));
  CHECK(motion.update(view(scene(90, 0, 200))) == Approx(100.0 / (width * height)));
}

TEST_CASE("a difference below the threshold is noise, at the threshold it is motion") {
  MotionDetector motion({.difference_min = 16});
  motion.update(view(scene(90, 0, 90)));
  CHECK(motion.update(view(scene(90, 0, 105))) == 0.0F);
  MotionDetector again({.difference_min = 16});
  again.update(view(scene(90, 0, 90)));
  CHECK(again.update(view(scene(90, 0, 106))) > 0.0F);
  MotionDetector darker({.difference_min = 16});
  darker.update(view(scene(90, 0, 90)));
  CHECK(darker.update(view(scene(90, 0, 74))) > 0.0F);
}

TEST_CASE("what stays fades into the background, and light that falls slowly is no motion") {
  MotionDetector motion;
  motion.update(view(scene(90, 0, 90)));
  int pictures = 0;
  while (motion.update(view(scene(90, 0, 200))) > 0 && pictures < 200) ++pictures;
  CHECK(pictures > 10);
  CHECK(pictures < 60);
  MotionDetector evening;
  evening.update(view(Pixels(width * height, 200)));
  for (int half_level = 400; half_level > 120; --half_level) {
    const Pixels darker(width * height, static_cast<std::uint8_t>(half_level / 2));
    REQUIRE(evening.update(view(darker)) == 0);
  }
}

TEST_CASE("a picture of another size starts anew") {
  MotionDetector motion;
  const Pixels pixels(width * height, 50);
  motion.update(view(pixels));
  CHECK(motion.update(dense_view(pixels.data(), width, height / 2, 1)) == 1.0F);
  CHECK(motion.update(dense_view(pixels.data(), width, height / 2, 1)) == 0.0F);
}

TEST_CASE("a detector restored from bytes goes on as the one that was saved") {
  std::mt19937 random(4);
  MotionDetector motion;
  for (int i = 0; i < 5; ++i) {
    motion.update(view(scene(static_cast<std::uint8_t>(random() % 60), i, 200)));
  }
  MotionDetector copy;
  REQUIRE(copy.restore(motion.save()));
  for (int i = 0; i < 20; ++i) {
    const Pixels next = scene(static_cast<std::uint8_t>(random() % 60), i, 180);
    REQUIRE(copy.update(view(next)) == motion.update(view(next)));
  }
  CHECK(copy.save() == motion.save());
}

TEST_CASE("bytes that are no saved state are refused and change nothing") {
  MotionDetector motion;
  motion.update(view(scene(90, 0, 200)));
  const std::vector<std::byte> good = motion.save();
  CHECK(good.size() == 12 + 2 * width * height);
  std::vector<std::byte> bad = good;
  bad.pop_back();
  CHECK_FALSE(motion.restore(bad));
  CHECK_FALSE(motion.restore({}));
  bad = good;
  bad[0] = std::byte{0};
  CHECK_FALSE(motion.restore(bad));
  bad = good;
  // 3038845399 x 3035156721 pixels of 2 bytes are 2^64 + 1742 bytes: they seem to fit.
  const std::vector<unsigned> sizes{0xD7, 0x19, 0x21, 0xB5, 0xF1, 0xD0, 0xE8, 0xB4};
  for (std::size_t i = 0; i < 8; ++i) bad[4 + i] = static_cast<std::byte>(sizes[i]);
  bad.resize(12 + 1742);
  CHECK_FALSE(motion.restore(bad));
  CHECK(motion.save() == good);
}

}  // namespace
}  // namespace omma::kernels
