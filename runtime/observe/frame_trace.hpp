// FrameTrace: the way of one frame, hop by hop, from what each node remembers of it.
//
//   camera @edge      credit -   wire -     queue ..  compute ..   came 0 bytes
//   router @edge      credit ..  wire 0     queue ..  compute ..
//   shard  @cloud     credit ..  wire ..    queue ..  compute ..
//
// A visit is all that one actor on one node did for the frame; an actor that moved in between has
// one on each node. Its times are, in the order in which they pass:
//   credit   its first message waited at the sender for the stream's window, or for a checkpoint of
//            a durable sender
//   wire     from leaving the sender to being here; 0 between actors of one node
//   queue    here, waiting: for a turn, for an executor, for other frames of a batch
//   compute  here, at work: turns and jobs, each moment once. A job that serves several frames
//            counts whole for each.
//
// Nodes' clocks differ: all times are told by the head's, and a wire time is off by at most the sum
// of both nodes' errors. Pure functions of their arguments.
#pragma once

#include "runtime/protocol/hop.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace omma {

struct NodeHops {
  std::string node;
  Duration head_ahead{};  // The head's clock less this node's.
  Duration error{};       // Of that, either way.
  std::vector<TraceHop> hops;
};

struct FrameTrace {
  struct Visit {
    ActorId actor;
    std::string node;
    ActorId from;    // Who sent its first message; null at the source.
    Instant came{};  // By the head's clock, as the next.
    Instant left{};
    Duration credit{};
    std::optional<Duration> wire;  // None: nobody remembers that the message left.
    Duration wire_error{};
    Duration queue{};
    Duration compute{};
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;  // Of these.
  };

  TraceId trace;
  std::vector<Visit> visits;    // As they began.
  Duration total{};             // From the first to the end of the last.
  std::vector<NodeHops> nodes;  // Every hop by the head's clock; ahead is 0.
};

FrameTrace assemble(TraceId trace, std::vector<NodeHops> nodes);

// The JSON that Perfetto and chrome://tracing open ("Trace Event Format"): a node is a process, an
// actor a thread, a message an arrow. Times begin with the first hop.
struct TraceNames {
  std::function<std::string(const ActorId&)> actor;
  std::function<std::string(TraceId)> frame;
};
std::string chrome_trace_json(std::span<const FrameTrace> traces, const TraceNames& names);

}  // namespace omma
