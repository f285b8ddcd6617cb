// PeerArena: a peer's SharedArena, mapped read-only. What a packet says of it is checked before it
// is used: it lies within the sealed size, and its loan's number is a new one.
//
// The bytes of a Blob that is borrowed stand still as long as the peer keeps its word, and only
// then. For pixels and tensors a peer that does not can only spoil its own picture. What somebody
// parses, hashes or checks before use must not be borrowed; so structs never are, nor is anything
// of requests (snapshots, checkpoints, models).
//
// Thread-safe. Lives as long as a Blob of it, also when the connection and the peer are gone.
#pragma once

#include <kj/io.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "runtime/base/blob.hpp"
#include "runtime/base/error.hpp"
#include "runtime/link/shared_arena.hpp"

namespace omma {

class PeerArena : public std::enable_shared_from_this<PeerArena> {
 public:
  // As in SharedArena::Offer. corrupt when the descriptors are not what they should be, over_limit
  // past limits::arena_bytes_max.
  static Result<std::shared_ptr<PeerArena>> map(kj::AutoCloseFd memory, kj::AutoCloseFd give_back);
  ~PeerArena();
  PeerArena(const PeerArena&) = delete;
  PeerArena& operator=(const PeerArena&) = delete;

  // corrupt when there is no such place, or the number is not above all before it.
  Result<Blob> borrow(const ArenaLoan& loan);

 private:
  PeerArena(kj::AutoCloseFd give_back, const std::byte* begin, std::size_t size_bytes);
  void give_back(std::uint64_t number);

  const kj::AutoCloseFd give_back_;
  const std::byte* const begin_;
  const std::size_t size_bytes_;
  std::atomic<std::uint64_t> last_number_{0};
  std::atomic<std::size_t> open_{0};
};

}  // namespace omma
