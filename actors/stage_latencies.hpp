// StageLatencies: how long frames stay in each stage and on the way to it, read off the hops in
// their tags. Times of different nodes are compared as they are: a negative difference counts as 0.
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/base/time.hpp"
#include "runtime/observe/latency_histogram.hpp"
#include "schemas/frame.capnp.h"
#include "schemas/results.capnp.h"

#include <map>
#include <string>

namespace omma {

class StageLatencies {
 public:
  struct Stage {
    LatencyHistogram compute;  // From arrival to leaving.
    LatencyHistogram wire;     // From leaving the stage before to arrival: queues and links.
  };

  void add(FrameTag::Reader tag, WallTime arrived);
  // "total": from capture to `arrived`, all of it as wire.
  const std::map<std::string, Stage>& stages() const { return stages_; }
  void save(capnp::List<StageLatency>::Builder out) const;
  Result<void> load(capnp::List<StageLatency>::Reader in);

 private:
  std::map<std::string, Stage> stages_;
};

}  // namespace omma
