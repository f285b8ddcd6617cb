// Payload bytes (pixels, tensors, coded video, weights) in pooled memory. Two types keep owner and
// view apart: a Buffer is written by its one owner, a Blob is shared and never changes again.
//
// A pool keeps the pages of released buffers, since mapping and unmapping a frame costs more than
// filling it (measured: batches 2.5 times slower). Thread-safe; a Blob may outlive its pool.
#pragma once

#include "runtime/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace omma {

class BufferPool;

// Immutable, reference-counted bytes, at least 64-byte aligned. Copying shares.
class Blob {
 public:
  Blob() = default;
  // Copies; for small things and tests.
  static Blob copy_of(std::span<const std::byte> bytes);
  // Shares memory that somebody else owns and that never changes while `owner` lives.
  static Blob wrap(std::shared_ptr<const void> owner, std::span<const std::byte> bytes);

  std::span<const std::byte> bytes() const { return bytes_; }
  const std::uint8_t* data() const { return reinterpret_cast<const std::uint8_t*>(bytes_.data()); }
  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  // A part of it that keeps the whole alive.
  Blob part(std::size_t offset, std::size_t size) const;

 private:
  std::shared_ptr<const void> owner_;
  std::span<const std::byte> bytes_;
};

// Writable bytes with one owner; share() ends the writing. Contents start undefined.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&&) = default;
  Buffer& operator=(Buffer&&) = default;

  std::span<std::byte> bytes() { return bytes_; }
  std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(bytes_.data()); }
  std::size_t size() const { return bytes_.size(); }
  Blob share() &&;

 private:
  friend class BufferPool;
  std::shared_ptr<std::byte> owner_;
  std::span<std::byte> bytes_;
};

// Where a pool's large buffers come from, if not from the heap. Thread-safe.
class BlockSource {
 public:
  virtual ~BlockSource() = default;
  // At least 64-byte aligned; nullptr when it has no room, and the heap has to do.
  virtual std::byte* allocate(std::size_t size_bytes) = 0;
  virtual void release(std::byte* memory) = 0;
};

// Hands out buffers by size class and takes their pages back when the last Blob goes.
class BufferPool {
 public:
  struct Stats {
    std::uint64_t buffers_made = 0;    // Fresh allocations.
    std::uint64_t buffers_reused = 0;  // Served from kept pages.
    std::uint64_t buffers_of_source = 0;
    std::size_t bytes_kept = 0;  // Idle in the pool now.
  };

  // Keeps at most this many idle bytes; what is released beyond goes back to the system.
  // Buffers of limits::arena_payload_bytes_min and more are taken from `large`, if there is one and
  // it has room; that one keeps its own pages.
  explicit BufferPool(std::size_t kept_bytes_max, std::shared_ptr<BlockSource> large = nullptr);
  ~BufferPool();

  // over_limit past limits::payload_bytes_max, before anything is allocated.
  Result<Buffer> take(std::size_t size_bytes);
  Stats stats() const;

 private:
  struct Shelf;
  std::shared_ptr<Shelf> shelf_;
  std::shared_ptr<BlockSource> large_;
};

}  // namespace omma
