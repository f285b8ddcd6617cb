#include "runtime/protocol/credit.hpp"

#include <algorithm>

#include "runtime/base/check.hpp"
#include "runtime/base/limits.hpp"

namespace omma {
namespace {

// Without a sum that could overflow: `bytes` may be whatever a peer wrote.
bool fits(std::uint64_t used, std::uint64_t bytes, std::uint64_t limit) {
  return used <= limit && bytes <= limit - used;
}

}  // namespace

std::uint64_t credit_bytes_of(const Message& message) {
  return std::max<std::uint64_t>(message.size_bytes(), limits::credit_bytes_min);
}

CreditSpender::CreditSpender(std::uint64_t window_bytes)
    : window_bytes_(window_bytes), limit_bytes_(window_bytes) {}

bool CreditSpender::covers(std::uint64_t bytes) const {
  return outstanding_bytes() == 0 || fits(spent_bytes_, bytes, limit_bytes_);
}

void CreditSpender::spend(std::uint64_t bytes) {
  spent_bytes_ += bytes;
}

void CreditSpender::settle(std::uint64_t bytes) {
  OMMA_CHECK(bytes <= outstanding_bytes(), bytes, outstanding_bytes());
  settled_bytes_ += bytes;
}

bool CreditSpender::raise_limit(std::uint64_t limit_bytes) {
  const std::uint64_t limit = std::min(limit_bytes, settled_bytes_ + window_bytes_);
  if (limit <= limit_bytes_) return false;
  limit_bytes_ = limit;
  return true;
}

void CreditSpender::begin_again() {
  *this = CreditSpender(window_bytes_);
}

CreditGranter::CreditGranter(std::uint64_t window_bytes) : window_bytes_(window_bytes) {}

bool CreditGranter::covers(std::uint64_t bytes) const {
  return outstanding_bytes() == 0 || fits(received_bytes_, bytes, limit_bytes());
}

void CreditGranter::receive(std::uint64_t bytes) {
  received_bytes_ += bytes;
}

void CreditGranter::finish(std::uint64_t bytes) {
  OMMA_CHECK(bytes <= outstanding_bytes(), bytes, outstanding_bytes());
  finished_bytes_ += bytes;
}

void CreditGranter::begin_again() {
  *this = CreditGranter(window_bytes_);
}

}  // namespace omma
