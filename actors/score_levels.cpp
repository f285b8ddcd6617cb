#include "actors/score_levels.hpp"

#include <algorithm>
#include <cmath>

namespace omma {
namespace {

float log_odds(float score) {
  return std::log(score / (1 - score));
}

float score_of(float odds_logarithm) {
  return 1 / (1 + std::exp(-odds_logarithm));
}

}  // namespace

ScoreLevels ScoreLevels::around(float score_recommended) {
  ScoreLevels levels;
  if (!(score_recommended > 0)) return levels;
  // A card may say 1, whose odds are infinite.
  constexpr float nearly_never = 0.01F;
  const float sure = std::clamp(score_recommended, nearly_never, 1 - nearly_never);
  const float shift = log_odds(sure) - log_odds(levels.sure);
  levels.weak = score_of(log_odds(levels.weak) + shift);
  levels.start = score_of(log_odds(levels.start) + shift);
  levels.sure = sure;
  return levels;
}

}  // namespace omma
