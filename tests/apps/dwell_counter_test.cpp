// The actor in virtual time, with a tracker and a router that play a script: what a crash and a
// move must not change.
#include "apps/dwell/dwell_counter.hpp"

#include <catch2/catch.hpp>
#include <omma/testkit.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.hpp"

namespace dwell {
namespace {

using namespace std::chrono_literals;
using omma::Turn;

constexpr std::uint64_t frames = 300;  // 12 s of media time.
constexpr std::uint32_t width = 160;
constexpr std::uint32_t height = 120;
constexpr omma::Duration frame_time = 40ms;

void fill_tag(omma::FrameTag::Builder out, std::uint64_t sequence) {
  out.setCamera("lobby");
  out.setSequence(sequence);
  out.setMediaNs((frame_time * static_cast<std::int64_t>(sequence)).count());
}

// Person 1 walks through the zone in the left half and comes back, person 2 stands in it.
float place_of_1(std::uint64_t sequence) {
  return sequence < 50 || sequence > 200 ? 40.0F : 120.0F;
}

// A built-in stage's name, configuration and messages, with a script behind them; one frame a
// period while somebody subscribes. Durable, as the stages of a durable camera are.
class ScriptedTracker final : public omma::Actor {
 public:
  static constexpr const char* type_name = omma::Tracker::type_name;
  static constexpr bool is_stage = true;
  using Config = omma::TrackerConfig;
  using State = omma::TrackerState;  // Of it only the number and the end.
  using Accepts = omma::Accepts<>;
  using Publishes = omma::Publishes<omma::Tracks>;
  static std::string title(Config::Reader) { return "lobby"; }
  static omma::PlacementWish wish(Config::Reader) { return {"", "", "cloud"}; }
  static bool durable(Config::Reader) { return true; }

  explicit ScriptedTracker(Config::Reader) {}
  void on_subscribers_changed(Turn& turn) override {
    end_.keep_told(out_.subscribers());
    turn.set_timer(1, frame_time);
  }
  void on_timer(std::uint64_t, Turn& turn) override {
    if (out_.subscribers().empty()) return;
    if (next_ == frames) return tell_end(turn);
    out_.publish(turn, [&](omma::Tracks::Builder out) {
      fill_tag(out.initTag(), next_);
      out.setSourceWidth(width);
      out.setSourceHeight(height);
      auto tracks = out.initTracks(2);
      fill(tracks[0], 1, place_of_1(next_));
      fill(tracks[1], 2, 30);
    });
    ++next_;
    turn.set_timer(1, frame_time);
  }

  void save(State::Builder out) const {
    out.setNextSequence(next_);
    end_.save(out.initEnd());
  }
  omma::Result<void> load(State::Reader in) {
    next_ = in.getNextSequence();
    end_.load(in.getEnd());
    return {};
  }

 private:
  static void fill(omma::Track::Builder out, std::uint64_t id, float x) {
    out.setId(id);
    auto box = out.initBox();
    box.setX1(x - 5);
    box.setX2(x + 5);
    box.setY1(20);
    box.setY2(60);
  }
  void tell_end(Turn& turn) {
    const omma::Message tag = omma::Message::build<omma::FrameTag>([&](auto out) {
      fill_tag(out, frames);
      out.setEnd(true);
    });
    end_.reach(tag.as<omma::FrameTag>());
    const omma::Message last =
        omma::Message::build<omma::Tracks>([&](auto out) { out.setTag(end_.tag()); });
    for (const auto& subscriber : out_.subscribers()) {
      if (end_.must_tell(subscriber.id)) out_.publish_to(turn, subscriber, last);
    }
  }

  omma::Outlet<omma::Tracks> out_{*this};
  std::uint64_t next_ = 0;
  omma::StreamEnd end_;
};

// Gray pictures, two a second.
class ScriptedRouter final : public omma::Actor {
 public:
  static constexpr const char* type_name = omma::StreamRouter::type_name;
  static constexpr bool is_stage = true;
  using Config = omma::RouterConfig;
  using Accepts = omma::Accepts<>;
  using Publishes = omma::Publishes<omma::Frame>;
  static std::string title(Config::Reader) { return "lobby"; }
  static omma::PlacementWish wish(Config::Reader) { return {"", "", "cloud"}; }

