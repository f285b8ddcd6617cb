#include "actors/assignment.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

namespace omma {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

double cost_of(const std::vector<double>& costs, std::size_t columns,
               const std::vector<std::size_t>& columns_of_rows, double cost_limit) {
  double sum = 0;
  for (std::size_t row = 0; row < columns_of_rows.size(); ++row) {
    sum += columns_of_rows[row] == unassigned ? cost_limit
                                              : costs[row * columns + columns_of_rows[row]];
  }
  return sum;
}

// Every way to give each row a free column or none.
double cheapest(const std::vector<double>& costs, std::size_t rows, std::size_t columns,
                double cost_limit, std::size_t row = 0, unsigned taken = 0) {
  if (row == rows) return 0;
  double best = cost_limit + cheapest(costs, rows, columns, cost_limit, row + 1, taken);
  for (std::size_t column = 0; column < columns; ++column) {
    if ((taken >> column & 1U) != 0) continue;
    best = std::min(best, costs[row * columns + column] + cheapest(costs, rows, columns, cost_limit,
                                                                   row + 1, taken | 1U << column));
  }
  return best;
}

TEST_CASE("a greedy choice that costs more later is not made") {
  // Greedy takes 1 and then has to take 100.
  CHECK(assign(std::vector<double>{1, 2, 2, 100}, 2, 2, 1000) == std::vector<std::size_t>{1, 0});
}

TEST_CASE("the assignment is the cheapest of all there are") {
  const unsigned seed = 20261124;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (int trial = 0; trial < 400; ++trial) {
    const std::size_t rows = 1 + random() % 5;
    const std::size_t columns = 1 + random() % 5;
    const double cost_limit = 12;
    std::vector<double> costs(rows * columns);
    // Small whole numbers, so that equal costs are frequent and sums exact.
    for (double& cost : costs) {
      cost = static_cast<double>(random() % 20);
      if (random() % 5 == 0) cost = infinity;
    }
    const std::vector<std::size_t> found = assign(costs, rows, columns, cost_limit);
    INFO("trial " << trial << ": " << rows << " rows, " << columns << " columns");
    REQUIRE(cost_of(costs, columns, found, cost_limit) ==
            cheapest(costs, rows, columns, cost_limit));
    std::vector<std::size_t> used = found;
    std::erase(used, unassigned);
    std::sort(used.begin(), used.end());
    REQUIRE(std::adjacent_find(used.begin(), used.end()) == used.end());
    REQUIRE(assign(costs, rows, columns, cost_limit) == found);
  }
}

TEST_CASE("a pair as dear as the limit or forbidden is left free") {
  CHECK(assign(std::vector<double>{5, infinity, 7, 4.9}, 2, 2, 5) ==
        std::vector<std::size_t>{unassigned, 1});
}

TEST_CASE("a side without entries leaves the other free") {
  CHECK(assign({}, 0, 3, 1).empty());
  CHECK(assign({}, 3, 0, 1) == std::vector<std::size_t>(3, unassigned));
}

TEST_CASE("a large table with a known answer is solved") {
  // Row i is cheapest at its own column; all other costs are larger.
  const std::size_t side = 300;
  std::vector<std::size_t> own(side);
  std::iota(own.begin(), own.end(), std::size_t{0});
  std::shuffle(own.begin(), own.end(), std::mt19937(3));
  std::vector<double> costs(side * side);
  std::mt19937 random(5);
  for (double& cost : costs) cost = 1 + static_cast<double>(random() % 1000) / 1000;
  for (std::size_t row = 0; row < side; ++row) costs[row * side + own[row]] = 0.5;
  CHECK(assign(costs, side, side, 10) == own);
}

}  // namespace
}  // namespace omma
