// Lines and zones as people write them on a command line, in pixels of the camera's picture:
//   door=384,150:384,575              a line from (384, 150) to (384, 575)
//   east/door=...                     the same for the camera "east" only
//   queue=0,300:200,300:200,575       a zone with three corners or more
#pragma once

#include "runtime/node/app.hpp"
#include "schemas/stages.capnp.h"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace omma {

struct NamedPoints {
  std::string name;
  std::vector<std::pair<float, float>> points;
};

// None: it is for another camera. invalid_argument says what is wrong and shows the form.
Result<std::optional<NamedPoints>> parse_points(const std::string& text, const std::string& camera,
                                                std::size_t points_min, std::size_t points_max);

// The query's --line and --zone values for its camera; errors go to the query.
void read_lines(AppQuery& query,
                const std::function<capnp::List<Line>::Builder(unsigned)>& init_lines);
void read_zones(AppQuery& query,
                const std::function<capnp::List<Zone>::Builder(unsigned)>& init_zones);

}  // namespace omma
