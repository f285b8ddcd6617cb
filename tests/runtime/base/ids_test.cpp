#include "runtime/base/ids.hpp"

#include <catch2/catch.hpp>

#include <vector>

namespace omma {
namespace {

// Golden values: SHA-256 of type, a zero byte and key, first 16 bytes; from coreutils' sha256sum:
//   printf 'camera\0lobby' | sha256sum
TEST_CASE("an actor's id is the same in every build and on every machine") {
  CHECK(ActorId::of("camera", "lobby").text() == "86db4042a659b7dfe97261ca63f54efb");
  CHECK(ActorId::of("tracker", "").text() == "e3d510770a2346e60362ac5cd80ac852");
  const std::vector<std::byte> config{std::byte{1}, std::byte{0}, std::byte{255}};
  CHECK(ActorId::of("model_shard", config).text() == "ecbdbc589c60996df4d0ddbfc27b3d8e");
}

TEST_CASE("a key and a configuration of the same bytes name the same actor") {
  const std::vector<std::byte> config{std::byte{'a'}, std::byte{'b'}};
  CHECK(ActorId::of("camera", config) == ActorId::of("camera", "ab"));
}

TEST_CASE("type and key do not run into each other") {
  CHECK(ActorId::of("ab", "c") != ActorId::of("a", "bc"));
  CHECK(ActorId::of("ab", "") != ActorId::of("a", "b"));
}

TEST_CASE("an id shows as 32 digits, and its short form as the first 8") {
  const ActorId id{0x0123456789abcdefu, 0x00000000000000ffu};
  CHECK(id.text() == "0123456789abcdef00000000000000ff");
  CHECK(id.short_text() == "01234567");
  CHECK_FALSE(id.is_null());
  CHECK(ActorId{}.is_null());
}

TEST_CASE("ids sort by their text") {
  const ActorId small{1, 9};
  const ActorId large{2, 0};
  CHECK(small < large);
  CHECK(small.text() < large.text());
}

TEST_CASE("each start of a process draws another incarnation, never the null one") {
  SeededRandom random(1);
  const Incarnation first = Incarnation::draw(random);
  const Incarnation second = Incarnation::draw(random);
  CHECK(first != second);
  CHECK_FALSE(first.is_null());
  CHECK(Incarnation{}.is_null());
  CHECK(first.text().size() == 32);
  struct ZeroRandom final : Random {
    std::uint64_t next() override { return 0; }
  } zero;
  CHECK_FALSE(Incarnation::draw(zero).is_null());
}

TEST_CASE("a restarted node is another node") {
  const NodeId before{.name = "edge", .incarnation = {1, 1}, .epoch = 1};
  const NodeId after{.name = "edge", .incarnation = {2, 2}, .epoch = 2};
  CHECK(before != after);
}

}  // namespace
}  // namespace omma
