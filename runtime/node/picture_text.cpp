#include "runtime/node/picture_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "runtime/base/nearest_name.hpp"

namespace omma {
namespace {

bool read_number(const std::string& text, std::size_t& at, float& out) {
  const char* first = text.data() + at;
  const auto parsed = std::from_chars(first, text.data() + text.size(), out);
  at = static_cast<std::size_t>(parsed.ptr - text.data());
  return parsed.ec == std::errc() && parsed.ptr != first && std::isfinite(out);
}

bool skip(const std::string& text, std::size_t& at, char wanted) {
  if (at >= text.size() || text[at] != wanted) return false;
  ++at;
  return true;
}

// A video of one's own is called by its path or by its file's name without folder and ending.
bool is_called(const std::string& camera, const std::string& name) {
  return camera == name || std::filesystem::path(camera).stem().string() == name;
}

// "east" of "east/door=..."; empty when it is for every camera.
std::string camera_part(const std::string& text) {
  const std::string name = text.substr(0, text.rfind('='));
  const std::size_t slash = name.rfind('/');
  return slash == std::string::npos ? "" : name.substr(0, slash);
}

// A mistyped camera would silently count nothing.
Result<void> check_camera(const std::string& text, const std::vector<std::string>& cameras) {
  const std::string wanted = camera_part(text);
  const auto called = [&](const std::string& camera) { return is_called(camera, wanted); };
  if (wanted.empty() || std::any_of(cameras.begin(), cameras.end(), called)) return {};
  return Error{Code::not_found, "'" + text + "' is for camera '" + wanted +
                                    "', which this query does not watch" +
                                    suggestion_for(wanted, cameras)};
}

std::vector<NamedPoints> parse_all(AppQuery& query, const std::vector<std::string>& texts,
                                   std::size_t points_min, std::size_t points_max) {
  std::vector<NamedPoints> all;
  for (const std::string& text : texts) {
    if (auto known = check_camera(text, query.camera_names()); !known) query.fail(known.error());
    auto parsed = parse_points(text, query.camera_name(), points_min, points_max);
    if (!parsed) {
      query.fail(parsed.error());
    } else if (*parsed) {
      all.push_back(**std::move(parsed));
    }
  }
  return all;
}

}  // namespace

Result<std::optional<NamedPoints>> parse_points(const std::string& text, const std::string& camera,
                                                std::size_t points_min, std::size_t points_max) {
  const Error wrong{Code::invalid_argument,
                    "'" + text + "' is not NAME=x,y:x,y with " + std::to_string(points_min) +
                        (points_max > points_min ? " points or more" : " points") +
                        " in pixels; for one camera only CAMERA/NAME=..."};
  const std::size_t equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0) return wrong;
  NamedPoints named;
  named.name = text.substr(0, equals);
  const std::size_t slash = named.name.rfind('/');
  if (slash != std::string::npos) {
    if (!is_called(camera, named.name.substr(0, slash))) return std::optional<NamedPoints>();
    named.name = named.name.substr(slash + 1);
  }
  std::size_t at = equals + 1;
  do {
    std::pair<float, float> point;
    if (!read_number(text, at, point.first) || !skip(text, at, ',') ||
        !read_number(text, at, point.second)) {
      return wrong;
    }
    named.points.push_back(point);
  } while (skip(text, at, ':'));
  if (at != text.size() || named.points.size() < points_min || named.points.size() > points_max) {
    return wrong;
  }
  if (points_max == 2 && named.points[0] == named.points[1]) {
    return Error{Code::invalid_argument,
                 "the two points of '" + text + "' are the same; a line needs a length"};
  }
  return std::optional<NamedPoints>(std::move(named));
}

void read_lines(AppQuery& query,
                const std::function<capnp::List<Line>::Builder(unsigned)>& init_lines) {
  const auto all = parse_all(
      query, query.each("line", "count who crosses: NAME=x,y:x,y, or CAMERA/NAME=x,y:x,y"), 2, 2);
  auto out = init_lines(static_cast<unsigned>(all.size()));
  for (unsigned i = 0; i < out.size(); ++i) {
    out[i].setName(all[i].name);
    out[i].initA().setX(all[i].points[0].first);
    out[i].getA().setY(all[i].points[0].second);
    out[i].initB().setX(all[i].points[1].first);
    out[i].getB().setY(all[i].points[1].second);
  }
}

void read_zones(AppQuery& query,
                const std::function<capnp::List<Zone>::Builder(unsigned)>& init_zones) {
  constexpr std::size_t corners_max = 64;
  const auto all = parse_all(
      query, query.each("zone", "count who is inside: NAME=x,y:x,y:x,y, 3 corners or more"), 3,
      corners_max);
  auto out = init_zones(static_cast<unsigned>(all.size()));
  for (unsigned i = 0; i < out.size(); ++i) {
    out[i].setName(all[i].name);
    auto corners = out[i].initCorners(static_cast<unsigned>(all[i].points.size()));
    for (unsigned k = 0; k < corners.size(); ++k) {
      corners[k].setX(all[i].points[k].first);
      corners[k].setY(all[i].points[k].second);
    }
  }
}

}  // namespace omma
