#include "runtime/base/hash.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <vector>

#include "runtime/base/check.hpp"

namespace omma {
namespace {

int value_of_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string ContentHash::hex() const {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (std::uint8_t byte : bytes) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

Result<ContentHash> ContentHash::from_hex(std::string_view text) {
  ContentHash hash;
  if (text.size() != hash.bytes.size() * 2) {
    return Error{Code::invalid_argument,
                 "a SHA-256 has 64 hexadecimal digits, this has " + std::to_string(text.size())};
  }
  for (std::size_t i = 0; i < hash.bytes.size(); ++i) {
    const int high = value_of_digit(text[2 * i]);
    const int low = value_of_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) {
      return Error{Code::invalid_argument, "a SHA-256 is lower-case hexadecimal, position " +
                                               std::to_string(2 * i) + " is not"};
    }
    hash.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return hash;
}

struct Sha256::Context {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest{EVP_MD_CTX_new(),
                                                                 &EVP_MD_CTX_free};
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  EVP_MD_CTX* const digest = context_->digest.get();
  OMMA_CHECK(digest != nullptr && EVP_DigestInit_ex(digest, EVP_sha256(), nullptr) == 1, "sha256");
}

Sha256::~Sha256() = default;

void Sha256::add(std::span<const std::byte> piece) {
  OMMA_CHECK(EVP_DigestUpdate(context_->digest.get(), piece.data(), piece.size()) == 1,
             piece.size());
}

ContentHash Sha256::finish() {
  ContentHash hash;
  unsigned size = 0;
  OMMA_CHECK(
      EVP_DigestFinal_ex(context_->digest.get(), hash.bytes.data(), &size) == 1 && size == 32,
      size);
  return hash;
}

ContentHash sha256(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.add(bytes);
  return hash.finish();
}

Result<ContentHash> sha256_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{Code::not_found, "cannot open " + path.string()};
  Sha256 hash;
  std::vector<char> piece(1 << 16);
  while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())) || file.gcount() > 0) {
    hash.add(std::as_bytes(std::span(piece).first(static_cast<std::size_t>(file.gcount()))));
  }
  if (file.bad()) return Error{Code::unavailable, "reading " + path.string() + " failed"};
  return hash.finish();
}

std::uint64_t checksum64(std::span<const std::byte> bytes) {
  std::uint64_t sum = 0xcbf29ce484222325u;
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, std::min(sizeof(word), bytes.size() - at));
    sum = (sum ^ word) * 0x100000001b3u;
  }
  return sum;
}

}  // namespace omma
