#include "runtime/base/error.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <set>

#include "runtime/base/check.hpp"

namespace omma {
namespace {

Result<int> half_of(int n) {
  if (n % 2 != 0) return Error{Code::invalid_argument, std::to_string(n) + " is odd"};
  return n / 2;
}

TEST_CASE("a result is a value or an error") {
  const auto good = half_of(8);
  REQUIRE(good);
  CHECK(good.ok());
  CHECK(*good == 4);
  const auto bad = half_of(7);
  REQUIRE_FALSE(bad.ok());
  CHECK(bad.error().code == Code::invalid_argument);
  CHECK(bad.error().describe() == "invalid_argument: 7 is odd");
}

TEST_CASE("a result hands on what can only be moved") {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(3));
  const std::unique_ptr<int> taken = *std::move(result);
  CHECK(*taken == 3);
}

TEST_CASE("a result without a value is good unless it was given an error") {
  CHECK(Result<void>().ok());
  const Result<void> bad(Error{Code::overloaded, "queue is full"});
  CHECK_FALSE(bad);
  CHECK(bad.error().code == Code::overloaded);
}

TEST_CASE("every code has its own name") {
  std::set<std::string_view> names;
  for (unsigned char code = 0; code <= static_cast<unsigned char>(Code::internal); ++code) {
    names.insert(to_string(static_cast<Code>(code)));
  }
  CHECK(names.size() == static_cast<std::size_t>(Code::internal) + 1);
  CHECK_FALSE(names.contains("unknown"));
  CHECK(to_string(static_cast<Code>(200)) == "unknown");
}

TEST_CASE("a check that fails prints its values; one that holds evaluates none") {
  CHECK(detail::join_values("queue", 3, 2.5) == "queue 3 2.5 ");
  int evaluated = 0;
  OMMA_CHECK(true, ++evaluated);
  CHECK(evaluated == 0);
}

}  // namespace
}  // namespace omma
