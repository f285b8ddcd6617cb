#include "apps/dwell/dwell_meter.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace dwell {
namespace {

using namespace std::chrono_literals;
using omma::CaptureMode;
using omma::Duration;
using omma::Message;
using omma::TrackBox;

constexpr int width = 320;
constexpr int height = 240;
constexpr float in_left = 60;    // Where somebody's feet are when he is in the zone "left",
constexpr float in_right = 260;  // in "right",
constexpr float between = 160;   // or in neither.

// Two zones, left of x = 100 and right of x = 200.
struct Hall {
  explicit Hall(CaptureMode mode = CaptureMode::EVERY_FRAME) {
    auto config = builder_.initRoot<DwellConfig>();
    config.initTracker().initDetect().initRouter().initCamera().setMode(mode);
    config.setGoneAfterMs(2000);
    auto zones = config.initZones(2);
    fill(zones[0], "left", 0, 100);
    fill(zones[1], "right", 200, width);
    meter = std::make_unique<DwellMeter>(config.asReader());
  }

  static void fill(omma::Zone::Builder zone, const char* name, float x1, float x2) {
    zone.setName(name);
    auto corners = zone.initCorners(4);
    const std::vector<std::pair<float, float>> points{{x1, 0}, {x2, 0}, {x2, height}, {x1, height}};
    for (unsigned i = 0; i < 4; ++i) {
      corners[i].setX(points[i].first);
      corners[i].setY(points[i].second);
    }
  }

  // Everybody's feet are on the line y = 100.
  Findings frame(std::uint64_t sequence, Duration at,
                 const std::map<std::uint64_t, float>& people) {
    std::vector<TrackBox> boxes;
    for (const auto& [track, x] : people) {
      boxes.push_back({track, {x - 5, 50, x + 5, 100}, 0.9F, 0, 1});
    }
    return meter->update(sequence, at, width, height, boxes);
  }
  std::vector<std::string> stays(const std::vector<Stay>& all) {
    std::vector<std::string> texts;
    for (const Stay& stay : all) {
      texts.push_back(stay.zone + " " + std::to_string(stay.track) + " " +
                      std::to_string(stay.length / 1ms));
    }
    return texts;
  }
  // A move, or a crash of a durable counter.
  void restart() {
    const Message state = saved();
    meter = std::make_unique<DwellMeter>(builder_.getRoot<DwellConfig>().asReader());
    REQUIRE(meter->load(state.as<DwellMeterState>()).ok());
    REQUIRE(std::ranges::equal(state.flat_words().bytes(), saved().flat_words().bytes()));
  }
  Message saved() const {
    return Message::build<DwellMeterState>([&](DwellMeterState::Builder out) { meter->save(out); });
  }
  std::uint64_t heat_ms() const {
    std::uint64_t sum = 0;
    for (const std::uint32_t cell : meter->heat().cells()) sum += cell;
    return sum;
  }

  std::unique_ptr<DwellMeter> meter;

