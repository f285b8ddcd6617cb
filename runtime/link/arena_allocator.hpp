// ArenaAllocator: the books of an arena. A block is held by whoever took it and may be lent to any
// number of borrowers as well; it is free again when the holder has let go and every loan has been
// given back. So one picture that goes to three peers is one block with three loans.
//
// A borrower is one hand-over of the arena to a peer. Loans are numbered within it, 1, 2, 3, ...,
// and a number is never used twice: what is given back a second time is noticed.
//
// Plain state: no memory is touched, no locks. First fit, so that what has been used once is used
// again before anything new.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

namespace omma {

class ArenaAllocator {
 public:
  using BorrowerId = std::uint64_t;
  struct Limits {
    std::size_t loans_max;       // Of one borrower at a time.
    std::size_t lent_bytes_max;  // Likewise, in whole blocks.
  };
  struct Stats {
    std::size_t blocks = 0;
    std::size_t bytes_used = 0;  // Of blocks held or lent, in whole pages.
    std::size_t bytes_lent = 0;  // Of blocks with a loan at least.
    std::size_t loans = 0;
  };

  // `size_bytes` is a multiple of page_bytes.
  ArenaAllocator(std::size_t size_bytes, Limits limits);

  // Where the block begins, a multiple of page_bytes; none when no gap is large enough.
  std::optional<std::size_t> allocate(std::size_t size_bytes);
  // The holder of the block that begins here lets go.
  void release(std::size_t offset);

  BorrowerId add_borrower();
  // A loan of the held block that these bytes lie in: its number; none past a limit.
  std::optional<std::uint64_t> lend(BorrowerId borrower, std::size_t offset,
                                    std::size_t size_bytes);
  // False when the borrower has no such loan.
  bool give_back(BorrowerId borrower, std::uint64_t loan);
  // The borrower is gone, and with it all that it had borrowed.
  void reclaim(BorrowerId borrower);

  const Stats& stats() const { return stats_; }
  std::size_t size_bytes() const { return size_bytes_; }

  static constexpr std::size_t page_bytes = 4096;

 private:
  struct Block {
    std::size_t size_bytes;
    bool held;
    std::size_t loans;
  };
  struct Borrower {
    std::uint64_t loans_made = 0;
    std::size_t bytes_lent = 0;
    std::map<std::uint64_t, std::size_t> loans;  // Number to the block's offset.
  };

  void end_loan(std::size_t offset);
  void free_if_unused(std::map<std::size_t, Block>::iterator block);

  std::size_t size_bytes_;
  Limits limits_;
  std::map<std::size_t, std::size_t> gaps_;  // Offset to size; two never touch.
  std::map<std::size_t, Block> blocks_;
  BorrowerId borrowers_made_ = 0;
  std::map<BorrowerId, Borrower> borrowers_;
  Stats stats_;
};

}  // namespace omma
