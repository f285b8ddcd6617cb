#include "runtime/link/shared_arena.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <string>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/limits.hpp"

namespace omma {
namespace {

// What a Blob promises.
constexpr std::size_t alignment_bytes = 64;

Error system_error(Code code, const std::string& what) {
  return {code, what + ": " + std::strerror(errno)};
}

}  // namespace

Result<std::shared_ptr<SharedArena>> SharedArena::create(std::size_t size_bytes) {
  OMMA_CHECK(size_bytes <= limits::arena_bytes_max, size_bytes, limits::arena_bytes_max);
  kj::AutoCloseFd memory(::memfd_create("omma-arena", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (memory.get() < 0) return system_error(Code::unsupported, "no memory to share: memfd_create");
  if (::ftruncate(memory.get(), static_cast<off_t>(size_bytes)) != 0) {
    return system_error(Code::unavailable,
                        "no memory to share: " + std::to_string(size_bytes) + " bytes");
  }
  void* begin = ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
  if (begin == MAP_FAILED) return system_error(Code::unavailable, "no memory to share: mmap");
  auto arena = std::shared_ptr<SharedArena>(
      new SharedArena(kj::mv(memory), static_cast<std::byte*>(begin), size_bytes));
  // Our own mapping, made before, is the only one that may write.
  constexpr int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
  if (::fcntl(arena->memory_.get(), F_ADD_SEALS, seals) != 0) {
    return system_error(Code::unsupported, "no memory to share: it cannot be sealed");
  }
  return arena;
}

SharedArena::SharedArena(kj::AutoCloseFd memory, std::byte* begin, std::size_t size_bytes)
    : memory_(kj::mv(memory)),
      begin_(begin),
      blocks_(size_bytes, {limits::arena_loans_max, limits::arena_lent_bytes_max}) {}

SharedArena::~SharedArena() noexcept {
  ::munmap(begin_, blocks_.size_bytes());
}

std::byte* SharedArena::allocate(std::size_t size_bytes) {
  std::lock_guard lock(mutex_);
  const auto offset = allocate_locked(size_bytes);
  return offset ? begin_ + *offset : nullptr;
}

std::optional<std::size_t> SharedArena::allocate_locked(std::size_t size_bytes) {
  auto offset = blocks_.allocate(size_bytes);
  if (offset) return offset;
  collect_all_locked();
  return blocks_.allocate(size_bytes);
}

void SharedArena::release(std::byte* memory) {
  std::lock_guard lock(mutex_);
  blocks_.release(static_cast<std::size_t>(memory - begin_));
}

Result<SharedArena::Offer> SharedArena::offer() {
  std::lock_guard lock(mutex_);
  collect_all_locked();
  if (borrowers_.size() >= limits::arena_borrowers_max) {
    return Error{Code::overloaded, std::to_string(borrowers_.size()) +
                                       " peers share this node's memory, limit " +
                                       std::to_string(limits::arena_borrowers_max)};
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    return system_error(Code::unavailable, "cannot share memory: pipe");
  }
  kj::AutoCloseFd ours(ends[0]);
  kj::AutoCloseFd theirs(ends[1]);
  kj::AutoCloseFd memory(::fcntl(memory_.get(), F_DUPFD_CLOEXEC, 0));
  if (memory.get() < 0) return system_error(Code::unavailable, "cannot share memory: dup");
  const BorrowerId id = blocks_.add_borrower();
  borrowers_.emplace(id, Borrower{kj::mv(ours), false});
  return Offer{id, kj::mv(memory), kj::mv(theirs)};
}

Result<ArenaLoan> SharedArena::lend(BorrowerId borrower, const Blob& payload) {
  const std::byte* const bytes = payload.bytes().data();
  const bool inside = bytes >= begin_ && bytes < begin_ + blocks_.size_bytes() &&
                      reinterpret_cast<std::uintptr_t>(bytes) % alignment_bytes == 0;
  if (!inside && payload.size() > limits::arena_copy_bytes_max) {
    return Error{Code::overloaded, "payload of " + std::to_string(payload.size()) +
                                       " bytes outside the arena, limit " +
                                       std::to_string(limits::arena_copy_bytes_max)};
  }
  std::unique_lock lock(mutex_);
  auto found = borrowers_.find(borrower);
  if (found == borrowers_.end() || !collect_locked(borrower, found->second)) {
    if (found != borrowers_.end()) borrowers_.erase(found);
    return Error{Code::unavailable, "the peer no longer maps this node's memory"};
  }
  if (found->second.has_broken_rules) {
    return Error{Code::corrupt, "the peer gave back memory that it had not borrowed"};
  }
  const auto offset =
      inside ? static_cast<std::size_t>(bytes - begin_) : allocate_locked(payload.size());
  if (!offset) return Error{Code::overloaded, "no room in the memory that is shared"};
  const auto number = blocks_.lend(borrower, *offset, payload.size());
  if (!number) {
    if (!inside) blocks_.release(*offset);
    return Error{Code::overloaded, "the peer has borrowed as much as one may"};
  }
  const ArenaLoan loan{*number, *offset, payload.size(), !inside};
  if (inside) return loan;
  lock.unlock();
  std::memcpy(begin_ + *offset, bytes, payload.size());
  lock.lock();
  blocks_.release(*offset);
  return loan;
}

bool SharedArena::collect_locked(BorrowerId id, Borrower& borrower) {
  std::array<std::uint64_t, 512> numbers;
  for (;;) {
    const auto got = ::read(borrower.given_back.get(), numbers.data(), sizeof numbers);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return true;
    if (got <= 0) {
      blocks_.reclaim(id);
      return false;
    }
    // Whole numbers are written at once; a part of one is none of ours.
    const auto whole = static_cast<std::size_t>(got) / sizeof(std::uint64_t);
    borrower.has_broken_rules |= static_cast<std::size_t>(got) % sizeof(std::uint64_t) != 0;
    for (std::size_t i = 0; i < whole && !borrower.has_broken_rules; ++i) {
      borrower.has_broken_rules = !blocks_.give_back(id, numbers[i]);
    }
  }
}

void SharedArena::collect_all_locked() {
  for (auto next = borrowers_.begin(); next != borrowers_.end();) {
    const bool holds = collect_locked(next->first, next->second);
    next = holds ? std::next(next) : borrowers_.erase(next);
  }
}

SharedArena::Stats SharedArena::stats() {
  std::lock_guard lock(mutex_);
  collect_all_locked();
  return {blocks_.stats(), borrowers_.size()};
}

}  // namespace omma