  explicit ScriptedRouter(Config::Reader) {}
  void on_subscribers_changed(Turn& turn) override { turn.set_timer(1, 500ms); }
  void on_timer(std::uint64_t, Turn& turn) override {
    if (out_.subscribers().empty()) return;
    const std::vector<std::byte> gray(std::size_t{width} * height * 3, std::byte{128});
    out_.publish(turn,
                 [&](omma::Frame::Builder out) {
                   fill_tag(out.initTag(), sent_);
                   out.setWidth(width);
                   out.setHeight(height);
                   out.setFormat(omma::PixelFormat::BGR24);
                 },
                 {omma::Blob::copy_of(gray)});
    ++sent_;
    turn.set_timer(1, 500ms);
  }

 private:
  omma::Outlet<omma::Frame> out_{*this};
  std::uint64_t sent_ = 0;
};

// Whoever runs the app: hears its rows.
class Listener final : public omma::Actor {
 public:
  static constexpr const char* type_name = "listener";
  using Config = DwellConfig;
  using Accepts = omma::Accepts<omma::ResultRow>;
  using Publishes = omma::Publishes<>;
  static std::string title(Config::Reader) { return "listener"; }
  static omma::PlacementWish wish(Config::Reader) { return {"", "", "head"}; }

  Listener(Config::Reader config, std::vector<std::string>& heard)
      : config_(omma::Message::copy_of<Config>(config)), heard_(heard) {}
  void on_start(Turn& turn) override {
    omma::SubscribeOptions options;
    options.delivery = omma::DeliveryClass::reliable;
    turn.subscribe<omma::ResultRow>(turn.stage_of<DwellCounter>(config_.as<Config>()), options);
  }
  void on(omma::ResultRow::Reader row, Turn&) {
    std::string text = row.getKind();
    for (const auto field : row.getFields()) {
      const auto value = field.getValue();
      text += " " + std::string(field.getName()) + "=";
      if (value.isInteger()) text += std::to_string(value.getInteger());
      if (value.isReal()) text += std::to_string(value.getReal());
      if (value.isText()) text += value.getText();
    }
    heard_.push_back(std::move(text));
  }

 private:
  const omma::Message config_;
  std::vector<std::string>& heard_;
};

// A head and two nodes to work on.
class World {
 public:
  World(std::uint64_t seed, std::string heat_map, omma::Duration drawing_takes = 10ms)
      : heat_map_(std::move(heat_map)),
        cluster_({.seed = seed,
                  .nodes = {{.name = "head", .roles = {"head"}},
                            {.name = "east", .roles = {"camera", "cloud"}},
                            {.name = "west", .roles = {"camera", "cloud"}}},
                  .types = [this](const omma::NodeId&) { return types(); },
                  .lease = omma::LeaseTimes{.ttl = 2s},
                  .job_delays = {drawing_takes, drawing_takes}}) {
    cluster_.start();
    const auto listener = Turn::make_stage_ref<Listener>([&](auto out) { describe(out); });
    REQUIRE(cluster_.activate("head", *listener.spec).ok());
  }

  void describe(DwellConfig::Builder out) const {
    auto camera = out.initTracker().initDetect().initRouter().initCamera();
    camera.setName("lobby");
    camera.setMode(omma::CaptureMode::EVERY_FRAME);
    out.setGoneAfterMs(2000);
    out.setHeatMap(heat_map_);
    auto zone = out.initZones(1)[0];
    zone.setName("left");
    auto corners = zone.initCorners(4);
    const float points[4][2] = {{0, 0}, {80, 0}, {80, 120}, {0, 120}};
    for (unsigned i = 0; i < 4; ++i) {
      corners[i].setX(points[i][0]);
      corners[i].setY(points[i][1]);
    }
  }
  omma::ActorId counter() const {
    return Turn::make_stage_ref<DwellCounter>([&](auto out) { describe(out); }).id;
  }
  std::string place() { return cluster_.record(counter()).node.name; }
  // Its node comes back as another incarnation when the actors have gone elsewhere.
  void crash() {
    const std::string node = place();
    cluster_.crash(node);
    cluster_.advance(5s);
    cluster_.begin(node);
  }
  void move() {
    const std::string to = place() == "east" ? "west" : "east";
    cluster_.node(place()).host().move(counter(), to, "a test", [](auto) {});
  }
  void advance(omma::Duration by) { cluster_.advance(by); }
  omma::SimCluster& cluster() { return cluster_; }
  // Of this kind; all but those of the heat map, whose moments follow from the disk's.
  std::vector<std::string> rows() const {
    std::vector<std::string> all;
    for (const auto& row : heard_) {
      if (!row.starts_with("heat_map")) all.push_back(row);
    }
    return all;
  }
  const std::vector<std::string>& heard() const { return heard_; }

