// dwell: how long people stay in zones, and where they stand.
//
//   omma run dwell --camera lobby --zone queue=0,300:200,300:200,575 --heat-map ./lobby.png
//
// Whoever has the label that --label names is looked at, "person" if it is left out. Rows: see
// dwell_counter.hpp.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>

#include "apps/dwell/dwell_counter.hpp"

namespace dwell {
namespace {

namespace fs = std::filesystem;

// The default, and the bounds of what makes sense: below a frame's time each frame would end a
// stay.
constexpr double gone_after_s = 2;
constexpr double gone_after_s_min = 0.1;
constexpr double gone_after_s_max = 3600;

std::uint32_t gone_after_ms(omma::AppQuery& query) {
  const double seconds =
      query.number("gone-after", gone_after_s, "seconds unseen in a zone that end a stay");
  if (seconds < gone_after_s_min || seconds > gone_after_s_max) {
    char text[96];
    std::snprintf(text, sizeof text, "--gone-after takes seconds from %g to %g, not %g",
                  gone_after_s_min, gone_after_s_max, seconds);
    query.fail({omma::Code::invalid_argument, text});
    return 0;
  }
  return static_cast<std::uint32_t>(seconds * 1000);
}

// One file a camera: lobby.png, or lobby-east.png and lobby-west.png.
std::string heat_map_of(omma::AppQuery& query) {
  const std::string given =
      query.text("heat-map", "", "draw where people stand into this PNG file");
  if (given.empty()) return "";
  const fs::path path(given);
  if (!path.is_absolute() || path.extension() != ".png") {
    query.fail({omma::Code::invalid_argument,
                "--heat-map takes a file of the node that draws it, not '" + given +
                    "': a whole path that ends in .png, or one from here as ./heat.png"});
    return "";
  }
  if (query.camera_names().size() < 2) return given;
  const std::string camera = fs::path(query.camera_name()).stem().string();
  return (path.parent_path() / (path.stem().string() + "-" + camera + ".png")).string();
}

// Without a zone the picture is one.
void zones_of(omma::AppQuery& query, DwellConfig::Builder config) {
  omma::read_zones(query, [&](unsigned count) { return config.initZones(count); });
  if (config.getZones().size() > 0) return;
  auto all = config.initZones(1)[0];
  all.setName("picture");
  auto corners = all.initCorners(4);
  constexpr float far = 1e6F;  // Wider than any picture.
  corners[0].setX(-far);
  corners[0].setY(-far);
  corners[1].setX(far);
  corners[1].setY(-far);
  corners[2].setX(far);
  corners[2].setY(far);
  corners[3].setX(-far);
  corners[3].setY(far);
}

void configure(omma::AppQuery& query, DwellConfig::Builder config) {
  auto tracker = config.initTracker();
  query.model(tracker.initShard());
  query.camera(tracker.initDetect().initRouter().initCamera());
  tracker.initLabels(1).set(0, query.label("person"));
  zones_of(query, config);
  config.setGoneAfterMs(gone_after_ms(query));
  config.setHeatMap(heat_map_of(query));
}

}  // namespace
}  // namespace dwell

OMMA_APP_MODULE(omma::make_camera_app<dwell::DwellCounter>(
    "dwell", "measures how long people stay in zones, and draws where they stand",
    dwell::configure));
