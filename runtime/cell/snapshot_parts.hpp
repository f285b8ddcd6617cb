// The struct of an encoded CellSnapshot, field by field, both ways. Internal to cell_snapshot.cpp.
#pragma once

#include "runtime/cell/cell_snapshot.hpp"
#include "schemas/snapshot.capnp.h"

#include <vector>

namespace omma {

class SnapshotWriter {
 public:
  void write(wire::CellSnapshot::Builder out, const CellSnapshot& snapshot);
  // What the struct refers to by index.
  const std::vector<Blob>& blobs() const { return blobs_; }

 private:
  void write(wire::SavedMessage::Builder out, const Message& message);
  void write(wire::SavedOutgoing::Builder out, const Outgoing& outgoing);
  void write(wire::SavedOutbox::Builder out, const Streams::Saved::Out& saved);
  void write(wire::SavedSubscriber::Builder out, const Subscriber& subscriber);
  void write(wire::SavedSubscription::Builder out, const CellSnapshot::Subscription& subscription);
  void write_conversations(wire::CellSnapshot::Builder out, const CellSnapshot& snapshot);
  void write_streams(wire::CellSnapshot::Builder out, const Streams::Saved& streams);

  std::vector<Blob> blobs_;
};

// Throws kj::Exception where the struct is damaged.
class SnapshotReader {
 public:
  explicit SnapshotReader(const std::vector<Blob>& blobs) : blobs_(blobs) {}
  CellSnapshot read(wire::CellSnapshot::Reader in) const;

 private:
  const Blob& blob(std::uint32_t index) const;
  Message read(wire::SavedMessage::Reader in) const;
  Outgoing read(wire::SavedOutgoing::Reader in) const;
  Streams::Saved::Out read(wire::SavedOutbox::Reader in, const ActorId& self) const;
  Subscriber read(wire::SavedSubscriber::Reader in) const;
  CellSnapshot::Subscription read(wire::SavedSubscription::Reader in) const;
  void read_conversations(wire::CellSnapshot::Reader in, CellSnapshot& snapshot) const;
  void read_streams(wire::CellSnapshot::Reader in, CellSnapshot& snapshot) const;

  const std::vector<Blob>& blobs_;
};

}  // namespace omma
