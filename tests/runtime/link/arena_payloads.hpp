// Arenas for tests, and payloads that can be told apart byte by byte.
#pragma once

#include <catch2/catch.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "runtime/link/shared_arena.hpp"

namespace omma::test {

inline constexpr std::size_t megabyte = std::size_t{1} << 20;

inline std::shared_ptr<SharedArena> arena_of(std::size_t size_bytes) {
  auto arena = SharedArena::create(size_bytes);
  if (!arena) FAIL(arena.error().describe());
  return *arena;
}

// Bytes that differ along the way and from those of another seed.
inline Blob pattern(BufferPool& pool, std::size_t size, std::uint64_t seed) {
  auto buffer = pool.take(size);
  REQUIRE(buffer.ok());
  for (std::size_t i = 0; i < size; ++i) {
    buffer->data()[i] = static_cast<std::uint8_t>((i >> 8) * 31 + i + seed * 7);
  }
  return std::move(*buffer).share();
}
inline bool has_pattern(const Blob& blob, std::size_t size, std::uint64_t seed) {
  if (blob.size() != size) return false;
  for (std::size_t i = 0; i < size; ++i) {
    if (blob.data()[i] != static_cast<std::uint8_t>((i >> 8) * 31 + i + seed * 7)) return false;
  }
  return true;
}

}  // namespace omma::test
