#include "runtime/link/peer_arena.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "runtime/base/limits.hpp"

namespace omma {
namespace {

constexpr std::size_t alignment_bytes = 64;

Error not_an_arena(const std::string& why) {
  return {Code::corrupt, "memory that a peer shares: " + why};
}

}  // namespace

Result<std::shared_ptr<PeerArena>> PeerArena::map(kj::AutoCloseFd memory,
                                                  kj::AutoCloseFd give_back) {
  // Unsealed, it could shrink, and reading it would be a SIGBUS.
  const int seals = ::fcntl(memory.get(), F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) return not_an_arena("its size is not sealed");
  struct stat status {};
  if (::fstat(memory.get(), &status) != 0 || status.st_size <= 0) return not_an_arena("no size");
  const auto size_bytes = static_cast<std::size_t>(status.st_size);
  if (size_bytes > limits::arena_bytes_max) {
    return Error{Code::over_limit, "memory that a peer shares: " + std::to_string(size_bytes) +
                                       " bytes, limit " + std::to_string(limits::arena_bytes_max)};
  }
  struct stat pipe {};
  const int flags = ::fcntl(give_back.get(), F_GETFL);
  if (::fstat(give_back.get(), &pipe) != 0 || !S_ISFIFO(pipe.st_mode) || flags < 0 ||
      (flags & O_NONBLOCK) == 0) {
    return not_an_arena("no pipe to give it back through");
  }
  void* begin = ::mmap(nullptr, size_bytes, PROT_READ, MAP_SHARED, memory.get(), 0);
  if (begin == MAP_FAILED) {
    return Error{Code::unavailable,
                 std::string("memory that a peer shares: mmap: ") + std::strerror(errno)};
  }
  return std::shared_ptr<PeerArena>(
      new PeerArena(kj::mv(give_back), static_cast<const std::byte*>(begin), size_bytes));
}

PeerArena::PeerArena(kj::AutoCloseFd give_back, const std::byte* begin, std::size_t size_bytes)
    : give_back_(kj::mv(give_back)), begin_(begin), size_bytes_(size_bytes) {}

PeerArena::~PeerArena() {
  ::munmap(const_cast<std::byte*>(begin_), size_bytes_);
}

Result<Blob> PeerArena::borrow(const ArenaLoan& loan) {
  if (loan.offset > size_bytes_ || loan.size_bytes == 0 ||
      loan.size_bytes > size_bytes_ - loan.offset || loan.offset % alignment_bytes != 0 ||
      loan.size_bytes > limits::payload_bytes_max) {
    return Error{Code::corrupt, "payload of " + std::to_string(loan.size_bytes) + " bytes at " +
                                    std::to_string(loan.offset) + " of an arena of " +
                                    std::to_string(size_bytes_) + " bytes"};
  }
  if (loan.number <= last_number_) {
    return Error{Code::corrupt, "loan " + std::to_string(loan.number) + " after loan " +
                                    std::to_string(last_number_)};
  }
  if (open_ >= limits::arena_loans_max) {
    return Error{Code::corrupt, std::to_string(open_) + " loans of one peer, limit " +
                                    std::to_string(limits::arena_loans_max)};
  }
  last_number_ = loan.number;
  ++open_;
  const auto size = static_cast<std::size_t>(loan.size_bytes);
  const std::byte* const bytes = begin_ + loan.offset;
  std::shared_ptr<const void> owner(bytes, [arena = shared_from_this(), number = loan.number](
                                               const void*) { arena->give_back(number); });
  return Blob::wrap(std::move(owner), {bytes, size});
}

// Never waits: the numbers of all open loans fit into the pipe. Without a reader the peer is gone,
// and nobody needs to be told (kj's event loop has the process ignore SIGPIPE).
void PeerArena::give_back(std::uint64_t number) {
  --open_;
  while (::write(give_back_.get(), &number, sizeof number) < 0 && errno == EINTR) {
  }
}

}  // namespace omma
