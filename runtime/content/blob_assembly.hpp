// BlobAssembly: content that comes from a peer in pieces, checked piece by piece and as a whole. It
// says which piece comes next and keeps none: where the bytes go is its owner's business.
//
// A plain class; pure.
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/base/hash.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace omma {

class BlobAssembly {
 public:
  BlobAssembly(const ContentHash& wanted, std::uint64_t bytes_max)
      : wanted_(wanted), bytes_max_(bytes_max) {}

  // In bytes from the start.
  std::uint64_t next_offset() const { return received_; }
  bool complete() const { return total_ == received_; }

  // The piece at next_offset(), and how long its sender says that all is. over_limit when that is
  // too long, before anything is written; corrupt when pieces contradict each other.
  Result<void> add(std::uint64_t total_bytes, std::span<const std::byte> piece);
  // Once complete: corrupt when it is other content than was wanted.
  Result<void> check();

 private:
  const ContentHash wanted_;
  const std::uint64_t bytes_max_;
  std::uint64_t received_ = 0;
  std::optional<std::uint64_t> total_;  // Not known before the first piece.
  Sha256 hash_;
};

}  // namespace omma
