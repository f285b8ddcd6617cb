#include "actors/detect_demand.hpp"

#include <algorithm>

#include "actors/stream_router.hpp"
#include "schemas/system.capnp.h"

namespace omma {

DetectRequest::Reader DetectDemand::request_of(const Subscriber& subscriber) {
  if (subscriber.form.is_null()) return {};
  return subscriber.form.as<Subscribe>().getForm().getAs<DetectRequest>();
}

ActorId DetectDemand::router_of(const Subscriber& subscriber) {
  const auto found = routers_.find(subscriber.id);
  if (found != routers_.end()) return found->second;
  const ActorId router = Turn::stage_ref_of<StreamRouter>(request_of(subscriber).getRouter()).id;
  routers_[subscriber.id] = router;
  return router;
}

std::map<ActorId, StreamDemand> DetectDemand::of(const std::vector<Subscriber>& subscribers) {
  std::map<ActorId, StreamDemand> demands;
  routers_.clear();
  for (const Subscriber& subscriber : subscribers) {
    const auto request = request_of(subscriber);
    const auto [found, fresh] = demands.try_emplace(router_of(subscriber));
    StreamDemand& demand = found->second;
    const float rate = request.getFramesPerSecondMax();
    const float motion = request.getMotionThreshold();
    if (fresh) {
      demand = {Message::copy_of<RouterConfig>(request.getRouter()), rate, motion};
      continue;
    }
    // 0 is every frame, which is more than any rate.
    const bool every = rate == 0 || demand.frames_per_second_max == 0;
    demand.frames_per_second_max = every ? 0 : std::max(demand.frames_per_second_max, rate);
    demand.motion_threshold = std::min(demand.motion_threshold, motion);
  }
  return demands;
}

}  // namespace omma
