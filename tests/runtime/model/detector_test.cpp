#include "runtime/model/detector.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "runtime/base/limits.hpp"
#include "runtime/media/frame_source.hpp"
#include "tests/runtime/model/model_folder.hpp"
#include "tests/runtime/model/torchscript_file.hpp"

namespace omma {
namespace {

namespace fs = std::filesystem;
using kernels::Box;
using kernels::Detection;
using test::ModelFolder;

std::unique_ptr<Detector> tiny_detector_with(
    const nlohmann::json& input_changes = nlohmann::json::object()) {
  const ModelFolder folder;
  test::write_torchscript(folder.path() / "tiny.pt", test::tiny_detector);
  auto card = test::tiny_card();
  card["input"].merge_patch(input_changes);
  folder.write("tiny.json", card.dump());
  const auto model = ModelStore({folder.path()}).find("tiny");
  REQUIRE(model.ok());
  auto detector = Detector::load(*model, {});
  REQUIRE(detector.ok());
  return *std::move(detector);
}

// A picture of one colour.
struct PlainPicture {
  PlainPicture(int width, int height, std::uint8_t blue, std::uint8_t green, std::uint8_t red) {
    for (int i = 0; i < width * height; ++i) pixels.insert(pixels.end(), {blue, green, red});
    view = kernels::dense_view(pixels.data(), width, height, 3);
  }
  std::vector<std::uint8_t> pixels;
  kernels::ImageView view;
};

float score_of(const std::vector<Detection>& detections, std::uint16_t label) {
  for (const Detection& detection : detections) {
    if (detection.label == label) return detection.score;
  }
  return 0;
}

TEST_CASE("boxes are in pixels of the source and pictures of any size are taken") {
  auto detector = tiny_detector_with();
  const PlainPicture same(32, 16, 204, 102, 51);
  const PlainPicture other(100, 90, 204, 102, 51);
  const DetectorPicture pictures[] = {{same.view, 640, 480}, {other.view, 100, 90}};
  const auto found = detector->detect(pictures, {0.5F, 0.45F});
  REQUIRE(found.ok());
  REQUIRE(found->size() == 2);
  // Two boxes of class "first", the mean of blue; those of "second" score 0.4.
  REQUIRE((*found)[0].size() == 2);
  CHECK((*found)[0][0].box == Box{160, 120, 480, 360});
  CHECK((*found)[0][1].box == Box{0, 0, 320, 480});
  CHECK((*found)[0][0].score == Approx(0.8));
  CHECK((*found)[0][0].label == 0);
  REQUIRE((*found)[1].size() == 2);
  CHECK((*found)[1][0].box == Box{25, 22.5F, 75, 67.5F});
}

TEST_CASE("planes come in the card's order, range, mean and scale") {
  const PlainPicture picture(32, 16, 204, 102, 51);
  const DetectorPicture pictures[] = {{picture.view, 32, 16}};
  const DetectOptions all{0, 0.45F};

  const auto rgb = tiny_detector_with({{"color", "RGB"}})->detect(pictures, all);
  REQUIRE(rgb.ok());
  CHECK(score_of(rgb->front(), 0) == Approx(0.2));
  CHECK(score_of(rgb->front(), 1) == Approx(0.4));

  // Blue 204 -> 0.8 * 300 - 100 = 140; less a mean of 40, by 0.5: 200. The network divides by 255.
  const auto scaled =
      tiny_detector_with({{"range", {-100, 200}}, {"mean", {40, 0, 0}}, {"scale", {0.5, 1, 1}}})
          ->detect(pictures, all);
  REQUIRE(scaled.ok());
  CHECK(score_of(scaled->front(), 0) == Approx(200.0 / 255));
  CHECK(score_of(scaled->front(), 1) == Approx(20.0 / 255));
}

TEST_CASE("no pictures give no lists, and a batch past the limit is refused") {
  auto detector = tiny_detector_with();
  const auto none = detector->detect({}, {});
  REQUIRE(none.ok());
  CHECK(none->empty());
  const PlainPicture picture(32, 16, 1, 1, 1);
  const std::vector<DetectorPicture> many(limits::batch_frames_max + 1, {picture.view, 32, 16});
  const auto refused = detector->detect(many, {});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Code::over_limit);
}

TEST_CASE("a picture that is empty or gray is refused") {
  auto detector = tiny_detector_with();
  const PlainPicture good(32, 16, 1, 1, 1);
  kernels::ImageView gray = good.view;
  gray.channels = 1;
  const DetectorPicture wrong[] = {{{}, 32, 16},
                                   {gray, 32, 16},
                                   {good.view, 0, 16},
                                   {kernels::crop(good.view, 0, 0, 0, 0), 1, 1}};
  for (const DetectorPicture& picture : wrong) {
    const auto refused = detector->detect({&picture, 1}, {});
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Code::invalid_argument);
  }
}

