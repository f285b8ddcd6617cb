// CellSnapshot: a live actor between two turns, with its unfinished conversations: what a move
// carries and a checkpoint keeps. What the actor held or had not looked at is no part of it: that
// is its senders' duty still, and comes again. Jobs that ran are forgotten.
//
// Encoded it is one run of bytes: a header, the struct of schemas/snapshot.capnp, then the blobs
// (the flat encodings of messages, and their payloads) aligned to 64 bytes, so that a decoded
// message refers to the bytes that came and copies nothing.
//
// Plain values; no thread, no clock.
#pragma once

#include "runtime/base/blob.hpp"
#include "runtime/cell/cell_report.hpp"
#include "runtime/cell/outlet.hpp"
#include "runtime/cell/streams.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace omma {

struct CellSnapshot {
  struct SavedOutlet {
    std::uint64_t message_type = 0;
    std::vector<Subscriber> subscribers;
  };
  struct Subscription {
    ActorId publisher;
    std::uint64_t message_type = 0;
    std::shared_ptr<const StageSpec> spec;
    SubscribeOptions options;
  };
  struct Request {
    std::uint64_t correlation = 0;
    ActorId target;
    Duration left{};
  };

  ActorId id;
  std::string type;
  std::uint64_t life = 0;
  Message state;  // The actor's own; null for one without.
  std::vector<SavedOutlet> outlets;
  std::vector<Subscription> subscriptions;
  std::map<std::uint64_t, Duration> timers;  // What is left of each.
  std::vector<Request> requests;
  std::uint64_t next_id = 1;
  std::uint64_t turns = 0;
  std::optional<Duration> linger;
  // Empty but for what is closed, when the next life begins its streams anew.
  Streams::Saved streams;
  std::map<std::uint64_t, StageCounts> stage;
  std::map<std::string, std::uint64_t> captured;
  CellReport::Health health;
  std::vector<std::string> died_with;  // Nodes that took an earlier life of it along.
  std::uint64_t checkpoints = 0;       // Taken so far, this one included.
};

// over_limit past limits::moved_bytes_max.
Result<Blob> encode(const CellSnapshot& snapshot);
// corrupt when these are no such bytes; unsupported when a newer build wrote them.
Result<CellSnapshot> decode_cell_snapshot(const Blob& bytes);

}  // namespace omma
