#include "actors/multi_object_tracker.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <random>
#include <vector>

namespace omma {
namespace {

using kernels::Box;
using kernels::Detection;

constexpr std::uint16_t person = 1;
constexpr std::uint16_t vehicle = 0;

Detection at(float x, float y, float score = 0.9F, std::uint16_t label = person) {
  return {{x, y, x + 30, y + 80}, score, label};
}

MultiObjectTracker tracker() {
  return MultiObjectTracker(MultiObjectTracker::Options{});
}

std::vector<std::uint64_t> ids(const std::vector<TrackBox>& tracks) {
  std::vector<std::uint64_t> result;
  for (const TrackBox& track : tracks) result.push_back(track.id);
  return result;
}
using Ids = std::vector<std::uint64_t>;

// People who walk about at random, seen with noise, gaps and unsure scores.
class Crowd {
 public:
  explicit Crowd(unsigned seed) : random_(seed) {
    for (int i = 0; i < 12; ++i) people_.push_back({uniform(0, 600), uniform(0, 400), 0, 0});
  }
  std::vector<Detection> next() {
    std::vector<Detection> seen;
    for (Person& one : people_) {
      one.dx = 0.9F * one.dx + uniform(-1, 1);
      one.dy = 0.9F * one.dy + uniform(-1, 1);
      one.x += one.dx;
      one.y += one.dy;
      if (uniform(0, 1) < 0.15F) continue;
      seen.push_back(at(one.x + uniform(-2, 2), one.y + uniform(-2, 2), uniform(0.1F, 1)));
    }
    return seen;
  }

