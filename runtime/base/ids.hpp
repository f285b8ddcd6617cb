// Identities. An ActorId says who, never where; a NodeId says which life of which process.
#pragma once

#include "runtime/base/random.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace omma {

// 128-bit hash of (type name, key). The key is a name ("lobby" of type "camera") or, for a pipeline
// stage, the canonical Cap'n Proto encoding of its configuration: sharing is naming.
struct ActorId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  static ActorId of(std::string_view type, std::string_view key);
  static ActorId of(std::string_view type, std::span<const std::byte> canonical_config);

  bool is_null() const { return high == 0 && low == 0; }
  // 32 lower-case hexadecimal digits; short_text() is the first 8.
  std::string text() const;
  std::string short_text() const;

  friend bool operator==(const ActorId&, const ActorId&) = default;
  friend auto operator<=>(const ActorId&, const ActorId&) = default;
};

// Random per process start: a restarted node with the same name and address is another node.
struct Incarnation {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  static Incarnation draw(Random& random) { return {random.next() | 1, random.next()}; }
  bool is_null() const { return high == 0 && low == 0; }
  std::string text() const;

  friend bool operator==(const Incarnation&, const Incarnation&) = default;
  friend auto operator<=>(const Incarnation&, const Incarnation&) = default;
};

struct NodeId {
  std::string name;
  Incarnation incarnation;
  std::uint64_t epoch = 0;  // Issued by the directory when the node registers; grows per name.

  friend bool operator==(const NodeId&, const NodeId&) = default;
  friend auto operator<=>(const NodeId&, const NodeId&) = default;
};

}  // namespace omma

template <>
struct std::hash<omma::ActorId> {
  std::size_t operator()(const omma::ActorId& id) const noexcept {
    return static_cast<std::size_t>(id.low ^ (id.high * 0x9e3779b97f4a7c15u));
  }
};
