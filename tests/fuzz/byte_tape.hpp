// ByteTape: the bytes of a fuzzing input as a run of decisions. At its end it gives zeros.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace omma::fuzz {

class ByteTape {
 public:
  ByteTape(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}

  bool empty() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const std::uint8_t value = rest_.front();
    rest_ = rest_.subspan(1);
    return value;
  }
  // Below `end`.
  unsigned below(unsigned end) { return byte() % end; }
  std::uint64_t word() {
    std::uint64_t value = 0;
    const std::size_t size = std::min(rest_.size(), sizeof value);
    if (size > 0) std::memcpy(&value, rest_.data(), size);
    rest_ = rest_.subspan(size);
    return value;
  }
  // Mostly small, as numbers in a protocol are; sometimes anything.
  std::uint64_t number() {
    const std::uint8_t first = byte();
    return first < 250 ? first : word();
  }
  // Up to so many bytes.
  std::span<const std::uint8_t> bytes(std::size_t size) {
    const auto taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

 private:
  std::span<const std::uint8_t> rest_;
};

}  // namespace omma::fuzz
