#include "kernels/box.hpp"

#include <catch2/catch.hpp>

namespace omma::kernels {
namespace {

TEST_CASE("the area of an inverted box is zero") {
  CHECK(area({1, 2, 4, 6}) == 12);
  CHECK(area({4, 2, 1, 6}) == 0);
  CHECK(area({4, 6, 1, 2}) == 0);
}

TEST_CASE("overlap is the common part over what either covers") {
  const Box a{0, 0, 10, 10};
  CHECK(intersection_over_union(a, a) == 1);
  CHECK(intersection_over_union(a, {5, 0, 15, 10}) == Approx(50.0 / 150.0));
  CHECK(intersection_over_union(a, {2, 2, 4, 4}) == Approx(4.0 / 100.0));
}

TEST_CASE("boxes that touch, lie apart or are empty do not overlap") {
  const Box a{0, 0, 10, 10};
  CHECK(intersection_over_union(a, {10, 0, 20, 10}) == 0);
  // Apart along both axes: two negative lengths must not make a positive area.
  CHECK(intersection_over_union(a, {20, 20, 30, 30}) == 0);
  CHECK(intersection_over_union({5, 5, 5, 5}, {5, 5, 5, 5}) == 0);
}

}  // namespace
}  // namespace omma::kernels
