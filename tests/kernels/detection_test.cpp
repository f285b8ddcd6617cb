#include "kernels/detection.hpp"

#include <catch2/catch.hpp>
#include <limits>
#include <random>
#include <vector>

namespace omma::kernels {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

const DecodeOptions options{.source_width = 200, .source_height = 100, .score_min = 0.5F};

TEST_CASE("boxes come out in pixels of the source picture, best score first") {
  const std::vector<float> boxes = {0.1F, 0.2F, 0.3F, 0.4F, -0.1F, 0.5F, 0.2F, 1.2F};
  const std::vector<float> scores = {0.6F, 0.1F, 0.2F, 0.9F};
  const Decoded decoded = decode_detections(boxes, scores, 2, 2, options);
  REQUIRE(decoded.detections.size() == 2);
  CHECK(decoded.detections[0].label == 1);
  CHECK(decoded.detections[0].score == 0.9F);
  CHECK(decoded.detections[0].box.x1 == Approx(-20));
  CHECK(decoded.detections[0].box.y2 == Approx(120));
  CHECK(decoded.detections[1].label == 0);
  CHECK(decoded.detections[1].box.x1 == Approx(20));
  CHECK(decoded.detections[1].box.y1 == Approx(20));
  CHECK(decoded.detections[1].box.x2 == Approx(60));
  CHECK(decoded.detections[1].box.y2 == Approx(40));
}

TEST_CASE("a score at the threshold is kept and one below is not") {
  const std::vector<float> boxes = {0, 0, 0.1F, 0.1F, 0.5F, 0.5F, 0.6F, 0.6F};
  const std::vector<float> scores = {0.5F, 0.4999F};
  CHECK(decode_detections(boxes, scores, 2, 1, options).detections.size() == 1);
}

TEST_CASE("a box whose overlap is over the limit gives way, within its class only") {
  // The second overlaps the first by 0.8, the third is the second in another class, and the
  // fourth overlaps only the second, which is gone.
  const std::vector<float> boxes = {0, 0,     0.5F, 1, 0.05F, 0, 0.5F,  1,
                                    0, 0.01F, 0.5F, 1, 0.45F, 0, 0.55F, 1};
  const std::vector<float> scores = {0.9F, 0, 0.8F, 0, 0, 0.7F, 0.6F, 0};
  const Decoded decoded = decode_detections(boxes, scores, 4, 2, options);
  REQUIRE(decoded.detections.size() == 3);
  CHECK(decoded.detections[0].score == 0.9F);
  CHECK(decoded.detections[1].label == 1);
  CHECK(decoded.detections[2].score == 0.6F);
}

TEST_CASE("rows with a number that is none are skipped and counted") {
  const std::vector<float> boxes = {nan, 0, 1, 1, 0, 0, infinity, 1, 0, 0, 0.1F,  0.1F,
                                    0,   0, 1, 1, 1, 1, 0,        0, 0, 0, 1e38F, 1e38F};
  const std::vector<float> scores = {0.9F, 0.9F, nan, 0.9F, 0.9F, 0.9F};
  const Decoded decoded = decode_detections(boxes, scores, 6, 1, options);
  REQUIRE(decoded.detections.size() == 1);
  CHECK(decoded.detections[0].box == Box{0, 0, 200, 100});
  CHECK(decoded.rejected == 5);
}

TEST_CASE("an inverted box below the threshold is nobody's business") {
  const std::vector<float> boxes = {1, 1, 0, 0};
  const std::vector<float> scores = {0.1F};
  CHECK(decode_detections(boxes, scores, 1, 1, options).rejected == 0);
}

TEST_CASE("equal scores keep the order of the rows") {
  std::vector<float> boxes;
  std::vector<float> scores;
  for (int i = 0; i < 40; ++i) {
    const auto x = static_cast<float>(i) / 40;
    boxes.insert(boxes.end(), {x, 0, x + 0.02F, 0.1F});
    scores.push_back(0.75F);
  }
  const Decoded decoded = decode_detections(boxes, scores, 40, 1, options);
  REQUIRE(decoded.detections.size() == 40);
  for (std::size_t i = 1; i < 40; ++i) {
    CHECK(decoded.detections[i - 1].box.x1 < decoded.detections[i].box.x1);
  }
}

TEST_CASE("past the limit the lowest scores go and are counted") {
  DecodeOptions few = options;
  few.candidates_max = 2;
  const std::vector<float> boxes = {0,    0,    0.1F, 0.1F, 0.2F, 0.2F,
                                    0.3F, 0.3F, 0.4F, 0.4F, 0.5F, 0.5F};
  const std::vector<float> scores = {0.6F, 0.9F, 0.8F};
  const Decoded decoded = decode_detections(boxes, scores, 3, 1, few);
  REQUIRE(decoded.detections.size() == 2);
  CHECK(decoded.detections[1].score == 0.8F);
  CHECK(decoded.over_limit == 1);
}

TEST_CASE("what is kept covers what is dropped, and kept boxes do not cover each other") {
  std::mt19937 random(20261124);
  std::uniform_real_distribution<float> place(0, 180);
  std::vector<Detection> all;
  for (int i = 0; i < 300; ++i) {
    const float x = place(random);
    const float y = place(random);
    all.push_back({{x, y, x + 30, y + 40},
                   1 - static_cast<float>(i) / 400,
                   static_cast<std::uint16_t>(i % 2)});
  }
  const std::vector<Detection> kept = suppress_overlaps(all, 0.4F);
  CHECK(kept.size() < all.size());
  for (const Detection& one : all) {
    std::size_t better = 0;
    bool is_kept = false;
    for (const Detection& other : kept) {
      is_kept = is_kept || other == one;
      better += other.label == one.label && other.score > one.score &&
                        intersection_over_union(other.box, one.box) > 0.4F
                    ? 1U
                    : 0U;
    }
    CHECK(is_kept == (better == 0));
  }
}

}  // namespace
}  // namespace omma::kernels
