// HeatGrid: how long people stood where, in cells of 16 x 16 pixels.
//
// A plain class, owned by one actor; part of its state. A copy is what a job draws.
#pragma once

#include "apps/dwell/dwell.capnp.h"

#include <omma/app.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace dwell {

class HeatGrid {
 public:
  static constexpr int cell_pixels = 16;

  // Of the picture, in pixels. Another size than before begins from nothing.
  void set_size(int width, int height);
  // A point outside the picture counts for the nearest cell: feet are often just below it.
  void add(const omma::kernels::Point& point, std::uint32_t milliseconds);

  int width() const { return width_; }
  int height() const { return height_; }
  int columns() const { return (width_ + cell_pixels - 1) / cell_pixels; }
  int rows() const { return (height_ + cell_pixels - 1) / cell_pixels; }
  // Milliseconds, row by row. What would not fit 32 bits, 49 days in one cell, stays at the most.
  std::span<const std::uint32_t> cells() const { return cells_; }

  void save(HeatGridState::Builder out) const;
  // corrupt when there are not as many cells as the size calls for.
  omma::Result<void> load(HeatGridState::Reader in);

 private:
  int width_ = 0;
  int height_ = 0;
  std::vector<std::uint32_t> cells_;
};

}  // namespace dwell
