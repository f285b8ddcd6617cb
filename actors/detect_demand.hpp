// DetectDemand: what the subscribers of a shard want of each stream, taken together. One
// subscription a stream serves them all: the highest rate and the lowest motion threshold that any
// of them asked for, so that a tracker may get more than it asked for, never less.
//
// A plain class, owned by one shard.
#pragma once

#include "runtime/base/ids.hpp"
#include "runtime/base/message.hpp"
#include "runtime/cell/outlet.hpp"
#include "schemas/stages.capnp.h"

#include <map>
#include <vector>

namespace omma {

struct StreamDemand {
  Message router;                   // RouterConfig.
  float frames_per_second_max = 0;  // 0: every frame.
  float motion_threshold = 0;       // 0: no motion filter; else 0..1 of the pixels.
};

class DetectDemand {
 public:
  // An empty one when the subscriber sent none.
  static DetectRequest::Reader request_of(const Subscriber& subscriber);

  // The stream that it wants looked at.
  ActorId router_of(const Subscriber& subscriber);
  // By router. Forgets all other subscribers.
  std::map<ActorId, StreamDemand> of(const std::vector<Subscriber>& subscribers);

 private:
  std::map<ActorId, ActorId> routers_;  // By subscriber, as far as looked up.
};

}  // namespace omma
