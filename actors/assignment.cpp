#include "actors/assignment.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "runtime/base/check.hpp"

namespace omma {
namespace {

// Rows and columns that pairs below the limit hold together. What one does is no matter to another,
// and boxes of one frame fall into many small ones, so each is solved on its own.
struct Component {
  std::vector<std::size_t> rows;
  std::vector<std::size_t> columns;
};

// Costs and what counts as a pair.
struct Problem {
  std::span<const double> costs;
  std::size_t rows;
  std::size_t columns;
  double cost_limit;

  double cost(std::size_t row, std::size_t column) const { return costs[row * columns + column]; }
};

std::vector<Component> components(const Problem& problem) {
  std::vector<Component> found;
  std::vector<bool> row_seen(problem.rows, false);
  std::vector<bool> column_seen(problem.columns, false);
  for (std::size_t start = 0; start < problem.rows; ++start) {
    if (row_seen[start]) continue;
    row_seen[start] = true;
    Component component{{start}, {}};
    std::size_t columns_done = 0;
    for (std::size_t i = 0; i < component.rows.size(); ++i) {
      for (std::size_t j = 0; j < problem.columns; ++j) {
        if (column_seen[j] || !(problem.cost(component.rows[i], j) < problem.cost_limit)) continue;
        column_seen[j] = true;
        component.columns.push_back(j);
      }
      for (; columns_done < component.columns.size(); ++columns_done) {
        for (std::size_t row = 0; row < problem.rows; ++row) {
          const double cost = problem.cost(row, component.columns[columns_done]);
          if (row_seen[row] || !(cost < problem.cost_limit)) continue;
          row_seen[row] = true;
          component.rows.push_back(row);
        }
      }
    }
    if (!component.columns.empty()) found.push_back(std::move(component));
  }
  return found;
}

// A component with the shorter side as rows, and no pair dearer than leaving it: a pair at the
// limit then stands for none, and every row of the shorter side can be given a column.
class Table {
 public:
  Table(const Problem& problem, const Component& component)
      : transposed_(component.rows.size() > component.columns.size()),
        short_side_(std::min(component.rows.size(), component.columns.size())),
        long_side_(std::max(component.rows.size(), component.columns.size())) {
    costs_.reserve(short_side_ * long_side_);
    for (const std::size_t i : transposed_ ? component.columns : component.rows) {
      for (const std::size_t j : transposed_ ? component.rows : component.columns) {
        const double cost = transposed_ ? problem.cost(j, i) : problem.cost(i, j);
        costs_.push_back(std::min(cost, problem.cost_limit));
      }
    }
  }

  double operator()(std::size_t i, std::size_t j) const { return costs_[i * long_side_ + j]; }
  bool transposed() const { return transposed_; }
  std::size_t short_side() const { return short_side_; }
  std::size_t long_side() const { return long_side_; }

 private:
  bool transposed_;
  std::size_t short_side_;
  std::size_t long_side_;
  std::vector<double> costs_;
};

// Rows and columns count from 1 here; 0 is the free place from which a path starts.
class Solver {
 public:
  explicit Solver(const Table& table)
      : table_(table),
        row_potential_(table.short_side() + 1, 0.0),
        column_potential_(table.long_side() + 1, 0.0),
        row_of_column_(table.long_side() + 1, 0) {}

  // The row (from 1) of each column (from 1), 0 for a free column.
  const std::vector<std::size_t>& solve() {
    for (std::size_t row = 1; row <= table_.short_side(); ++row) add_row(row);
    return row_of_column_;
  }

 private:
  // Dijkstra over reduced costs from `row` to the nearest free column, then the pairs along the
  // path change partners.
  void add_row(std::size_t row) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const std::size_t columns = table_.long_side();
    std::vector<double> distance(columns + 1, infinity);
    std::vector<std::size_t> previous(columns + 1, 0);
    std::vector<bool> visited(columns + 1, false);
    row_of_column_[0] = row;
    std::size_t column = 0;
    do {
      visited[column] = true;
      const std::size_t at = row_of_column_[column];
      double step = infinity;
      std::size_t next = 0;
      for (std::size_t j = 1; j <= columns; ++j) {
        if (visited[j]) continue;
        const double reduced = table_(at - 1, j - 1) - row_potential_[at] - column_potential_[j];
        if (reduced < distance[j]) {
          distance[j] = reduced;
          previous[j] = column;
        }
        if (distance[j] < step) {
          step = distance[j];
          next = j;
        }
      }
      for (std::size_t j = 0; j <= columns; ++j) {
        if (visited[j]) {
          row_potential_[row_of_column_[j]] += step;
          column_potential_[j] -= step;
        } else {
          distance[j] -= step;
        }
      }
      column = next;
    } while (row_of_column_[column] != 0);
    for (; column != 0; column = previous[column]) {
      row_of_column_[column] = row_of_column_[previous[column]];
    }
  }

  const Table& table_;
  std::vector<double> row_potential_;
  std::vector<double> column_potential_;
  std::vector<std::size_t> row_of_column_;
};

}  // namespace

std::vector<std::size_t> assign(std::span<const double> costs, std::size_t rows,
                                std::size_t columns, double cost_limit) {
  OMMA_CHECK(costs.size() == rows * columns, costs.size(), rows, columns);
  OMMA_CHECK(cost_limit < std::numeric_limits<double>::infinity(), cost_limit);
  std::vector<std::size_t> column_of_row(rows, unassigned);
  const Problem problem{costs, rows, columns, cost_limit};
  for (const Component& component : components(problem)) {
    const Table table(problem, component);
    Solver solver(table);
    const std::vector<std::size_t>& row_of_column = solver.solve();
    for (std::size_t j = 0; j < table.long_side(); ++j) {
      if (row_of_column[j + 1] == 0) continue;
      const std::size_t i = row_of_column[j + 1] - 1;
      if (!(table(i, j) < cost_limit)) continue;
      column_of_row[component.rows[table.transposed() ? j : i]] =
          component.columns[table.transposed() ? i : j];
    }
  }
  return column_of_row;
}

}  // namespace omma
