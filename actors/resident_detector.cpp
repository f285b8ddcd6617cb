#include "actors/resident_detector.hpp"

#include <vector>

#include "schemas/frame.capnp.h"
#include "schemas/work.capnp.h"

namespace omma {
namespace {

DetectorPicture picture_of(const Message& message) {
  const auto frame = message.as<Frame>();
  return {kernels::dense_view(message.payloads()[0].data(), static_cast<int>(frame.getWidth()),
                              static_cast<int>(frame.getHeight()), 3),
          static_cast<int>(frame.getSourceWidth()), static_cast<int>(frame.getSourceHeight())};
}

void copy_detection(const kernels::Detection& from, Detection::Builder to) {
  auto box = to.initBox();
  box.setX1(from.box.x1);
  box.setY1(from.box.y1);
  box.setX2(from.box.x2);
  box.setY2(from.box.y2);
  to.setScore(from.score);
  to.setLabel(from.label);
}

}  // namespace

Result<Message> ResidentDetector::load(const LoadDetector& load, const std::string& model,
                                       const std::string& hash) {
  std::lock_guard lock(mutex_);
  if (!detector_) {
    auto detector = load(model, hash);
    if (!detector) return detector.error();
    detector_ = *std::move(detector);
  }
  const FrameDetector::Model network = detector_->model();
  return Message::build<ModelLoaded>([&](ModelLoaded::Builder out) {
    out.setInputWidth(static_cast<std::uint32_t>(network.input_width));
    out.setInputHeight(static_cast<std::uint32_t>(network.input_height));
    auto classes = out.initClasses(static_cast<unsigned>(network.classes.size()));
    for (unsigned i = 0; i < classes.size(); ++i) classes.set(i, network.classes[i]);
    out.setScoreRecommended(network.score_recommended);
  });
}

Result<Message> ResidentDetector::detect(std::span<const TicketedFrame> frames, float score_min) {
  std::lock_guard lock(mutex_);
  if (!detector_) return Error{Code::unavailable, "the network is not loaded yet"};
  std::vector<DetectorPicture> pictures;
  for (const auto& [ticket, message] : frames) pictures.push_back(picture_of(message));
  auto found = detector_->detect(pictures, score_min);
  if (!found) return found.error();
  if (found->size() != frames.size()) {
    return Error{Code::internal, "the detector answered for " + std::to_string(found->size()) +
                                     " of " + std::to_string(frames.size()) + " frames"};
  }
  return Message::build<BatchDone>([&](BatchDone::Builder out) {
    auto list = out.initFrames(static_cast<unsigned>(frames.size()));
    for (unsigned i = 0; i < list.size(); ++i) {
      list[i].setTicket(frames[i].first);
      const auto& detections = (*found)[i];
      auto to = list[i].initDetections(static_cast<unsigned>(detections.size()));
      for (unsigned k = 0; k < to.size(); ++k) copy_detection(detections[k], to[k]);
    }
  });
}

}  // namespace omma
