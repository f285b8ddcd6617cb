// The memory of LibTorch's CPU tensors: large blocks are kept when they are released and handed out
// again, since each layer of a network frees what the next one needs.
//
// malloc gives large blocks back to the system, which then zeroes their pages anew. Telling it not
// to (mallopt's M_MMAP_THRESHOLD and M_TRIM_THRESHOLD) helps the main thread alone: other threads
// have arenas of at most 64 MiB, and one arena for all makes every message's allocation queue for
// it. Measured on person-vehicle-bike-detection-2002 at batch 8, CPU time a frame on a worker
// thread of a busy two-core machine: plain malloc 109 ms, mallopt 90 to 97 ms, kept blocks 50 ms.
//
// Thread-safe; lives as long as the process, as tensors may.
#pragma once

#include <cstddef>

namespace omma {

struct TensorMemoryStats {
  std::size_t bytes_in_use = 0;  // In large blocks.
  std::size_t bytes_idle = 0;    // Kept; at most limits::tensor_idle_bytes_max.
  std::size_t blocks_made = 0;
  std::size_t blocks_reused = 0;
};

// Makes LibTorch allocate here; to be called before the process's first tensor. Network::load calls
// it too, further calls do nothing.
void prepare_allocator();

TensorMemoryStats tensor_memory_stats();

}  // namespace omma
