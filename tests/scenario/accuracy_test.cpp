// The whole of people_count on real video, with the network that ships: how well it sees, and that
// every-frame mode gives the same answer twice. Figures over the whole truth: ./run bench accuracy.
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tools/accuracy/people_run.hpp"

namespace omma {
namespace {

constexpr std::uint64_t frames = 60;
constexpr float overlap_min = 0.5F;

using FrameBoxes = std::map<std::uint64_t, std::vector<kernels::Box>>;

// frame,id,x,y,width,height,...
FrameBoxes read_truth(const std::string& path) {
  FrameBoxes truth;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    std::stringstream fields(line);
    std::array<float, 6> field{};
    for (float& value : field) {
      fields >> value;
      fields.ignore();
    }
    if (field[0] > static_cast<float>(frames)) continue;
    truth[static_cast<std::uint64_t>(field[0])].push_back(
        {field[2], field[3], field[2] + field[4], field[3] + field[5]});
  }
  return truth;
}

// Detections come by falling score: each takes the free true box that it overlaps most.
bool take_match(std::vector<kernels::Box>& free, const kernels::Box& seen) {
  const auto overlap = [&](const kernels::Box& box) {
    return kernels::intersection_over_union(box, seen);
  };
  const auto best = std::max_element(free.begin(), free.end(), [&](const auto& a, const auto& b) {
    return overlap(a) < overlap(b);
  });
  if (best == free.end() || overlap(*best) < overlap_min) return false;
  free.erase(best);
  return true;
}

double f1_of(const PeopleRun& run, FrameBoxes truth) {
  std::size_t true_boxes = 0;
  for (const auto& [frame, boxes] : truth) true_boxes += boxes.size();
  std::size_t seen = 0;
  std::size_t matches = 0;
  for (const SeenBox& detection : run.detections) {
    if (detection.score < run.scores.sure) continue;
    ++seen;
    if (take_match(truth[detection.frame], detection.box)) ++matches;
  }
  return 2 * static_cast<double>(matches) /
         static_cast<double>(std::max<std::size_t>(true_boxes + seen, 1));
}

TEST_CASE("the detector that ships finds people on a real street, and two runs agree on each") {
  const std::string folder = std::string(OMMA_SHARED_DIR) + "/video/";
  if (!std::ifstream(folder + "vtest.avi") || !std::ifstream(folder + "vtest.gt.csv")) {
    WARN("SKIPPED: no vtest.avi and vtest.gt.csv in " << folder);
    return;
  }
  PeopleRunOptions options;
  options.video = folder + "vtest.avi";
  options.frames_max = frames;
  options.model_folders = {std::string(OMMA_SOURCE_DIR) + "/models"};
  options.lines = {"centre=384,150:384,575"};
  const auto first = run_people_count(options);
  REQUIRE(first.ok());
  CHECK(first->frames == frames);
  CHECK(f1_of(*first, read_truth(folder + "vtest.gt.csv")) >= 0.85);
  const auto second = run_people_count(options);
  REQUIRE(second.ok());
  CHECK_FALSE(first->tracks.empty());
  CHECK(mot_csv(second->tracks) == mot_csv(first->tracks));
  CHECK(mot_csv(second->detections) == mot_csv(first->detections));
}

TEST_CASE("a run over a video that is not there says so") {
  PeopleRunOptions options;
  options.video = "/no/such/video.avi";
  options.model_folders = {std::string(OMMA_SOURCE_DIR) + "/models"};
  const auto run = run_people_count(options);
  REQUIRE_FALSE(run.ok());
  CHECK(run.error().message.find("/no/such/video.avi") != std::string::npos);
}

}  // namespace
}  // namespace omma
