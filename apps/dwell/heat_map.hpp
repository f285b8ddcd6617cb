// The heat map: a camera's picture, with colours over it for how long people stood where, the zones
// with their stays, and a legend below.
//
// Pure functions.
#pragma once

#include <omma/app.hpp>

#include <string>
#include <vector>

#include "apps/dwell/heat_grid.hpp"

namespace dwell {

struct HeatMapScene {
  HeatGrid heat;
  // Of the size that the heat is of; empty when none is at hand: then the ground is plain.
  omma::Picture picture;
  struct Zone {
    std::vector<omma::kernels::Point> corners;
    std::string label;
  };
  std::vector<Zone> zones;
  std::string title;
};

// Of a share of the most, 0..1. Equal steps look equal, and each is lighter than the one before, so
// that the order survives a print in gray and any kind of colour blindness.
omma::Colour heat_colour(float share);

// Pixels below the picture that the legend takes.
int legend_height(int picture_height);

// The legend comes below the picture, so that places in it are places in the camera's picture.
// invalid_argument for a heat without a size.
omma::Result<omma::Picture> draw_heat_map(const HeatMapScene& scene, omma::BufferPool& pool);

}  // namespace dwell
