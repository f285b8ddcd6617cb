// A folder of models that a test fills, gone with the test.
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/temporary_folder.hpp"

namespace omma::test {

class ModelFolder {
 public:
  const std::filesystem::path& path() const { return folder_.path(); }
  std::filesystem::path write(const std::string& file, const std::string& text) const {
    std::ofstream(path() / file, std::ios::binary) << text;
    return path() / file;
  }

 private:
  TemporaryFolder folder_;
};

// A detector of two rows and two classes on pictures of 32x16 pixels.
inline nlohmann::json tiny_card() {
  return {{"name", "tiny"},
          {"kind", "detector"},
          {"file", "tiny.pt"},
          {"input",
           {{"shape", {1, 3, 16, 32}},
            {"layout", "NCHW"},
            {"dtype", "float32"},
            {"color", "BGR"},
            {"range", {0, 255}}}},
          {"outputs", {{1, 2, 4}, {1, 2, 2}}},
          {"classes", {"first", "second"}},
          {"boxes", "x1,y1,x2,y2 in 0..1"},
          {"licence", "MIT"},
          {"parameters", 0}};
}

// Two constant boxes; the scores are the means of the first two planes, whatever the box.
inline const char* const tiny_detector = R"(
def forward(self, x):
    boxes = torch.tensor([[0.25, 0.25, 0.75, 0.75], [0.0, 0.0, 0.5, 1.0]])
    scores = x.mean([2, 3])[:, 0:2] / 255.0
    boxes = boxes.unsqueeze(0).expand([x.size(0), 2, 4])
    return boxes, scores.unsqueeze(1).expand([x.size(0), 2, 2])
)";

}  // namespace omma::test
