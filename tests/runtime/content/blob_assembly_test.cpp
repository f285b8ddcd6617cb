#include "runtime/content/blob_assembly.hpp"

#include <catch2/catch.hpp>

#include <string_view>

namespace omma {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST_CASE("pieces in their order make the whole, which is checked by its hash") {
  BlobAssembly assembly(sha256(bytes_of("abcdef")), 100);
  CHECK(assembly.next_offset() == 0);
  REQUIRE(assembly.add(6, bytes_of("abcd")).ok());
  CHECK(assembly.next_offset() == 4);
  CHECK_FALSE(assembly.complete());
  REQUIRE(assembly.add(6, bytes_of("ef")).ok());
  CHECK(assembly.complete());
  CHECK(assembly.check().ok());
}

TEST_CASE("content without a byte is complete with its first piece") {
  BlobAssembly assembly(sha256({}), 100);
  CHECK_FALSE(assembly.complete());
  REQUIRE(assembly.add(0, {}).ok());
  CHECK(assembly.complete());
  CHECK(assembly.check().ok());
}

TEST_CASE("other content than was wanted is corrupt, and both hashes are named") {
  const ContentHash wanted = sha256(bytes_of("abcdef"));
  BlobAssembly assembly(wanted, 100);
  REQUIRE(assembly.add(6, bytes_of("abcdeX")).ok());
  const auto checked = assembly.check();
  REQUIRE_FALSE(checked.ok());
  CHECK(checked.error().code == Code::corrupt);
  CHECK(checked.error().message.find(wanted.hex()) != std::string::npos);
  CHECK(checked.error().message.find(sha256(bytes_of("abcdeX")).hex()) != std::string::npos);
}

TEST_CASE("content past the limit is refused with its first piece") {
  BlobAssembly assembly(sha256({}), 5);
  const auto added = assembly.add(6, bytes_of("abc"));
  REQUIRE_FALSE(added.ok());
  CHECK(added.error().code == Code::over_limit);
  CHECK(added.error().message == "it has 6 bytes, limit 5");
}

TEST_CASE("pieces that contradict each other are corrupt") {
  BlobAssembly assembly(sha256({}), 100);
  REQUIRE(assembly.add(6, bytes_of("abc")).ok());
  SECTION("another total") {
    CHECK(assembly.add(7, bytes_of("def")).error().code == Code::corrupt);
  }
  SECTION("more than is missing") {
    CHECK(assembly.add(6, bytes_of("defg")).error().code == Code::corrupt);
  }
  SECTION("nothing, which would go on for ever") {
    CHECK(assembly.add(6, {}).error().code == Code::corrupt);
  }
  CHECK(assembly.next_offset() == 3);
}

}  // namespace
}  // namespace omma
