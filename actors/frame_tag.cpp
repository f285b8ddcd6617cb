#include "actors/frame_tag.hpp"

namespace omma {

void pass_on_tag(FrameTag::Reader tag, FrameTag::Builder out, const char* stage, StageTimes times) {
  out.setCamera(tag.getCamera());
  out.setSequence(tag.getSequence());
  out.setCaptureNs(tag.getCaptureNs());
  out.setMediaNs(tag.getMediaNs());
  out.setEnd(tag.getEnd());
  if (tag.hasError()) out.setError(tag.getError());
  const auto travelled = tag.getHops();
  auto hops = out.initHops(travelled.size() + 1);
  for (unsigned i = 0; i < travelled.size(); ++i) hops.setWithCaveats(i, travelled[i]);
  auto hop = hops[travelled.size()];
  hop.setStage(stage);
  hop.setEnterNs(nanoseconds_of(times.enter));
  hop.setLeaveNs(nanoseconds_of(times.leave));
}

DeliveryClass delivery_of(CameraConfig::Reader camera) {
  return camera.getMode() == CaptureMode::LIVE ? DeliveryClass::fresh : DeliveryClass::reliable;
}

}  // namespace omma
