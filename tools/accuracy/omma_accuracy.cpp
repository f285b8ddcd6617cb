// Writes down what people_count saw in a recorded video, for bench.py to compare with the truth:
//   detections.csv, tracks.csv   MOT csv, people only
//   run.json                     the model's score levels, frames, and the app's counts a line
#include <CLI/CLI.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tools/accuracy/people_run.hpp"

namespace {

std::string as_json(const omma::PeopleRun& run) {
  nlohmann::ordered_json json{{"frames", run.frames},
                              {"score_recommended", run.score_recommended},
                              {"score_sure", run.scores.sure},
                              {"score_weak", run.scores.weak},
                              {"score_start", run.scores.start},
                              {"lines", nlohmann::ordered_json::array()}};
  for (const omma::LineCount& count : run.counts) {
    json["lines"].push_back(
        {{"line", count.line}, {"to_left", count.to_left}, {"to_right", count.to_right}});
  }
  return json.dump(1) + "\n";
}

bool write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream out(file);
  out << text;
  return static_cast<bool>(out.flush());
}

}  // namespace

int main(int argc, char** argv) {
  omma::PeopleRunOptions options;
  std::filesystem::path folder;
  CLI::App arguments("Runs people_count over a recorded video and writes down what it saw");
  arguments.add_option("--video", options.video)->required();
  arguments.add_option("--frames", options.frames_max, "0: all");
  arguments.add_option("--model", options.model, "by name or .pt file");
  arguments.add_option("--models", options.model_folders, "folders with models");
  arguments.add_option("--line", options.lines, "NAME=x,y:x,y");
  arguments.add_option("--out", folder, "an existing folder")->required();
  CLI11_PARSE(arguments, argc, argv);

  const auto run = omma::run_people_count(options);
  if (!run) {
    std::fprintf(stderr, "omma_accuracy: %s\n", run.error().describe().c_str());
    return 1;
  }
  const bool written = write(folder / "detections.csv", omma::mot_csv(run->detections)) &&
                       write(folder / "tracks.csv", omma::mot_csv(run->tracks)) &&
                       write(folder / "run.json", as_json(*run));
  if (!written) std::fprintf(stderr, "omma_accuracy: cannot write to %s\n", folder.c_str());
  return written ? 0 : 1;
}
