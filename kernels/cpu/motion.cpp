#include "kernels/motion.hpp"

#include <cassert>
#include <cstdlib>

namespace omma::kernels {
namespace {

constexpr std::uint32_t state_magic = 0x31544F4D;  // "MOT1"
constexpr std::size_t header_bytes = 12;
constexpr std::uint32_t side_max = 8192;  // The largest frame; also keeps the product in range.

void put(std::vector<std::byte>& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<std::byte>((value >> (8 * i)) & 0xFFU));
}

std::uint32_t get(std::span<const std::byte> in, std::size_t at, int bytes) {
  std::uint32_t value = 0;
  for (int i = bytes - 1; i >= 0; --i) {
    value = value << 8 | std::to_integer<std::uint32_t>(in[at + static_cast<std::size_t>(i)]);
  }
  return value;
}

}  // namespace

float MotionDetector::update(ImageView gray) {
  assert(gray.channels == 1 && gray.width > 0 && gray.height > 0);
  const bool known = gray.width == width_ && gray.height == height_;
  if (!known) {
    width_ = gray.width;
    height_ = gray.height;
    background_.resize(static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_));
  }
  std::size_t changed = 0;
  std::uint16_t* background = background_.data();
  const int divisor = 1 << options_.adaptation_shift;
  for (int y = 0; y < height_; ++y, background += width_) {
    const std::uint8_t* row = gray.row(y);
    for (int x = 0; x < width_; ++x) {
      const int level = row[x] * 256;
      if (!known) {
        background[x] = static_cast<std::uint16_t>(level);
        continue;
      }
      const int difference = level - background[x];
      changed += std::abs(difference) >= options_.difference_min * 256 ? 1U : 0U;
      background[x] = static_cast<std::uint16_t>(background[x] + difference / divisor);
    }
  }
  if (!known) return 1.0F;
  return static_cast<float>(changed) / static_cast<float>(background_.size());
}

std::vector<std::byte> MotionDetector::save() const {
  std::vector<std::byte> out;
  out.reserve(header_bytes + 2 * background_.size());
  put(out, state_magic, 4);
  put(out, static_cast<std::uint32_t>(width_), 4);
  put(out, static_cast<std::uint32_t>(height_), 4);
  for (const std::uint16_t level : background_) put(out, level, 2);
  return out;
}

bool MotionDetector::restore(std::span<const std::byte> bytes) {
  if (bytes.size() < header_bytes || get(bytes, 0, 4) != state_magic) return false;
  const std::uint32_t width = get(bytes, 4, 4);
  const std::uint32_t height = get(bytes, 8, 4);
  if (width > side_max || height > side_max) return false;
  const std::size_t pixels = static_cast<std::size_t>(width) * height;
  if (bytes.size() != header_bytes + 2 * pixels) return false;
  width_ = static_cast<int>(width);
  height_ = static_cast<int>(height);
  background_.resize(pixels);
  for (std::size_t i = 0; i < pixels; ++i) {
    background_[i] = static_cast<std::uint16_t>(get(bytes, header_bytes + 2 * i, 2));
  }
  return true;
}

}  // namespace omma::kernels
