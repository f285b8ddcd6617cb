#include "runtime/model/tensor_memory.hpp"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <vector>

#include "runtime/base/check.hpp"
#include "runtime/base/limits.hpp"

namespace omma {
namespace {

constexpr std::size_t alignment_bytes = 64;
// Below this malloc itself keeps the memory.
constexpr std::size_t large_bytes_min = std::size_t{64} << 10;

// Lies before each block's first byte.
struct alignas(alignment_bytes) Header {
  std::size_t block_bytes = 0;  // Without the header.
};

// Rounded up in eighths of a power of two, so that blocks of nearly the same size serve each other
// and at most an eighth is wasted.
std::size_t size_class(std::size_t bytes) {
  const std::size_t step = std::max(std::bit_floor(bytes) / 8, alignment_bytes);
  return (bytes + step - 1) / step * step;
}

class Shelf {
 public:
  // Null when the system has no memory.
  void* take(std::size_t bytes) {
    const std::size_t block_bytes = size_class(bytes);
    if (block_bytes >= large_bytes_min) {
      if (Header* kept = take_kept(block_bytes)) return kept + 1;
    }
    void* memory = std::aligned_alloc(alignment_bytes, sizeof(Header) + block_bytes);
    if (!memory) return nullptr;
    if (block_bytes >= large_bytes_min) {
      const std::lock_guard lock(mutex_);
      stats_.bytes_in_use += block_bytes;
      ++stats_.blocks_made;
    }
    return new (memory) Header{block_bytes} + 1;
  }

  void give_back(void* block) {
    if (!block) return;
    Header* header = static_cast<Header*>(block) - 1;
    const std::size_t block_bytes = header->block_bytes;
    if (block_bytes >= large_bytes_min) {
      const std::lock_guard lock(mutex_);
      stats_.bytes_in_use -= block_bytes;
      if (stats_.bytes_idle + block_bytes <= limits::tensor_idle_bytes_max) {
        idle_[block_bytes].push_back(header);
        stats_.bytes_idle += block_bytes;
        return;
      }
    }
    std::free(header);
  }

  TensorMemoryStats stats() {
    const std::lock_guard lock(mutex_);
    return stats_;
  }

 private:
  // The smallest idle block that holds the bytes and is not more than twice as large: exact sizes
  // alone would keep a third more memory (measured), since each layer has its own.
  Header* take_kept(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    const auto kept = idle_.lower_bound(bytes);
    if (kept == idle_.end() || kept->first > 2 * bytes) return nullptr;
    Header* header = kept->second.back();
    kept->second.pop_back();
    stats_.bytes_idle -= header->block_bytes;
    stats_.bytes_in_use += header->block_bytes;
    ++stats_.blocks_reused;
    if (kept->second.empty()) idle_.erase(kept);
    return header;
  }

  std::mutex mutex_;
  std::map<std::size_t, std::vector<Header*>> idle_;  // By block size; no empty entries.
  TensorMemoryStats stats_;
};

// Never destroyed: tensors in static variables are freed after main.
Shelf& shelf() {
  static Shelf& the_shelf = *new Shelf;
  return the_shelf;
}

void release(void* block) {
  shelf().give_back(block);
}

// LibTorch 1.13 declares allocate() const; newer versions declare it without const, and copy_data()
// beside it. Both forms are here, each overrides where it is known.
class KeepingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) const { return data_of(bytes); }
  c10::DataPtr allocate(std::size_t bytes) { return data_of(bytes); }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, std::size_t bytes) const {
    std::memcpy(to, from, bytes);
  }

 private:
  static c10::DataPtr data_of(std::size_t bytes) {
    void* block = bytes == 0 ? nullptr : shelf().take(bytes);
    TORCH_CHECK(bytes == 0 || block, "no memory for a tensor of ", bytes, " bytes");
    return {block, block, &release, c10::Device(c10::DeviceType::CPU)};
  }
};

}  // namespace

void prepare_allocator() {
  static const bool installed = [] {
    c10::SetCPUAllocator(new KeepingAllocator);  // LibTorch keeps the pointer for ever.
    return true;
  }();
  OMMA_CHECK(installed, installed);
}

TensorMemoryStats tensor_memory_stats() {
  return shelf().stats();
}

}  // namespace omma
