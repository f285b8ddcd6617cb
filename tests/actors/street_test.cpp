// The tracker and the lines together on a real street: 420 frames of ten people with known ids,
// fed as detections without their ids.
#include <array>
#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "actors/line_crossing.hpp"
#include "actors/multi_object_tracker.hpp"

namespace omma {
namespace {

constexpr int frames = 420;
using FrameBoxes = std::map<int, std::vector<std::pair<int, kernels::Box>>>;
using Counts = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

// frame,id,x,y,width,height,...
std::optional<FrameBoxes> read_truth() {
  const std::string path = std::string(OMMA_SHARED_DIR) + "/video/vtest.gt.csv";
  std::ifstream in(path);
  if (!in) {
    WARN("SKIPPED: no " << path);
    return std::nullopt;
  }
  FrameBoxes truth;
  for (std::string line; std::getline(in, line);) {
    std::stringstream fields(line);
    std::array<float, 6> field{};
    for (float& value : field) {
      fields >> value;
      fields.ignore();
    }
    truth[static_cast<int>(field[0])].push_back(
        {static_cast<int>(field[1]),
         {field[2], field[3], field[2] + field[4], field[3] + field[5]}});
  }
  return truth;
}

struct Outcome {
  Counts crossings;  // To the left and to the right of each line.
  std::uint64_t ids = 0;
};

Outcome run(const FrameBoxes& truth, float missing, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> chance(0, 1);
  MultiObjectTracker tracker(MultiObjectTracker::Options{});
  std::vector<LineCrossing> lines;
  lines.emplace_back(LineCrossing::Options{.from = {384, 150}, .to = {384, 575}});
  lines.emplace_back(LineCrossing::Options{.from = {150, 330}, .to = {620, 330}});
  lines.emplace_back(LineCrossing::Options{.from = {560, 120}, .to = {560, 575}});
  for (int frame = 1; frame <= frames; ++frame) {
    std::vector<kernels::Detection> detections;
    if (truth.contains(frame)) {
      for (const auto& [id, box] : truth.at(frame)) {
        if (chance(random) >= missing) detections.push_back({box, 0.9F, 1});
      }
    }
    const std::vector<TrackBox> tracks = tracker.update(detections);
    for (LineCrossing& line : lines) line.update(tracks);
  }
  Outcome outcome;
  for (const LineCrossing& line : lines) {
    outcome.crossings.emplace_back(line.to_left(), line.to_right());
  }
  outcome.ids = tracker.state().next_id - 1;
  return outcome;
}

// Counted from the true ids.
const Counts true_crossings{{6, 8}, {3, 2}, {8, 9}};

TEST_CASE("on a street with a perfect detector everybody keeps one id and the counts are true") {
  const std::optional<FrameBoxes> truth = read_truth();
  if (!truth) return;
  const Outcome outcome = run(*truth, 0, 1);
  CHECK(outcome.crossings == true_crossings);
  CHECK(outcome.ids == 10);
}

TEST_CASE("a detector that misses one box in five costs few ids and no crossing") {
  const std::optional<FrameBoxes> truth = read_truth();
  if (!truth) return;
  const unsigned seed = GENERATE(1U, 2U, 3U);
  INFO("seed " << seed);
  const Outcome outcome = run(*truth, 0.2F, seed);
  CHECK(outcome.crossings == true_crossings);
  CHECK(outcome.ids <= 14);
}

}  // namespace
}  // namespace omma
