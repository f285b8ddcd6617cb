#include "runtime/link/shared_arena.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <optional>

#include "runtime/base/limits.hpp"
#include "runtime/link/peer_arena.hpp"
#include "tests/runtime/link/arena_payloads.hpp"

using namespace omma;
using namespace omma::test;

namespace {

struct Borrower {
  explicit Borrower(SharedArena& arena) {
    auto offer = arena.offer();
    REQUIRE(offer.ok());
    id = offer->borrower;
    auto mapped = PeerArena::map(kj::mv(offer->memory), kj::mv(offer->give_back));
    if (!mapped) FAIL(mapped.error().describe());
    theirs = *mapped;
  }
  SharedArena::BorrowerId id;
  std::shared_ptr<PeerArena> theirs;
};

}  // namespace

TEST_CASE("what an arena lends is read where it lies, and is free when both have let go") {
  auto arena = arena_of(megabyte);
  BufferPool pool(0, arena);
  Borrower borrower(*arena);
  Blob ours = pattern(pool, 300'000, 1);
  CHECK(pool.stats().buffers_of_source == 1);
  const auto loan = arena->lend(borrower.id, ours);
  REQUIRE(loan.ok());
  CHECK_FALSE(loan->copied);
  auto theirs = borrower.theirs->borrow(*loan);
  REQUIRE(theirs.ok());
  CHECK(has_pattern(*theirs, 300'000, 1));
  CHECK(theirs->data() != ours.data());
  ours = {};
  CHECK(arena->stats().blocks.loans == 1);
  CHECK(has_pattern(*theirs, 300'000, 1));
  *theirs = {};
  CHECK(arena->stats().blocks.bytes_used == 0);
}

TEST_CASE("a borrower that goes gives back all at once, and only when its last blob has gone") {
  auto arena = arena_of(megabyte);
  BufferPool pool(0, arena);
  std::optional<Borrower> borrower(std::in_place, *arena);
  const auto first = arena->lend(borrower->id, pattern(pool, 100'000, 1));
  const auto second = arena->lend(borrower->id, pattern(pool, 100'000, 2));
  REQUIRE((first.ok() && second.ok()));
  auto kept = borrower->theirs->borrow(*first);
  REQUIRE(kept.ok());
  const auto id = borrower->id;
  borrower.reset();
  // Its blob may still be read, so nothing of it is given to anybody else.
  CHECK(arena->stats().blocks.loans == 2);
  CHECK(has_pattern(*kept, 100'000, 1));
  *kept = {};
  CHECK(arena->stats().blocks.loans == 0);
  CHECK(arena->stats().borrowers == 0);
  CHECK(arena->lend(id, pattern(pool, 100'000, 3)).error().code == Code::unavailable);
}

TEST_CASE("a borrowed blob outlives the arena") {
  ::signal(SIGPIPE, SIG_IGN);  // As every process with a link does.
  auto arena = arena_of(megabyte);
  Borrower borrower(*arena);
  BufferPool heap(megabyte);
  const auto loan = arena->lend(borrower.id, pattern(heap, 200'000, 5));
  REQUIRE(loan.ok());
  CHECK(loan->copied);
  auto blob = borrower.theirs->borrow(*loan);
  arena.reset();
  REQUIRE(blob.ok());
  CHECK(has_pattern(*blob, 200'000, 5));
}

TEST_CASE(
    "a full arena refuses, a pool then takes the heap's, and too large a payload is no copy") {
  auto arena = arena_of(megabyte);
  BufferPool pool(0, arena);
  Borrower borrower(*arena);
  const Blob first = pattern(pool, 900'000, 1);
  const Blob second = pattern(pool, 900'000, 2);
  CHECK(pool.stats().buffers_of_source == 1);
  CHECK(arena->lend(borrower.id, first).ok());
  CHECK(arena->lend(borrower.id, second).error().code == Code::overloaded);
  BufferPool heap(0);
  const Blob large = pattern(heap, limits::arena_copy_bytes_max + 1, 1);
  auto roomy = arena_of(32 * megabyte);
  Borrower other(*roomy);
  CHECK(roomy->lend(other.id, large).error().code == Code::overloaded);
}

TEST_CASE("who gives back what it did not borrow is borrowed nothing more") {
  auto arena = arena_of(megabyte);
  BufferPool pool(0, arena);
  auto offer = arena->offer();
  REQUIRE(offer.ok());
  const Blob ours = pattern(pool, 100'000, 1);
  REQUIRE(arena->lend(offer->borrower, ours).ok());
  const std::uint64_t never_lent = 77;
  REQUIRE(::write(offer->give_back.get(), &never_lent, sizeof never_lent) == sizeof never_lent);
  CHECK(arena->lend(offer->borrower, ours).error().code == Code::corrupt);
  CHECK(arena->stats().blocks.loans == 1);
}

TEST_CASE("nobody but its owner writes into an arena, and nobody changes its size") {
  auto arena = arena_of(megabyte);
  auto offer = arena->offer();
  REQUIRE(offer.ok());
  const int fd = offer->memory.get();
  CHECK(::mmap(nullptr, megabyte, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
  CHECK(::write(fd, "x", 1) == -1);
  CHECK(::ftruncate(fd, 4096) == -1);
  CHECK(::ftruncate(fd, 2 * megabyte) == -1);
}

TEST_CASE("memory that could shrink, or no pipe, is not mapped") {
  auto arena = arena_of(megabyte);
  auto offer = arena->offer();
  REQUIRE(offer.ok());
  kj::AutoCloseFd loose(::memfd_create("loose", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  REQUIRE(::ftruncate(loose.get(), megabyte) == 0);
  kj::AutoCloseFd pipe(::dup(offer->give_back.get()));
  CHECK(PeerArena::map(kj::mv(loose), kj::mv(pipe)).error().code == Code::corrupt);
  kj::AutoCloseFd file(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  CHECK(PeerArena::map(kj::mv(offer->memory), kj::mv(file)).error().code == Code::corrupt);
}