 private:
  capnp::MallocMessageBuilder builder_;
};

using Texts = std::vector<std::string>;

TEST_CASE("a stay lasts from the first frame inside to the last, and ends two seconds later") {
  const bool restarts = GENERATE(false, true);
  Hall hall;
  CHECK(hall.frame(0, 0s, {{7, between}}).ended.empty());
  CHECK(hall.frame(1, 1s, {{7, in_left}}).ended.empty());
  if (restarts) hall.restart();
  CHECK(hall.frame(2, 4s, {{7, between}}).ended.size() == 1);  // Unseen for 3 s.
  CHECK(hall.frame(3, 5s, {{7, in_left}}).ended.empty());
  CHECK(hall.frame(4, 6s, {{7, in_left}}).ended.empty());
  CHECK(hall.frame(5, 7s, {}).ended.empty());
  if (restarts) hall.restart();
  CHECK(hall.frame(6, 7900ms, {{7, in_left}}).ended.empty());  // Hidden for 1.9 s.
  CHECK(hall.frame(7, 9800ms, {}).ended.empty());
  CHECK(hall.stays(hall.frame(8, 9900ms, {}).ended) == Texts{"left 7 2900"});
  const auto totals = hall.meter->totals();
  CHECK(totals[0].stays == 2);
  CHECK(totals[0].mean == 1450ms);
  CHECK(totals[0].longest == 2900ms);
  CHECK(totals[1].stays == 0);
}

TEST_CASE("somebody who is back after his time has gone begins another stay in the same frame") {
  Hall hall;
  hall.frame(0, 0s, {{1, in_left}});
  hall.frame(1, 1s, {{1, in_left}});
  CHECK(hall.stays(hall.frame(2, 3s, {{1, in_left}}).ended) == Texts{"left 1 1000"});
  CHECK(hall.stays(hall.meter->finish()) == Texts{"left 1 0"});
  CHECK(hall.meter->finish().empty());
}

TEST_CASE("once a second of media time it says how many are in each zone and for how long") {
  Hall hall;
  const auto first = hall.frame(0, 100ms, {{1, in_left}, {2, in_left}}).zones;
  REQUIRE(first.size() == 2);
  CHECK(first[0].people == 2);
  CHECK(first[1].people == 0);
  CHECK(hall.frame(1, 900ms, {{1, in_left}, {2, in_right}}).zones.empty());
  const auto second = hall.frame(2, 1s, {{1, in_left}, {2, in_right}}).zones;
  REQUIRE(second.size() == 2);
  CHECK(second[0].people == 1);
  CHECK(second[0].longest == 900ms);
  CHECK(second[1].longest == 100ms);
}

TEST_CASE("a frame that was counted counts no more") {
  Hall hall;
  hall.frame(0, 0s, {{1, in_left}});
  hall.frame(1, 500ms, {{1, in_left}});
  const Message before = hall.saved();
  CHECK(hall.frame(0, 0s, {{1, in_right}}).repeated);
  CHECK(hall.frame(1, 500ms, {{1, in_right}}).repeated);
  CHECK(std::ranges::equal(before.flat_words().bytes(), hall.saved().flat_words().bytes()));
  CHECK_FALSE(hall.frame(2, 600ms, {{1, in_left}}).repeated);
}

TEST_CASE("stays end as last seen when the tracker's ids may mean others") {
  const bool live = GENERATE(false, true);
  Hall hall(live ? CaptureMode::LIVE : CaptureMode::EVERY_FRAME);
  hall.frame(0, 0s, {{1, in_left}});
  hall.frame(1, 500ms, {{1, in_left}});
  hall.meter->tracker_lost();
  hall.restart();
  // Every frame since: the same people, unless nobody can tell because frames are left out anyway.
  CHECK(hall.stays(hall.frame(2, 600ms, {{1, in_left}}).ended) ==
        (live ? Texts{"left 1 500"} : Texts{}));
  hall.meter->tracker_lost();
  CHECK(hall.stays(hall.frame(9, 900ms, {{1, in_left}}).ended) ==
        (live ? Texts{"left 1 0"} : Texts{"left 1 600"}));
}

TEST_CASE("a live camera that begins anew ends all stays and is counted on") {
  Hall hall(CaptureMode::LIVE);
  hall.frame(5000, 200s, {{1, in_left}});
  CHECK(hall.stays(hall.frame(0, 0s, {{1, in_left}}).ended) == Texts{"left 1 0"});
  CHECK(hall.stays(hall.frame(1, 2s, {{1, in_left}}).ended) == Texts{"left 1 0"});
}

TEST_CASE("heat is the time since the frame before, in the cell of everybody's feet") {
  Hall hall;
  hall.frame(0, 10s, {{1, in_left}});
  CHECK(hall.heat_ms() == 0);
  // 24 frames a second: thirds of milliseconds are not lost.
  for (std::uint64_t i = 1; i <= 48; ++i) {
    hall.frame(i, 10s + Duration(i * 1'000'000'000 / 24), {{1, in_left}, {2, in_right}});
  }
  CHECK(hall.heat_ms() == 4000);
  const auto cell = [&](float x) {
    return hall.meter->heat()
        .cells()[static_cast<std::size_t>(100 / 16 * 20 + static_cast<int>(x) / 16)];
  };
  CHECK(cell(in_left) == 2000);
  CHECK(cell(in_right) == 2000);
  hall.frame(49, 20s, {{1, in_left}});  // Nobody knows where he was for 8 seconds.
  CHECK(hall.heat_ms() == 4000);
}

TEST_CASE("a state of other zones or of damaged heat is refused") {
  Hall hall;
  hall.frame(0, 0s, {{1, in_left}});
  const auto refused = [&](auto&& damage) {
    capnp::MallocMessageBuilder builder;
    builder.setRoot(hall.saved().as<DwellMeterState>());
    damage(builder.getRoot<DwellMeterState>());
    const auto loaded = hall.meter->load(builder.getRoot<DwellMeterState>().asReader());
    return !loaded.ok() && loaded.error().code == omma::Code::corrupt;
  };
  CHECK(refused([](auto state) { state.initZones(1); }));
  CHECK(refused([](auto state) { state.getHeat().initCellsMs(3); }));
  CHECK(refused([](auto state) { state.getHeat().setWidth(1'000'000'000); }));
}

// --- Against the definition
// -----------------------------------------------------------------------

struct Sighting {
  Duration at;
  std::map<std::uint64_t, float> people;
};

// By zone and track, the moments inside; cut where two are two seconds apart or more.
std::multiset<std::tuple<std::string, std::uint64_t, Duration, Duration>> defined(
    const std::vector<Sighting>& video) {
  std::map<std::pair<std::string, std::uint64_t>, std::vector<Duration>> inside;
  for (const Sighting& frame : video) {
    for (const auto& [track, x] : frame.people) {
      if (x < 100) inside[{"left", track}].push_back(frame.at);
      if (x >= 200) inside[{"right", track}].push_back(frame.at);
    }
  }
  std::multiset<std::tuple<std::string, std::uint64_t, Duration, Duration>> stays;
  for (const auto& [who, times] : inside) {
    std::size_t first = 0;
    for (std::size_t i = 0; i < times.size(); ++i) {
      if (i + 1 < times.size() && times[i + 1] - times[i] < 2s) continue;
      stays.emplace(who.first, who.second, times[first], times[i] - times[first]);
      first = i + 1;
    }
  }
  return stays;
}

std::vector<Sighting> random_video(std::mt19937_64& chance) {
  std::vector<Sighting> video;
  std::map<std::uint64_t, float> people;
  Duration at{};
  const std::size_t frames = 50 + chance() % 400;
  for (std::size_t i = 0; i < frames; ++i) {
    for (std::uint64_t track = 1; track <= 6; ++track) {
      const auto draw = chance() % 40;
      if (draw == 0) people[track] = static_cast<float>(chance() % width);
      if (draw == 1) people.erase(track);
      if (draw == 2 && people.contains(track)) people[track] = between;
    }
    video.push_back({at, people});
    at += Duration(
        std::chrono::milliseconds(chance() % 20 == 0 ? chance() % 3000 : 1 + chance() % 120));
  }
  return video;
}

TEST_CASE("random videos with restarts and repeated frames have the stays of the definition") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 chance(seed);
  for (int round = 0; round < 60; ++round) {
    CAPTURE(round);
    const auto video = random_video(chance);
    Hall hall;
    std::multiset<std::tuple<std::string, std::uint64_t, Duration, Duration>> stays;
    const auto note = [&](const std::vector<Stay>& ended) {
      for (const Stay& stay : ended) stays.emplace(stay.zone, stay.track, stay.began, stay.length);
    };
    for (std::uint64_t i = 0; i < video.size(); ++i) {
      note(hall.frame(i, video[i].at, video[i].people).ended);
      if (chance() % 50 == 0) {  // A crash upstream: some frames come again.
        hall.restart();
        hall.meter->tracker_lost();
        for (std::uint64_t k = i - std::min<std::uint64_t>(i, chance() % 9); k <= i; ++k) {
          REQUIRE(hall.frame(k, video[k].at, video[k].people).repeated);
        }
      }
    }
    note(hall.meter->finish());
    REQUIRE(stays == defined(video));
    Duration longest{};
    for (const auto& stay : stays) longest = std::max(longest, std::get<3>(stay));
    const auto totals = hall.meter->totals();
    REQUIRE(totals[0].stays + totals[1].stays == stays.size());
    REQUIRE(std::max(totals[0].longest, totals[1].longest) == longest);
  }
}

}  // namespace
}  // namespace dwell
