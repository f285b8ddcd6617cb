// SHA-256 (FIPS 180-4): names content (models, modules) and, cut to 128 bits, names actors.
#pragma once

#include "runtime/base/error.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace omma {

struct ContentHash {
  std::array<std::uint8_t, 32> bytes{};

  friend bool operator==(const ContentHash&, const ContentHash&) = default;
  friend auto operator<=>(const ContentHash&, const ContentHash&) = default;
  // 64 lower-case hexadecimal digits.
  std::string hex() const;
  static Result<ContentHash> from_hex(std::string_view text);
};

ContentHash sha256(std::span<const std::byte> bytes);

// Reads the file in pieces; not_found or unavailable when it cannot be read.
Result<ContentHash> sha256_of_file(const std::filesystem::path& path);

}  // namespace omma
