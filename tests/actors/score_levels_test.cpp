#include "actors/score_levels.hpp"

#include <catch2/catch.hpp>

namespace omma {
namespace {

double odds(float score) {
  return static_cast<double>(score) / (1 - static_cast<double>(score));
}

TEST_CASE("a card that says nothing leaves the levels as they are") {
  CHECK(ScoreLevels::around(0) == ScoreLevels{});
}

TEST_CASE("a detection is sure where the card cuts, and the odds keep their ratios") {
  const float recommended = GENERATE(0.05F, 0.3F, 0.4F, 0.7F, 0.95F);
  CAPTURE(recommended);
  const ScoreLevels usual;
  const ScoreLevels levels = ScoreLevels::around(recommended);
  CHECK(levels.sure == recommended);
  CHECK(odds(levels.weak) / odds(levels.sure) ==
        Approx(odds(usual.weak) / odds(usual.sure)).epsilon(1e-4));
  CHECK(odds(levels.start) / odds(levels.sure) ==
        Approx(odds(usual.start) / odds(usual.sure)).epsilon(1e-4));
}

TEST_CASE("the levels stay in order and within 0 and 1 whatever a card says") {
  for (int percent = 0; percent <= 100; ++percent) {
    const ScoreLevels levels = ScoreLevels::around(static_cast<float>(percent) / 100);
    CAPTURE(percent);
    CHECK(levels.weak > 0);
    CHECK(levels.weak < levels.sure);
    CHECK(levels.sure < levels.start);
    CHECK(levels.start < 1);
  }
}

}  // namespace
}  // namespace omma
