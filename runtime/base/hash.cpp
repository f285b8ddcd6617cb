#include "runtime/base/hash.hpp"

#include <openssl/evp.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <vector>

#include "runtime/base/check.hpp"

namespace omma {
namespace {

using DigestContext = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

DigestContext begin_sha256() {
  DigestContext context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  OMMA_CHECK(context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1, "sha256");
  return context;
}

ContentHash finish(EVP_MD_CTX* context) {
  ContentHash hash;
  unsigned size = 0;
  OMMA_CHECK(EVP_DigestFinal_ex(context, hash.bytes.data(), &size) == 1 && size == 32, size);
  return hash;
}

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

ContentHash sha256(std::span<const std::byte> bytes) {
  DigestContext context = begin_sha256();
  OMMA_CHECK(EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1, bytes.size());
  return finish(context.get());
}

Result<ContentHash> sha256_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{Code::not_found, "cannot open " + path.string()};
  DigestContext context = begin_sha256();
  std::vector<char> piece(1 << 16);
  while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())) || file.gcount() > 0) {
    OMMA_CHECK(
        EVP_DigestUpdate(context.get(), piece.data(), static_cast<std::size_t>(file.gcount())) == 1,
        "update");
  }
  if (file.bad()) return Error{Code::unavailable, "reading " + path.string() + " failed"};
  return finish(context.get());
}

}  // namespace omma
