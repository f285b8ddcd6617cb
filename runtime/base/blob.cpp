#include "runtime/base/blob.hpp"

#include <bit>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#include "runtime/base/check.hpp"
#include "runtime/base/limits.hpp"

namespace omma {
namespace {

constexpr std::size_t alignment_bytes = 64;

// Four classes an octave: at most a quarter of a buffer is waste.
std::size_t class_size(std::size_t size) {
  if (size <= 256) return 256;
  const std::size_t step = std::bit_floor(size - 1) / 4;
  return (size + step - 1) / step * step;
}

std::byte* allocate(std::size_t size) {
  return static_cast<std::byte*>(::operator new (size, std::align_val_t{alignment_bytes}));
}

void release(std::byte* memory) {
  ::operator delete (memory, std::align_val_t{alignment_bytes});
}

}  // namespace

Blob Blob::copy_of(std::span<const std::byte> bytes) {
  if (bytes.empty()) return {};
  std::shared_ptr<std::byte> owner(allocate(bytes.size()), release);
  std::memcpy(owner.get(), bytes.data(), bytes.size());
  Blob blob;
  blob.bytes_ = {owner.get(), bytes.size()};
  blob.owner_ = std::move(owner);
  return blob;
}

Blob Blob::wrap(std::shared_ptr<const void> owner, std::span<const std::byte> bytes) {
  Blob blob;
  blob.owner_ = std::move(owner);
  blob.bytes_ = bytes;
  return blob;
}

Blob Blob::part(std::size_t offset, std::size_t size) const {
  OMMA_CHECK(offset <= bytes_.size() && size <= bytes_.size() - offset, offset, size,
             bytes_.size());
  return wrap(owner_, bytes_.subspan(offset, size));
}

Blob Buffer::share() && {
  const std::span<const std::byte> bytes = bytes_;
  bytes_ = {};
  return Blob::wrap(std::move(owner_), bytes);
}

struct BufferPool::Shelf {
  explicit Shelf(std::size_t max) : kept_bytes_max(max) {}
  ~Shelf() {
    for (auto& [size, list] : idle) {
      for (std::byte* memory : list) release(memory);
    }
  }

  void give_back(std::byte* memory, std::size_t size) {
    {
      std::lock_guard lock(mutex);
      if (stats.bytes_kept + size <= kept_bytes_max) {
        idle[size].push_back(memory);
        stats.bytes_kept += size;
        return;
      }
    }
    release(memory);
  }

  const std::size_t kept_bytes_max;
  std::mutex mutex;
  std::map<std::size_t, std::vector<std::byte*>> idle;  // By class size.
  Stats stats;
};

BufferPool::BufferPool(std::size_t kept_bytes_max, std::shared_ptr<BlockSource> large)
    : shelf_(std::make_shared<Shelf>(kept_bytes_max)), large_(std::move(large)) {}

BufferPool::~BufferPool() = default;

Result<Buffer> BufferPool::take(std::size_t size_bytes) {
  if (size_bytes > limits::payload_bytes_max) {
    return Error{Code::over_limit, "buffer of " + std::to_string(size_bytes) + " bytes, limit " +
                                       std::to_string(limits::payload_bytes_max)};
  }
  if (large_ != nullptr && size_bytes >= limits::arena_payload_bytes_min) {
    if (std::byte* block = large_->allocate(size_bytes)) {
      Buffer buffer;
      buffer.owner_ = std::shared_ptr<std::byte>(
          block, [source = large_](std::byte* p) { source->release(p); });
      buffer.bytes_ = {block, size_bytes};
      std::lock_guard lock(shelf_->mutex);
      ++shelf_->stats.buffers_of_source;
      return buffer;
    }
  }
  const std::size_t size = class_size(size_bytes);
  std::byte* memory = nullptr;
  {
    std::lock_guard lock(shelf_->mutex);
    auto& list = shelf_->idle[size];
    if (!list.empty()) {
      memory = list.back();
      list.pop_back();
      shelf_->stats.bytes_kept -= size;
      ++shelf_->stats.buffers_reused;
    } else {
      ++shelf_->stats.buffers_made;
    }
  }
  if (memory == nullptr) memory = allocate(size);
  Buffer buffer;
  buffer.owner_ = std::shared_ptr<std::byte>(
      memory, [shelf = shelf_, size](std::byte* p) { shelf->give_back(p, size); });
  buffer.bytes_ = {memory, size_bytes};
  return buffer;
}

BufferPool::Stats BufferPool::stats() const {
  std::lock_guard lock(shelf_->mutex);
  return shelf_->stats;
}

}  // namespace omma
