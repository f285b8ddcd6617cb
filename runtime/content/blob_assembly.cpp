#include "runtime/content/blob_assembly.hpp"

#include <string>

#include "runtime/base/check.hpp"

namespace omma {

Result<void> BlobAssembly::add(std::uint64_t total_bytes, std::span<const std::byte> piece) {
  if (total_bytes > bytes_max_) {
    return Error{Code::over_limit, "it has " + std::to_string(total_bytes) + " bytes, limit " +
                                       std::to_string(bytes_max_)};
  }
  if (total_ && *total_ != total_bytes) {
    return Error{Code::corrupt, "it had " + std::to_string(*total_) + " bytes and now has " +
                                    std::to_string(total_bytes) + "; it changes while it is read"};
  }
  const std::uint64_t missing = total_bytes - received_;
  if (piece.size() > missing || (piece.empty() && missing > 0)) {
    return Error{Code::corrupt, "a piece of " + std::to_string(piece.size()) +
                                    " bytes came where " + std::to_string(missing) +
                                    " are missing"};
  }
  total_ = total_bytes;
  received_ += piece.size();
  hash_.add(piece);
  return {};
}

Result<void> BlobAssembly::check() {
  OMMA_CHECK(complete(), received_);
  const ContentHash found = hash_.finish();
  if (found == wanted_) return {};
  return Error{Code::corrupt, "its bytes have SHA-256 " + found.hex() + ", wanted is " +
                                  wanted_.hex() + "; the file there was changed or is damaged"};
}

}  // namespace omma
