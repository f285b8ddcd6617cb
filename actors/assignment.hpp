// The cheapest way to give each row at most one column: the linear assignment problem, solved
// exactly.
//
// The Hungarian method with potentials and shortest augmenting paths (Jonker and Volgenant, "A
// shortest augmenting path algorithm for dense and sparse linear assignment problems", 1987),
// O(n^2 m) for the shorter side n, for each group of rows and columns that possible pairs hold
// together. Of equally cheap solutions it always finds the same one.
//
// A pure function: safe from any thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace omma {

inline constexpr std::size_t unassigned = static_cast<std::size_t>(-1);

// costs: rows x columns, row by row, finite or +infinity for a pair that must not be. A pair as
// dear as `cost_limit` or dearer is never made: leaving both free costs that much. The answer has
// one column, or `unassigned`, a row.
std::vector<std::size_t> assign(std::span<const double> costs, std::size_t rows,
                                std::size_t columns, double cost_limit);

}  // namespace omma
