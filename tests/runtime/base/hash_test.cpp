#include "runtime/base/hash.hpp"

#include <catch2/catch.hpp>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace omma {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// The example digests published with FIPS 180-4.
const std::string hash_of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const std::string hash_of_nothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

TEST_CASE("sha256 agrees with the standard's examples") {
  CHECK(sha256(bytes_of("abc")).hex() == hash_of_abc);
  CHECK(sha256({}).hex() == hash_of_nothing);
}

TEST_CASE("a hash is read back from its text") {
  const ContentHash hash = sha256(bytes_of("abc"));
  const auto again = ContentHash::from_hex(hash.hex());
  REQUIRE(again.ok());
  CHECK(*again == hash);
}

TEST_CASE("a text that is no hash is refused") {
  std::string upper = hash_of_abc;
  upper[0] = 'B';
  std::string foreign = hash_of_abc;
  foreign[63] = 'g';
  for (const std::string& text : {std::string(), hash_of_abc.substr(1), upper, foreign}) {
    CAPTURE(text);
    const auto hash = ContentHash::from_hex(text);
    REQUIRE_FALSE(hash.ok());
    CHECK(hash.error().code == Code::invalid_argument);
  }
}

TEST_CASE("a file's hash is that of its bytes, also past one piece") {
  const auto path =
      std::filesystem::temp_directory_path() / ("omma_hash_test_" + std::to_string(::getpid()));
  const std::string contents(200'001, 'x');
  std::ofstream(path, std::ios::binary) << contents;
  const auto hash = sha256_of_file(path);
  std::filesystem::remove(path);
  REQUIRE(hash.ok());
  CHECK(*hash == sha256(bytes_of(contents)));
}

TEST_CASE("the hash of a file that does not exist is not found") {
  const auto hash = sha256_of_file("/nonexistent/model.pt");
  REQUIRE_FALSE(hash.ok());
  CHECK(hash.error().code == Code::not_found);
  CHECK(hash.error().message.find("/nonexistent/model.pt") != std::string::npos);
}

TEST_CASE("a directory has no hash and is no empty file") {
  const auto hash = sha256_of_file(std::filesystem::temp_directory_path());
  REQUIRE_FALSE(hash.ok());
  CHECK(hash.error().code == Code::unavailable);
}

}  // namespace
}  // namespace omma
