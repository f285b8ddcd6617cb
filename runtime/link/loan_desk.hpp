// LoanDesk: what one connection lends of our SharedArena and borrows of the peer's. Each side sends
// the other its arena's descriptors once, with its hello; whoever could map them says so, and only
// then is anything lent to it. Whatever cannot be lent goes through the socket, counted.
//
// Event loop's thread only; the tally may be read from any.
#pragma once

#include <kj/array.h>
#include <kj/io.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "runtime/base/blob.hpp"
#include "runtime/base/error.hpp"
#include "runtime/link/peer_arena.hpp"
#include "runtime/link/shared_arena.hpp"

namespace omma {

// Of all connections of a hub; see LinkCounters.
struct LoanTally {
  std::atomic<std::uint64_t> arenas_taken{0};
  std::atomic<std::uint64_t> arenas_refused{0};
  std::atomic<std::uint64_t> payloads_lent{0};
  std::atomic<std::uint64_t> bytes_lent{0};
  std::atomic<std::uint64_t> payloads_lent_by_copy{0};
  std::atomic<std::uint64_t> loans_refused{0};
  std::atomic<std::uint64_t> payloads_borrowed{0};
  std::atomic<std::uint64_t> bytes_borrowed{0};
};

class LoanDesk {
 public:
  static constexpr std::size_t descriptors = 2;
  using Descriptors = std::array<kj::AutoCloseFd, descriptors>;

  // Without an arena it only borrows.
  LoanDesk(std::shared_ptr<SharedArena> arena, std::shared_ptr<LoanTally> tally);

  // What to send with the hello; empty when there is nothing to offer.
  kj::Array<kj::AutoCloseFd> offer();
  // The other side has mapped it. False when it was not offered or said so before.
  bool on_taken();
  // Where the payload lies for the other side; none: send it. corrupt as SharedArena::lend.
  Result<std::optional<ArenaLoan>> lend(const Blob& payload);

  // The other side's descriptors. True when they are mapped: it should be told.
  bool take(Descriptors arrived);
  // corrupt when nothing was taken, or as PeerArena::borrow.
  Result<Blob> borrow(const ArenaLoan& loan);

 private:
  std::shared_ptr<SharedArena> arena_;
  std::shared_ptr<LoanTally> tally_;
  std::optional<SharedArena::BorrowerId> borrower_;
  bool taken_ = false;
  std::shared_ptr<PeerArena> theirs_;
};

}  // namespace omma
