#include "actors/warm_detectors.hpp"

#include <catch2/catch.hpp>

#include <string>

#include "runtime/base/limits.hpp"

namespace omma {
namespace {

using namespace std::chrono_literals;

class Blind final : public FrameDetector {
 public:
  explicit Blind(int& alive) : alive_(alive) { ++alive_; }
  ~Blind() override { --alive_; }
  Model model() const override { return {8, 8, {"person"}, 0}; }
  Result<std::vector<std::vector<kernels::Detection>>> detect(
      std::span<const DetectorPicture> pictures, float) override {
    return std::vector<std::vector<kernels::Detection>>(pictures.size());
  }

 private:
  int& alive_;
};

struct Warmth {
  int loads = 0;
  int alive = 0;
  ManualClock clock;
  WarmDetectors detectors{[this](const std::string& model,
                                 const std::string&) -> Result<std::unique_ptr<FrameDetector>> {
                            if (model == "missing")
                              return Error{Code::not_found, "no model 'missing'"};
                            ++loads;
                            return std::unique_ptr<FrameDetector>(new Blind(alive));
                          },
                          clock};
};

TEST_CASE("a network that was prepared is there at once, for one shard") {
  Warmth warmth;
  REQUIRE(warmth.detectors.prepare("m", "h1").ok());
  CHECK(warmth.loads == 1);
  const auto first = warmth.detectors.load("m", "h1");
  REQUIRE(first.ok());
  CHECK(warmth.loads == 1);
  CHECK(warmth.detectors.load("m", "h1").ok());
  CHECK(warmth.loads == 2);
  CHECK(warmth.detectors.counters().used == 1);
  CHECK(warmth.detectors.counters().not_ready == 1);
}

TEST_CASE("a network of another hash is another network") {
  Warmth warmth;
  REQUIRE(warmth.detectors.prepare("m", "h1").ok());
  CHECK(warmth.detectors.load("m", "h2").ok());
  CHECK(warmth.loads == 2);
  CHECK(warmth.alive == 1);
}

TEST_CASE("a move that is tried again finds its network ready") {
  Warmth warmth;
  REQUIRE(warmth.detectors.prepare("m", "h1").ok());
  warmth.clock.advance(limits::warm_detector_keep - 1s);
  REQUIRE(warmth.detectors.prepare("m", "h1").ok());
  CHECK(warmth.loads == 1);
  warmth.clock.advance(limits::warm_detector_keep - 1s);
  warmth.detectors.forget_old();
  CHECK(warmth.alive == 1);
}

TEST_CASE("a network that nobody comes for is given back") {
  Warmth warmth;
  REQUIRE(warmth.detectors.prepare("m", "h1").ok());
  warmth.clock.advance(limits::warm_detector_keep);
  warmth.detectors.forget_old();
  CHECK(warmth.alive == 0);
  CHECK(warmth.detectors.counters().expired == 1);
}

TEST_CASE("no more than so many are kept, and the oldest goes first") {
  Warmth warmth;
  for (std::size_t i = 0; i <= limits::warm_detectors_max; ++i) {
    REQUIRE(warmth.detectors.prepare("m", "h" + std::to_string(i)).ok());
  }
  CHECK(warmth.alive == static_cast<int>(limits::warm_detectors_max));
  CHECK(warmth.detectors.counters().crowded == 1);
  const int before = warmth.loads;
  CHECK(warmth.detectors.load("m", "h0").ok());
  CHECK(warmth.loads == before + 1);
  CHECK(warmth.detectors.load("m", "h1").ok());
  CHECK(warmth.loads == before + 1);
}

TEST_CASE("what cannot be loaded, or has no hash, is not kept") {
  Warmth warmth;
  CHECK(warmth.detectors.prepare("missing", "h1").error().code == Code::not_found);
  CHECK(warmth.detectors.prepare("m", "").error().code == Code::invalid_argument);
  CHECK(warmth.alive == 0);
}

}  // namespace
}  // namespace omma
