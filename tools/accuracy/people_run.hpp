// PeopleRun: the app people_count over one recorded video, and all that its stages said on the way,
// for comparing with the truth. What runs is what a cluster runs: the app names its stages as for a
// user's query, and the real actors open the file, resize, detect, follow and count, in every-frame
// mode. Only the world around them is another: one thread and virtual time, so that two runs agree
// byte for byte.
//
// Blocks until the video is over. One call at a time.
#pragma once

#include "actors/score_levels.hpp"
#include "kernels/box.hpp"
#include "runtime/base/error.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace omma {

struct PeopleRunOptions {
  std::filesystem::path video;
  std::uint64_t frames_max = 0;  // 0: all.
  std::string model;             // As --model takes it; empty for the one that ships.
  std::vector<std::filesystem::path> model_folders;
  std::vector<std::string> lines;  // As --line takes them.
};

// A box in the source's pixels.
struct SeenBox {
  std::uint64_t frame = 0;     // From 1, as ground truth counts.
  std::uint64_t track_id = 0;  // 0 for a detection.
  kernels::Box box;
  float score = 0;
};

// By the app's "end" row.
struct LineCount {
  std::string line;
  std::uint64_t to_left = 0;
  std::uint64_t to_right = 0;
};

struct PeopleRun {
  std::uint64_t frames = 0;
  float score_recommended = 0;  // By the model's card; 0 when it does not say.
  ScoreLevels scores;           // What the tracker made of it.
  // People only, by frame.
  std::vector<SeenBox> detections;  // From scores.weak on, by falling score.
  std::vector<SeenBox> tracks;      // By id.
  std::vector<LineCount> counts;    // In the order of the lines.
};

// Errors are those of the app, the model store, the source and the network; corrupt when frames are
// missing from what came out.
Result<PeopleRun> run_people_count(const PeopleRunOptions& options);

// MOT csv: frame,id,x,y,width,height,score, with id -1 for a detection and every digit that a
// float32 has.
std::string mot_csv(const std::vector<SeenBox>& boxes);

}  // namespace omma
