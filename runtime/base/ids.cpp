#include "runtime/base/ids.hpp"

#include <cstdio>
#include <vector>

#include "runtime/base/hash.hpp"

namespace omma {
namespace {

std::string hex_of(std::uint64_t high, std::uint64_t low) {
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(high),
                static_cast<unsigned long long>(low));
  return text;
}

std::uint64_t big_endian(const std::uint8_t* bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = (value << 8) | bytes[i];
  return value;
}

}  // namespace

ActorId ActorId::of(std::string_view type, std::span<const std::byte> canonical_config) {
  // The zero byte keeps ("ab", "c") and ("a", "bc") apart; a type name holds none.
  std::vector<std::byte> joined;
  joined.reserve(type.size() + 1 + canonical_config.size());
  for (char c : type) joined.push_back(static_cast<std::byte>(c));
  joined.push_back(std::byte{0});
  joined.insert(joined.end(), canonical_config.begin(), canonical_config.end());
  const ContentHash hash = sha256(joined);
  return {big_endian(hash.bytes.data()), big_endian(hash.bytes.data() + 8)};
}

ActorId ActorId::of(std::string_view type, std::string_view key) {
  return of(type, std::as_bytes(std::span(key.data(), key.size())));
}

std::string ActorId::text() const {
  return hex_of(high, low);
}
std::string ActorId::short_text() const {
  return text().substr(0, 8);
}
std::string Incarnation::text() const {
  return hex_of(high, low);
}

}  // namespace omma
