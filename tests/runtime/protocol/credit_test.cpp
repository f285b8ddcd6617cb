#include "runtime/protocol/credit.hpp"

#include <catch2/catch.hpp>

#include <limits>

#include "runtime/base/limits.hpp"
#include "runtime/base/random.hpp"
#include "tests/runtime/protocol/numbered_message.hpp"

namespace omma {
namespace {

TEST_CASE("a message counts its size and at least a queue's place") {
  CHECK(credit_bytes_of(numbered_message(1, 1000)) == 1000);
  CHECK(credit_bytes_of(Message()) == limits::credit_bytes_min);
}

TEST_CASE("one window may be spent before the first grant") {
  CreditSpender spender(1000);
  spender.spend(600);
  CHECK(spender.covers(400));
  CHECK_FALSE(spender.covers(401));
  CHECK(spender.outstanding_bytes() == 600);
}

TEST_CASE("a message larger than the window passes when nothing else is outstanding") {
  CreditSpender spender(1000);
  CreditGranter granter(1000);
  CHECK(spender.covers(5000));
  CHECK(granter.covers(5000));
  spender.spend(5000);
  granter.receive(5000);
  CHECK_FALSE(spender.covers(1));
  CHECK_FALSE(granter.covers(1));
  granter.finish(5000);
  spender.settle(5000);
  CHECK(spender.raise_limit(granter.limit_bytes()));
  CHECK(spender.covers(1000));
  CHECK(granter.covers(1000));
}

TEST_CASE("a grant only ever raises the limit") {
  CreditSpender spender(1000);
  spender.spend(1000);
  spender.settle(700);
  CHECK(spender.raise_limit(1700));
  CHECK_FALSE(spender.raise_limit(1700));
  CHECK_FALSE(spender.raise_limit(1200));
  CHECK(spender.covers(700));
  CHECK_FALSE(spender.covers(701));
}

TEST_CASE("no grant opens more than a window beyond what is settled") {
  CreditSpender spender(1000);
  spender.spend(100);
  CHECK_FALSE(spender.raise_limit(std::numeric_limits<std::uint64_t>::max()));
  spender.settle(100);
  spender.raise_limit(std::numeric_limits<std::uint64_t>::max());
  spender.spend(1000);
  CHECK_FALSE(spender.covers(1));
}

TEST_CASE("a size near the largest number does not slip through by overflow") {
  CreditSpender spender(1000);
  CreditGranter granter(1000);
  spender.spend(10);
  granter.receive(10);
  CHECK_FALSE(spender.covers(std::numeric_limits<std::uint64_t>::max() - 5));
  CHECK_FALSE(granter.covers(std::numeric_limits<std::uint64_t>::max() - 5));
}

TEST_CASE("a lost grant is made good by the next one") {
  CreditSpender spender(1000);
  CreditGranter granter(1000);
  for (int i = 0; i < 10; ++i) {
    spender.spend(100);
    granter.receive(100);
  }
  CHECK_FALSE(spender.covers(1));
  for (int i = 0; i < 9; ++i) granter.finish(100);  // Nine grants that never arrive.
  granter.finish(100);
  spender.settle(1000);
  CHECK(spender.raise_limit(granter.limit_bytes()));
  CHECK(spender.covers(1000));
}

TEST_CASE("both ends begin a new pair of lives with one window") {
  CreditSpender spender(1000);
  CreditGranter granter(1000);
  spender.spend(900);
  granter.receive(900);
  spender.begin_again();
  granter.begin_again();
  spender.spend(100);
  granter.receive(100);
  CHECK(spender.outstanding_bytes() == 100);
  CHECK(spender.covers(900));
  CHECK(granter.covers(900));
  CHECK(granter.limit_bytes() == 1000);
}

TEST_CASE("what a sender may spend its receiver always covers") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    SeededRandom random(seed);
    CreditSpender spender(1000);
    CreditGranter granter(1000);
    std::vector<std::uint64_t> under_way;
    for (int step = 0; step < 200; ++step) {
      const std::uint64_t bytes = 64 + random.below(random.chance(0.05) ? 3000 : 400);
      if (spender.covers(bytes)) {
        spender.spend(bytes);
        REQUIRE(granter.covers(bytes));
        granter.receive(bytes);
        under_way.push_back(bytes);
      }
      if (!under_way.empty() && random.chance(0.5)) {
        const std::uint64_t finished = under_way.front();
        under_way.erase(under_way.begin());
        granter.finish(finished);
        spender.settle(finished);
        if (random.chance(0.7) || under_way.empty()) spender.raise_limit(granter.limit_bytes());
      }
      REQUIRE(spender.outstanding_bytes() <= 1000 + 3064);
    }
  }
}

}  // namespace
}  // namespace omma