 private:
  struct Person {
    float x, y, dx, dy;
  };
  float uniform(float low, float high) {
    return low + (high - low) * static_cast<float>(random_() % 10000) / 10000;
  }
  std::mt19937 random_;
  std::vector<Person> people_;
};

TEST_CASE("a track is reported from its second box in a row on, with one id for good") {
  MultiObjectTracker tracks = tracker();
  CHECK(tracks.update(std::vector{at(100, 100)}).empty());
  for (int frame = 1; frame < 20; ++frame) {
    const auto seen = tracks.update(std::vector{at(100 + 5 * static_cast<float>(frame), 100)});
    REQUIRE(ids(seen) == Ids{1});
    CHECK(seen[0].age_frames == static_cast<std::uint32_t>(frame));
    CHECK(seen[0].label == person);
    CHECK(seen[0].box.x1 == Approx(100 + 5 * frame).margin(3));
  }
}

TEST_CASE("what flickers is never reported and uses no id") {
  MultiObjectTracker tracks = tracker();
  for (int frame = 0; frame < 10; ++frame) {
    const auto detections = frame % 2 == 0 ? std::vector{at(100, 100)} : std::vector<Detection>{};
    CHECK(tracks.update(detections).empty());
  }
  CHECK(tracks.state().next_id == 1);
}

TEST_CASE("two who meet and go on keep their ids") {
  MultiObjectTracker tracks = tracker();
  Ids last;
  for (int frame = 0; frame < 60; ++frame) {
    const float x = 5 * static_cast<float>(frame);
    const auto seen = tracks.update(std::vector{at(100 + x, 100), at(400 - x, 130)});
    if (frame == 1) {
      REQUIRE(ids(seen) == Ids{1, 2});
      CHECK(seen[0].box.x1 < seen[1].box.x1);
    }
    if (frame > 0) {
      REQUIRE(ids(seen) == Ids{1, 2});
      CHECK(seen[0].box.y1 == Approx(100).margin(8));
      CHECK(seen[1].box.y1 == Approx(130).margin(8));
    }
  }
}

TEST_CASE("a track out of sight is met again where it was going, and not reported meanwhile") {
  MultiObjectTracker tracks = tracker();
  for (int frame = 0; frame < 40; ++frame) {
    const bool hidden = frame >= 15 && frame < 30;
    const auto detections = hidden ? std::vector<Detection>{}
                                   : std::vector{at(100 + 6 * static_cast<float>(frame), 100)};
    const auto seen = tracks.update(detections);
    if (frame > 0) CHECK(ids(seen) == (hidden ? Ids{} : Ids{1}));
  }
}

TEST_CASE("a track unseen for too long is forgotten and its id never comes back") {
  MultiObjectTracker tracks = tracker();
  tracks.update(std::vector{at(100, 100)});
  REQUIRE(ids(tracks.update(std::vector{at(100, 100)})) == Ids{1});
  for (int frame = 0; frame < 31; ++frame) tracks.update({});
  CHECK(tracks.state().tracks.empty());
  tracks.update(std::vector{at(100, 100)});
  CHECK(ids(tracks.update(std::vector{at(100, 100)})) == Ids{2});
}

TEST_CASE("frames dropped on the way count as frames") {
  MultiObjectTracker tracks = tracker();
  for (int frame = 0; frame <= 30; frame += 3) {
    const auto seen = tracks.update(std::vector{at(100 + 5 * static_cast<float>(frame), 100)}, 3);
    if (frame > 0) {
      REQUIRE(ids(seen) == Ids{1});
      CHECK(seen[0].age_frames == static_cast<std::uint32_t>(frame));
    }
  }
  CHECK(ids(tracks.update(std::vector{at(280, 100)}, 6)) == Ids{1});
  CHECK(tracks.update(std::vector{at(300, 100)}, 32).empty());
  CHECK(tracks.update({}, 4'000'000'000U).empty());
  CHECK(tracks.state().tracks.empty());
}

TEST_CASE("a weak detection continues a track but starts none") {
  MultiObjectTracker tracks = tracker();
  for (int frame = 0; frame < 5; ++frame) tracks.update(std::vector{at(100, 100)});
  const auto seen = tracks.update(std::vector{at(101, 100, 0.2F), at(300, 100, 0.2F)});
  REQUIRE(ids(seen) == Ids{1});
  CHECK(seen[0].score == 0.2F);
  CHECK(tracks.update(std::vector{at(101, 100, 0.1F)}).empty());
  CHECK(tracks.state().tracks.size() == 1);
}

TEST_CASE("a sure detection has the first choice of tracks") {
  MultiObjectTracker tracks = tracker();
  for (int frame = 0; frame < 5; ++frame) tracks.update(std::vector{at(100, 100)});
  const auto seen = tracks.update(std::vector{at(100, 100, 0.3F), at(108, 100, 0.8F)});
  REQUIRE(ids(seen) == Ids{1});
  CHECK(seen[0].score == 0.8F);
}

TEST_CASE("a second box on somebody followed starts no track") {
  MultiObjectTracker tracks = tracker();
  for (int frame = 0; frame < 10; ++frame) {
    tracks.update(std::vector{at(100, 100, 0.95F), at(110, 105, 0.7F)});
  }
  // The first frame knows nobody yet, so both boxes start; from then on no more do.
  CHECK(tracks.state().tracks.size() == 2);
  MultiObjectTracker later = tracker();
  for (int frame = 0; frame < 10; ++frame) {
    std::vector<Detection> detections{at(100, 100, 0.95F)};
    if (frame > 3) detections.push_back(at(110, 105, 0.7F));
    later.update(detections);
  }
  CHECK(later.state().tracks.size() == 1);
}

TEST_CASE("labels are not mixed, and only those wanted are followed") {
  MultiObjectTracker all = tracker();
  all.update(std::vector{at(100, 100, 0.9F, person), at(100, 100, 0.8F, vehicle)});
  const auto seen =
      all.update(std::vector{at(100, 100, 0.9F, vehicle), at(100, 100, 0.8F, person)});
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].label != seen[1].label);
  CHECK(all.update(std::vector{at(100, 100, 0.9F, vehicle)}).front().label == vehicle);

  MultiObjectTracker::Options options;
  options.labels = {vehicle};
  MultiObjectTracker vehicles(options);
  for (int frame = 0; frame < 3; ++frame) {
    vehicles.update(std::vector{at(100, 100, 0.9F, person), at(300, 100, 0.8F, vehicle)});
  }
  REQUIRE(vehicles.state().tracks.size() == 1);
  CHECK(vehicles.state().tracks[0].label == vehicle);
}

TEST_CASE("a tracker restored in the middle goes on exactly as the one it came from") {
  const unsigned seed = 11;
  INFO("seed " << seed);
  Crowd crowd(seed);
  MultiObjectTracker first = tracker();
  for (int frame = 0; frame < 100; ++frame) first.update(crowd.next());
  MultiObjectTracker second = tracker();
  REQUIRE(second.restore(first.state()));
  for (int frame = 0; frame < 200; ++frame) {
    const auto detections = crowd.next();
    REQUIRE(first.update(detections) == second.update(detections));
  }
  CHECK(first.state() == second.state());
}

TEST_CASE("in a crowd every frame's ids are distinct, sorted and below the next id") {
  Crowd crowd(12);
  MultiObjectTracker tracks = tracker();
  std::uint64_t largest = 0;
  for (int frame = 0; frame < 500; ++frame) {
    const Ids seen = ids(tracks.update(crowd.next()));
    for (std::size_t i = 1; i < seen.size(); ++i) REQUIRE(seen[i - 1] < seen[i]);
    for (const std::uint64_t id : seen) largest = std::max(largest, id);
    REQUIRE(largest < tracks.state().next_id);
  }
  CHECK(largest == tracks.state().next_id - 1);  // Only reported tracks use an id.
  CHECK(largest >= 12);
}

TEST_CASE("detections with a number that is none are skipped and counted") {
  MultiObjectTracker tracks = tracker();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<Detection> detections{
      at(100, 100), at(nan, 0), at(0, infinity), at(0, 0, nan), {{5, 5, 5, 9}, 0.9F, person}};
  tracks.update(detections);
  CHECK(ids(tracks.update(detections)) == Ids{1});
  CHECK(tracks.counters().rejected_detections == 8);
}

TEST_CASE("past the limit no track starts, and that is counted") {
  MultiObjectTracker::Options options;
  options.tracks_max = 3;
  MultiObjectTracker tracks(options);
  std::vector<Detection> detections;
  for (int i = 0; i < 5; ++i) detections.push_back(at(100 * static_cast<float>(i), 0));
  tracks.update(detections);
  CHECK(tracks.update(detections).size() == 3);
  CHECK(tracks.counters().refused_tracks == 4);
}

TEST_CASE("a state that cannot be is refused and changes nothing") {
  MultiObjectTracker tracks = tracker();
  tracks.update(std::vector{at(100, 100), at(300, 100)});
  tracks.update(std::vector{at(100, 100), at(300, 100)});
  const MultiObjectTracker::State good = tracks.state();
  MultiObjectTracker::State bad = good;
  SECTION("an id twice") {
    bad.tracks[1].id = bad.tracks[0].id;
  }
  SECTION("an id not given yet") {
    bad.tracks[1].id = bad.next_id;
  }
  SECTION("a number that is none") {
    bad.tracks[0].motion[2].covariance = std::numeric_limits<float>::quiet_NaN();
  }
  SECTION("too many tracks") {
    bad.tracks.resize(513);
  }
  const Result<void> result = tracks.restore(bad);
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == Code::corrupt);
  CHECK(tracks.state() == good);
}

}  // namespace
}  // namespace omma