TEST_CASE("a model of another kind is no detector") {
  ModelFile model;
  model.card.name = "embedder";
  model.card.kind = ModelKind::embedder;
  const auto detector = Detector::load(model, {});
  REQUIRE_FALSE(detector.ok());
  CHECK(detector.error().code == Code::invalid_argument);
  CHECK(detector.error().message.find("kind 'embedder'") != std::string::npos);
}

TEST_CASE("thresholds are the card's where it recommends some") {
  ModelCard card;
  CHECK(DetectOptions::of(card).score_min == DetectOptions{}.score_min);
  card.recommended = RecommendedThresholds{0.4F, 0.6F};
  CHECK(DetectOptions::of(card).score_min == 0.4F);
  CHECK(DetectOptions::of(card).nms_iou == 0.6F);
}

// --- Real networks on real video -----------------------------------------------------------------

const fs::path shared = OMMA_SHARED_DIR;

std::optional<fs::path> street_video() {
  for (const fs::path& path : {shared / "video" / "vtest.avi",
                               fs::path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")}) {
    if (fs::exists(path)) return path;
  }
  return std::nullopt;
}

std::vector<Picture> read_pictures(const fs::path& video, std::uint64_t first,
                                   std::uint64_t count) {
  static BufferPool pool(std::size_t{64} << 20);
  const SystemClock clock;
  SourceSpec spec;
  spec.url = video.string();
  spec.frames_first = first;
  spec.frames_max = count;
  auto source = open_source(spec, pool, clock);
  REQUIRE(source.ok());
  std::vector<Picture> pictures;
  while (pictures.size() < count) {
    auto frame = (*source)->read();
    REQUIRE(frame.ok());
    REQUIRE(frame->has_value());
    pictures.push_back((*frame)->picture);
  }
  return pictures;
}

DetectorPicture whole(const Picture& picture) {
  return {kernels::dense_view(picture.pixels.data(), picture.width, picture.height, 3),
          picture.width, picture.height};
}

// The model, or nothing where the optional test data is absent.
std::unique_ptr<Detector> load_detector(const std::string& name) {
  ModelStore store({fs::path(OMMA_SOURCE_DIR) / "models", shared / "models"});
  const auto model = store.find(name);
  if (!model && model.error().code == Code::not_found) {
    WARN("SKIPPED: no model " << name << ": " << model.error().message);
    return nullptr;
  }
  INFO((model ? name : model.error().describe()));
  REQUIRE(model.ok());
  auto detector = Detector::load(*model, {});
  INFO((detector ? name : detector.error().describe()));
  REQUIRE(detector.ok());
  return *std::move(detector);
}

// Persons in frame `number` (from 1) by the optional ground truth; empty where it is absent.
std::vector<Box> true_persons(int number) {
  std::ifstream file(shared / "video" / "vtest.gt.csv");
  std::vector<Box> boxes;
  for (std::string line; std::getline(file, line);) {
    std::replace(line.begin(), line.end(), ',', ' ');
    std::istringstream fields(line);
    int frame = 0;
    int id = 0;
    float x = 0;
    float y = 0;
    float width = 0;
    float height = 0;
    if (fields >> frame >> id >> x >> y >> width >> height && frame == number) {
      boxes.push_back({x, y, x + width, y + height});
    }
  }
  return boxes;
}

TEST_CASE("each person detector finds the persons of a street") {
  const auto video = street_video();
  if (!video) {
    WARN("SKIPPED: no vtest.avi; Debian's package opencv-doc has it");
    return;
  }
  constexpr int frame_number = 81;
  const std::vector<Picture> pictures = read_pictures(*video, frame_number - 1, 1);
  const std::vector<Box> truth = true_persons(frame_number);
  if (truth.empty()) WARN("SKIPPED: the comparison with the ground truth, which is absent");
  for (const char* name :
       {"omma-detector", "person-vehicle-bike-detection-2000", "person-vehicle-bike-detection-2002",
        "person-vehicle-bike-detection-crossroad-0078"}) {
    const auto detector = load_detector(name);
    if (!detector) continue;
    const DetectorPicture picture = whole(pictures.front());
    const auto found = detector->detect({&picture, 1}, DetectOptions::of(detector->card()));
    REQUIRE(found.ok());
    std::vector<Box> persons;
    for (const Detection& detection : found->front()) {
      REQUIRE(detection.label < detector->card().classes.size());
      if (detector->card().classes[detection.label] == "person") persons.push_back(detection.box);
    }
    const auto hits = std::count_if(truth.begin(), truth.end(), [&](const Box& box) {
      return std::any_of(persons.begin(), persons.end(), [&](const Box& found_box) {
        return kernels::intersection_over_union(box, found_box) > 0.5F;
      });
    });
    INFO(name << ": " << persons.size() << " persons, truth " << truth.size() << ", hits " << hits);
    CHECK(persons.size() >= 3);
    CHECK(persons.size() <= truth.size() + 6);
    CHECK(hits * 10 >= static_cast<std::ptrdiff_t>(truth.size()) * 6);
  }
}

TEST_CASE("the face detector loads and runs") {
  const auto detector = load_detector("face-detection-adas-0001");
  if (!detector) return;
  const PlainPicture gray(672, 384, 128, 128, 128);
  const DetectorPicture picture{gray.view, 672, 384};
  const auto found = detector->detect({&picture, 1}, {});
  REQUIRE(found.ok());
  CHECK(found->front().empty());
}

TEST_CASE("a batch finds what its frames find alone") {
  const auto video = street_video();
  if (!video) {
    WARN("SKIPPED: no vtest.avi; Debian's package opencv-doc has it");
    return;
  }
  const std::vector<Picture> pictures = read_pictures(*video, 100, 3);
  for (const char* name : {"omma-detector", "person-vehicle-bike-detection-2000"}) {
    const auto detector = load_detector(name);
    if (!detector) continue;
    std::vector<DetectorPicture> batch;
    for (const Picture& picture : pictures) batch.push_back(whole(picture));
    const auto together = detector->detect(batch, {});
    REQUIRE(together.ok());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const auto alone = detector->detect({&batch[i], 1}, {});
      REQUIRE(alone.ok());
      REQUIRE(alone->front().size() == (*together)[i].size());
      CHECK_FALSE(alone->front().empty());
      for (std::size_t k = 0; k < alone->front().size(); ++k) {
        const Detection& a = alone->front()[k];
        const Detection& b = (*together)[i][k];
        CHECK(a.label == b.label);
        CHECK(std::abs(a.score - b.score) < 1e-4F);
        // 1e-4 of the picture's width.
        CHECK(std::abs(a.box.x1 - b.box.x1) < 0.08F);
        CHECK(std::abs(a.box.y2 - b.box.y2) < 0.08F);
      }
    }
  }
}

}  // namespace
}  // namespace omma
