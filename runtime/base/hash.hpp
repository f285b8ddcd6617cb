// SHA-256 (FIPS 180-4): names content (models, modules) and, cut to 128 bits, names actors.
#pragma once

#include "runtime/base/error.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
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

// Of content that comes in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void add(std::span<const std::byte> piece);
  // Of all pieces so far; nothing may be added afterwards.
  ContentHash finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

ContentHash sha256(std::span<const std::byte> bytes);

// FNV-1a over 8-byte words, the last one filled up with zeros: tells damage, not malice.
std::uint64_t checksum64(std::span<const std::byte> bytes);

// Reads the file in pieces; not_found or unavailable when it cannot be read.
Result<ContentHash> sha256_of_file(const std::filesystem::path& path);

}  // namespace omma
