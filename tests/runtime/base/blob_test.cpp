#include "runtime/base/blob.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <optional>
#include <thread>
#include <vector>

#include "runtime/base/limits.hpp"

namespace omma {
namespace {

Buffer take(BufferPool& pool, std::size_t size) {
  auto buffer = pool.take(size);
  REQUIRE(buffer.ok());
  return *std::move(buffer);
}

bool is_aligned(const std::uint8_t* data) {
  return reinterpret_cast<std::uintptr_t>(data) % 64 == 0;
}

TEST_CASE("a copy has its own aligned bytes") {
  std::vector<std::byte> bytes{std::byte{1}, std::byte{2}, std::byte{3}};
  const Blob blob = Blob::copy_of(bytes);
  bytes[0] = std::byte{9};
  REQUIRE(blob.size() == 3);
  CHECK(blob.data()[0] == 1);
  CHECK(blob.data()[2] == 3);
  CHECK(is_aligned(blob.data()));
  CHECK(Blob::copy_of({}).empty());
}

TEST_CASE("a wrapped blob and its parts keep their owner alive") {
  auto owner = std::make_shared<std::vector<std::byte>>(10, std::byte{7});
  std::weak_ptr<std::vector<std::byte>> watched = owner;
  Blob blob = Blob::wrap(owner, *owner);
  owner.reset();
  Blob part = blob.part(4, 6);
  blob = {};
  CHECK_FALSE(watched.expired());
  CHECK(part.size() == 6);
  CHECK(part.data()[5] == 7);
  CHECK(part.part(6, 0).empty());
  part = {};
  CHECK(watched.expired());
}

TEST_CASE("a shared buffer becomes a blob of the same bytes without a copy") {
  BufferPool pool(1 << 20);
  Buffer buffer = take(pool, 100);
  CHECK(buffer.size() == 100);
  CHECK(is_aligned(buffer.data()));
  buffer.data()[99] = 42;
  const std::uint8_t* data = buffer.data();
  const Blob blob = std::move(buffer).share();
  CHECK(blob.data() == data);
  CHECK(blob.size() == 100);
  CHECK(blob.data()[99] == 42);
}

TEST_CASE("a pool serves a released buffer again, to any size of its class") {
  BufferPool pool(1 << 20);
  const std::uint8_t* data = nullptr;
  {
    const Blob blob = take(pool, 1000).share();
    data = blob.data();
    CHECK(pool.stats().bytes_kept == 0);
  }
  CHECK(pool.stats().bytes_kept >= 1000);
  Buffer again = take(pool, 990);
  CHECK(again.data() == data);
  CHECK(again.size() == 990);
  CHECK(pool.stats().buffers_made == 1);
  CHECK(pool.stats().buffers_reused == 1);
  CHECK(pool.stats().bytes_kept == 0);
  take(pool, 5000);
  CHECK(pool.stats().buffers_made == 2);
}

TEST_CASE("a buffer that is not shared returns to its pool too") {
  BufferPool pool(1 << 20);
  take(pool, 256);
  CHECK(pool.stats().bytes_kept == 256);
}

TEST_CASE("a class wastes at most a quarter, and holds what was asked for") {
  for (const std::size_t size : {0u, 1u, 256u, 257u, 320u, 321u, 1000u, 1024u, 1025u, 450'000u}) {
    CAPTURE(size);
    BufferPool pool(1 << 20);
    take(pool, size);
    const std::size_t kept = pool.stats().bytes_kept;
    CHECK(kept >= size);
    CHECK(kept <= std::max<std::size_t>(256, size + size / 4 + 1));
  }
}

TEST_CASE("a pool keeps no more idle bytes than it was told") {
  BufferPool pool(600);
  std::vector<Buffer> buffers;
  for (int i = 0; i < 4; ++i) buffers.push_back(take(pool, 256));
  buffers.clear();
  CHECK(pool.stats().bytes_kept == 512);
}

TEST_CASE("a buffer past the largest payload is refused with the number and the limit") {
  BufferPool pool(1 << 20);
  const auto refused = pool.take(limits::payload_bytes_max + 1);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Code::over_limit);
  CHECK(refused.error().message.find(std::to_string(limits::payload_bytes_max)) !=
        std::string::npos);
  CHECK(pool.stats().buffers_made == 0);
}

TEST_CASE("a blob outlives its pool") {
  std::optional<BufferPool> pool(std::in_place, 1 << 20);
  Buffer buffer = take(*pool, 300);
  buffer.data()[0] = 5;
  Blob blob = std::move(buffer).share();
  pool.reset();
  CHECK(blob.data()[0] == 5);
  blob = {};
}

TEST_CASE("a pool serves several threads") {
  BufferPool pool(1 << 20);
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 3; ++t) {
    threads.emplace_back([&pool, t] {
      for (std::size_t i = 0; i < 500; ++i) {
        auto buffer = pool.take(64 + (i * 37 + t) % 2000);
        buffer->data()[0] = static_cast<std::uint8_t>(t);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(pool.stats().buffers_made + pool.stats().buffers_reused == 1500);
}

}  // namespace
}  // namespace omma