 private:
  omma::ActorTypes types() {
    omma::ActorTypes types;
    types.add(omma::actor_type<ScriptedTracker>());
    types.add(omma::actor_type<ScriptedRouter>());
    types.add(omma::actor_type<DwellCounter>());
    types.add(omma::actor_type<Listener>(
        [this](auto config) { return std::make_unique<Listener>(config, heard_); }));
    return types;
  }

  const std::string heat_map_;
  std::vector<std::string> heard_;
  omma::SimCluster cluster_;
};

TEST_CASE("rows tell of stays, zones and totals, and the end comes last") {
  World world(1, "");
  world.advance(30s);
  const auto rows = world.rows();
  REQUIRE(rows.size() == 16);
  CHECK(rows.front() == "zones left=2 left longest=0.000000");
  CHECK(std::count(rows.begin(), rows.end(),
                   "stay zone=left track=1 began=0.000000 seconds=1.960000") == 1);
  CHECK(rows[13] == "stay zone=left track=1 began=8.040000 seconds=3.920000");
  CHECK(rows[14] == "stay zone=left track=2 began=0.000000 seconds=11.960000");
  CHECK(rows[15] == "end left stays=3 left mean=5.946667 left longest=11.960000");
}

TEST_CASE("a heat map is drawn every ten seconds of media time and before the end") {
  omma::TemporaryFolder folder;
  const std::string path = folder.file("new/lobby.png").string();
  World world(1, path);
  world.advance(11s);
  CHECK(std::filesystem::exists(path));
  CHECK(std::count(world.heard().begin(), world.heard().end(), "heat_map path=" + path) == 1);
  world.advance(20s);
  const auto& rows = world.heard();
  CHECK(std::count(rows.begin(), rows.end(), "heat_map path=" + path) == 2);
  REQUIRE(rows.size() > 2);
  CHECK(rows[rows.size() - 2] == "heat_map path=" + path);
  CHECK(rows.back().starts_with("end "));
  CHECK_FALSE(std::filesystem::exists(path + ".part"));
  // Nothing is held back once all is over.
  const auto reports = world.cluster().reports();
  CHECK(reports.size() == 4);
  for (const auto& [node, report] : reports) CHECK(report.messages_held == 0);
}

TEST_CASE("a heat map that cannot be written is told as such, and the end comes all the same") {
  omma::TemporaryFolder folder;
  std::filesystem::create_directories(folder.file("taken.png"));  // A folder has its name.
  World world(1, folder.file("taken.png").string());
  world.advance(30s);
  const auto& rows = world.heard();
  REQUIRE(rows.size() > 2);
  CHECK(rows[rows.size() - 2].find("error=") != std::string::npos);
  CHECK(rows.back().starts_with("end "));
}

TEST_CASE("no crash and no move, whenever they come, changes a row but the heat map's moments") {
  omma::TemporaryFolder folder;
  const std::string path = folder.file("lobby.png").string();
  World undisturbed(1, path);
  undisturbed.advance(40s);
  REQUIRE(undisturbed.rows().size() == 16);
  for (std::uint64_t seed = 1; seed <= 24; ++seed) {
    CAPTURE(seed);
    // Often while a heat map is drawn, the first one from 10 s on and the last one from 12 s on.
    World world(seed, path, 1500ms);
    world.advance(500ms + (seed % 14) * 1s + std::chrono::milliseconds(seed * 37));
    if (seed % 2 == 0) {
      world.crash();
    } else {
      world.move();
    }
    world.advance(2s);
    if (seed % 3 == 0) world.move();
    world.advance(60s);
    CHECK(world.rows() == undisturbed.rows());
    CHECK(world.heard().back().starts_with("end "));
    CHECK(std::count(world.heard().begin(), world.heard().end(), "heat_map path=" + path) >= 2);
  }
}

}  // namespace
}  // namespace dwell
