// ScoreLevels: the three scores at which a tracker treats detections differently. What a score is
// worth depends on the network that gave it, so the levels follow from where the network's card
// says that its scores are best cut.
//
// A value; pure functions.
#pragma once

namespace omma {

struct ScoreLevels {
  float sure = 0.4F;   // A detection is sure from here on,
  float weak = 0.15F;  // weak from here on, and nothing below.
  float start = 0.6F;  // Only a detection as sure as this starts a track.

  // A detection is sure where the card cuts, and the other two lie as far from there, in log odds,
  // as they do above: a network that is less sure of all it sees, by a constant factor of the odds,
  // is followed alike. The levels above for 0, a card that does not say.
  static ScoreLevels around(float score_recommended);

  friend bool operator==(const ScoreLevels&, const ScoreLevels&) = default;
};

}  // namespace omma
