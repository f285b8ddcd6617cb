// TraceService: answers what a node remembers of frames (CollectTrace, ListSlowFrames of
// schemas/control.capnp), and asks the others for theirs.
//
// Called on the link's thread; the ring is read in an io job, since that takes milliseconds.
#pragma once

#include "runtime/cell/executor.hpp"
#include "runtime/link/link.hpp"
#include "runtime/node/directory_access.hpp"
#include "runtime/observe/hop_ring.hpp"
#include "runtime/protocol/clock_offset.hpp"
#include "schemas/control.capnp.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace omma {

struct TraceServices {
  NodeId self;
  const HopRing* ring = nullptr;  // Null: the cluster file says trace: off.
  // The head's clock as seen from here; on the head itself no difference at all.
  std::function<std::optional<ClockOffset::Estimate>()> head_clock;
  const DirectoryClient& directory;
  LinkHub& hub;
  Executor& io;
};

class TraceService {
 public:
  explicit TraceService(TraceServices services) : services_(std::move(services)) {}

  // True if the request is one of these two; then it is answered.
  bool handle(const Message& request, const Answer& answer);

 private:
  Message local_hops(TraceId trace) const;
  Message local_frames() const;
  // This node's part and those of all other nodes that live.
  void ask_all(
      Message own, Message to_peers,
      std::function<void(std::vector<Message> parts, std::vector<std::string> missing)> done) const;

  TraceServices services_;
};

// As HopRecord.
void write(wire::HopRecord::Builder out, const TraceHop& hop);
TraceHop read(wire::HopRecord::Reader in, TraceId trace);

}  // namespace omma
