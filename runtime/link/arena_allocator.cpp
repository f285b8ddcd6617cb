#include "runtime/link/arena_allocator.hpp"

#include <iterator>
#include <utility>

#include "runtime/base/check.hpp"

namespace omma {

ArenaAllocator::ArenaAllocator(std::size_t size_bytes, Limits limits)
    : size_bytes_(size_bytes), limits_(limits) {
  OMMA_CHECK(size_bytes > 0 && size_bytes % page_bytes == 0, size_bytes, page_bytes);
  gaps_.emplace(0, size_bytes);
}

std::optional<std::size_t> ArenaAllocator::allocate(std::size_t size_bytes) {
  if (size_bytes == 0 || size_bytes > size_bytes_) return std::nullopt;
  const std::size_t size = (size_bytes + page_bytes - 1) / page_bytes * page_bytes;
  for (auto gap = gaps_.begin(); gap != gaps_.end(); ++gap) {
    if (gap->second < size) continue;
    const auto [offset, room] = *gap;
    gaps_.erase(gap);
    if (room > size) gaps_.emplace(offset + size, room - size);
    blocks_.emplace(offset, Block{size, true, 0});
    ++stats_.blocks;
    stats_.bytes_used += size;
    return offset;
  }
  return std::nullopt;
}

void ArenaAllocator::release(std::size_t offset) {
  const auto block = blocks_.find(offset);
  OMMA_CHECK(block != blocks_.end() && block->second.held, offset, blocks_.size());
  block->second.held = false;
  free_if_unused(block);
}

ArenaAllocator::BorrowerId ArenaAllocator::add_borrower() {
  borrowers_.emplace(++borrowers_made_, Borrower{});
  return borrowers_made_;
}

std::optional<std::uint64_t> ArenaAllocator::lend(BorrowerId borrower, std::size_t offset,
                                                  std::size_t size_bytes) {
  const auto to = borrowers_.find(borrower);
  OMMA_CHECK(to != borrowers_.end(), borrower, borrowers_.size());
  auto block = blocks_.upper_bound(offset);
  OMMA_CHECK(block != blocks_.begin(), offset, blocks_.size());
  --block;
  const std::size_t within = offset - block->first;
  OMMA_CHECK(block->second.held && within < block->second.size_bytes &&
                 size_bytes <= block->second.size_bytes - within,
             offset, size_bytes, block->first, block->second.size_bytes);
  Borrower& with = to->second;
  const std::size_t whole = block->second.size_bytes;
  if (with.loans.size() >= limits_.loans_max || with.bytes_lent + whole > limits_.lent_bytes_max) {
    return std::nullopt;
  }
  with.loans.emplace(++with.loans_made, block->first);
  with.bytes_lent += whole;
  if (++block->second.loans == 1) stats_.bytes_lent += whole;
  ++stats_.loans;
  return with.loans_made;
}

bool ArenaAllocator::give_back(BorrowerId borrower, std::uint64_t loan) {
  const auto from = borrowers_.find(borrower);
  OMMA_CHECK(from != borrowers_.end(), borrower, borrowers_.size());
  const auto found = from->second.loans.find(loan);
  if (found == from->second.loans.end()) return false;
  const std::size_t offset = found->second;
  from->second.loans.erase(found);
  from->second.bytes_lent -= blocks_.at(offset).size_bytes;
  end_loan(offset);
  return true;
}

void ArenaAllocator::reclaim(BorrowerId borrower) {
  const auto gone = borrowers_.find(borrower);
  OMMA_CHECK(gone != borrowers_.end(), borrower, borrowers_.size());
  for (const auto& [loan, offset] : gone->second.loans) end_loan(offset);
  borrowers_.erase(gone);
}

void ArenaAllocator::end_loan(std::size_t offset) {
  const auto block = blocks_.find(offset);
  if (--block->second.loans == 0) stats_.bytes_lent -= block->second.size_bytes;
  --stats_.loans;
  free_if_unused(block);
}

void ArenaAllocator::free_if_unused(std::map<std::size_t, Block>::iterator block) {
  if (block->second.held || block->second.loans > 0) return;
  std::size_t offset = block->first;
  std::size_t size = block->second.size_bytes;
  --stats_.blocks;
  stats_.bytes_used -= size;
  blocks_.erase(block);
  auto after = gaps_.lower_bound(offset);
  if (after != gaps_.begin()) {
    const auto before = std::prev(after);
    if (before->first + before->second == offset) {
      offset = before->first;
      size += before->second;
      gaps_.erase(before);
    }
  }
  if (after != gaps_.end() && after->first == offset + size) {
    size += after->second;
    gaps_.erase(after);
  }
  gaps_.emplace(offset, size);
}

}  // namespace omma
