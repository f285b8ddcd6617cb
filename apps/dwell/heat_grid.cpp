#include "apps/dwell/heat_grid.hpp"

#include <algorithm>
#include <limits>
#include <string>

namespace dwell {
namespace {

int cell_of(float pixels, int cells) {
  const float cell = pixels / static_cast<float>(HeatGrid::cell_pixels);
  return static_cast<int>(std::clamp(cell, 0.0F, static_cast<float>(cells - 1)));
}

}  // namespace

void HeatGrid::set_size(int width, int height) {
  if (width == width_ && height == height_) return;
  width_ = width;
  height_ = height;
  cells_.assign(static_cast<std::size_t>(columns()) * static_cast<std::size_t>(rows()), 0);
}

void HeatGrid::add(const omma::kernels::Point& point, std::uint32_t milliseconds) {
  if (cells_.empty()) return;
  const int at = cell_of(point.y, rows()) * columns() + cell_of(point.x, columns());
  std::uint32_t& cell = cells_[static_cast<std::size_t>(at)];
  cell += std::min(milliseconds, std::numeric_limits<std::uint32_t>::max() - cell);
}

void HeatGrid::save(HeatGridState::Builder out) const {
  out.setWidth(static_cast<std::uint32_t>(width_));
  out.setHeight(static_cast<std::uint32_t>(height_));
  auto cells = out.initCellsMs(static_cast<unsigned>(cells_.size()));
  for (unsigned i = 0; i < cells.size(); ++i) cells.set(i, cells_[i]);
}

omma::Result<void> HeatGrid::load(HeatGridState::Reader in) {
  HeatGrid loaded;
  constexpr std::uint32_t side_max = 1 << 16;  // Far beyond any picture.
  if (in.getWidth() <= side_max && in.getHeight() <= side_max) {
    loaded.width_ = static_cast<int>(in.getWidth());
    loaded.height_ = static_cast<int>(in.getHeight());
  }
  const std::size_t expected =
      static_cast<std::size_t>(loaded.columns()) * static_cast<std::size_t>(loaded.rows());
  if (in.getCellsMs().size() != expected) {
    return omma::Error{omma::Code::corrupt, "heat of a picture of " +
                                                std::to_string(in.getWidth()) + "x" +
                                                std::to_string(in.getHeight()) + " in " +
                                                std::to_string(in.getCellsMs().size()) + " cells"};
  }
  for (const std::uint32_t cell : in.getCellsMs()) loaded.cells_.push_back(cell);
  *this = std::move(loaded);
  return {};
}

}  // namespace dwell
