// SharedArena: memory of this process that peers on the same machine may read, so that a picture
// reaches them without being copied. It is one memfd; a BufferPool takes its large buffers from it,
// and a link lends them: the packet says where the bytes lie, and the peer gives the loan back when
// its last Blob of it goes.
//
//   ours:  Buffer -> Blob --lend--> block with a loan ---------- free when both ends have let go
//   peer:                            maps the memfd read-only -> Blob
//   peer:                            Blob gone: the loan's number into a pipe -> ours
//
// The pipe's other end lives exactly as long as the peer's mapping. Its end, whether the peer has
// let go of its last Blob, or has died, is what takes back all that is still lent: never a time
// limit and never the end of a connection, since a peer that is only slow, or dials again, may
// still read. docs/decisions/0016-pictures-are-lent-not-sent.md has the reasons.
//
// The memfd's size is sealed, so that reading it never faults, and so is writing through any other
// mapping. What a peer may not rely on is that the bytes stand still: see PeerArena.
//
// Thread-safe. Blobs keep it alive; a peer's mapping outlives it.
#pragma once

#include "runtime/base/blob.hpp"
#include "runtime/base/error.hpp"
#include "runtime/link/arena_allocator.hpp"

#include <kj/io.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

namespace omma {

// Bytes of an arena that a peer may read.
struct ArenaLoan {
  std::uint64_t number = 0;
  std::uint64_t offset = 0;
  std::uint64_t size_bytes = 0;
  bool copied = false;  // They did not lie in the arena; the loan is of a copy. Stays here.
};

class SharedArena final : public BlockSource {
 public:
  using BorrowerId = ArenaAllocator::BorrowerId;
  // unsupported where there is no memfd or it cannot be sealed.
  static Result<std::shared_ptr<SharedArena>> create(std::size_t size_bytes);
  ~SharedArena() noexcept override;
  SharedArena(const SharedArena&) = delete;
  SharedArena& operator=(const SharedArena&) = delete;

  // BlockSource
  std::byte* allocate(std::size_t size_bytes) override;
  void release(std::byte* memory) override;

  // What a peer needs to borrow; its descriptors are to be closed here once they were sent.
  struct Offer {
    BorrowerId borrower;
    kj::AutoCloseFd memory;
    kj::AutoCloseFd give_back;
  };
  // overloaded past limits::arena_borrowers_max, unavailable without file descriptors.
  Result<Offer> offer();
  // Lends the bytes from where they lie, or a copy of them of up to limits::arena_copy_bytes_max.
  // overloaded when there is no room or the borrower has enough, unavailable when it has let go,
  // corrupt when it gave back what it did not have.
  Result<ArenaLoan> lend(BorrowerId borrower, const Blob& payload);

  struct Stats {
    ArenaAllocator::Stats blocks;
    std::size_t borrowers = 0;
  };
  // After taking back all that was given back.
  Stats stats();

 private:
  struct Borrower {
    kj::AutoCloseFd given_back;
    bool has_broken_rules = false;
  };

  SharedArena(kj::AutoCloseFd memory, std::byte* begin, std::size_t size_bytes);
  std::optional<std::size_t> allocate_locked(std::size_t size_bytes);
  // Takes back what this borrower gave back; false when it has let go of everything.
  bool collect_locked(BorrowerId id, Borrower& borrower);
  void collect_all_locked();

  const kj::AutoCloseFd memory_;
  std::byte* const begin_;
  std::mutex mutex_;
  ArenaAllocator blocks_;
  std::map<BorrowerId, Borrower> borrowers_;
};

}  // namespace omma
