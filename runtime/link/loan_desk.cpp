#include "runtime/link/loan_desk.hpp"

#include <utility>

#include "runtime/base/limits.hpp"

namespace omma {

LoanDesk::LoanDesk(std::shared_ptr<SharedArena> arena, std::shared_ptr<LoanTally> tally)
    : arena_(std::move(arena)), tally_(std::move(tally)) {}

kj::Array<kj::AutoCloseFd> LoanDesk::offer() {
  if (arena_ == nullptr) return nullptr;
  auto offered = arena_->offer();
  if (!offered) {
    ++tally_->arenas_refused;
    return nullptr;
  }
  borrower_ = offered->borrower;
  return kj::arr(kj::mv(offered->memory), kj::mv(offered->give_back));
}

bool LoanDesk::on_taken() {
  if (!borrower_ || taken_) return false;
  taken_ = true;
  return true;
}

Result<std::optional<ArenaLoan>> LoanDesk::lend(const Blob& payload) {
  if (!taken_ || payload.size() < limits::arena_payload_bytes_min) {
    return std::optional<ArenaLoan>{};
  }
  const auto loan = arena_->lend(*borrower_, payload);
  if (!loan) {
    ++tally_->loans_refused;
    if (loan.error().code == Code::corrupt) return loan.error();
    return std::optional<ArenaLoan>{};
  }
  ++tally_->payloads_lent;
  tally_->bytes_lent += loan->size_bytes;
  if (loan->copied) ++tally_->payloads_lent_by_copy;
  return std::optional<ArenaLoan>(*loan);
}

bool LoanDesk::take(Descriptors arrived) {
  auto mapped = PeerArena::map(kj::mv(arrived[0]), kj::mv(arrived[1]));
  if (!mapped) {
    ++tally_->arenas_refused;
    return false;
  }
  ++tally_->arenas_taken;
  theirs_ = *std::move(mapped);
  return true;
}

Result<Blob> LoanDesk::borrow(const ArenaLoan& loan) {
  if (theirs_ == nullptr) {
    return Error{Code::corrupt, "a payload in memory that was not shared"};
  }
  auto blob = theirs_->borrow(loan);
  if (!blob) return blob.error();
  ++tally_->payloads_borrowed;
  tally_->bytes_borrowed += loan.size_bytes;
  return blob;
}

}  // namespace omma
