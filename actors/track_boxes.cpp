#include "actors/track_boxes.hpp"

namespace omma {

std::vector<TrackBox> track_boxes(Tracks::Reader tracks) {
  std::vector<TrackBox> boxes;
  boxes.reserve(tracks.getTracks().size());
  for (auto track : tracks.getTracks()) {
    const auto box = track.getBox();
    boxes.push_back({track.getId(),
                     {box.getX1(), box.getY1(), box.getX2(), box.getY2()},
                     track.getScore(),
                     track.getLabel(),
                     track.getAgeFrames()});
  }
  return boxes;
}

}  // namespace omma
