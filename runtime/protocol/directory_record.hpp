// The directory's records and the only transitions they may make. Whoever owns an actor is decided
// by compare-and-set on its record's epoch and by nothing else.
//
//              activate                retire
//   (absent) ------------> active ---------------> retired
//                            ^                        |
//                            +------- activate -------+     every arrow: epoch + 1
//
// A retired record stays, so that epochs only ever grow. Pure functions; no I/O.
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/base/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace omma {

struct ActorRecord {
  enum class State : std::uint8_t { active, retired };

  ActorId id;
  std::string type;               // Registered actor type, "camera".
  std::string name;               // For people: the key, or a short form of the configuration.
  std::vector<std::byte> config;  // Flat Cap'n Proto encoding; any node can activate from it.
  std::uint64_t epoch = 0;        // 0 only in an absent record.
  std::uint64_t life = 0;         // Epoch at which the present state was born.
  State state = State::retired;
  NodeId node;  // Where it lives, or lived last.

  friend bool operator==(const ActorRecord&, const ActorRecord&) = default;
};

struct NodeRecord {
  NodeId id;
  std::string address;             // Where peers connect: "unix:/run/omma/a.sock", "10.0.0.7:4400".
  std::vector<std::string> roles;  // "head", "camera", "cloud": what placement may put there.
  bool alive = true;

  friend bool operator==(const NodeRecord&, const NodeRecord&) = default;
};

// What to compare-and-set: the write succeeds only while the stored epoch is `expected_epoch`
// (0: absent).
struct RecordChange {
  std::uint64_t expected_epoch = 0;
  ActorRecord next;
};

// Begin a new life on `node`. conflict when it is active already (the message says where),
// invalid_argument when the type differs from the one on record.
Result<RecordChange> activate(const std::optional<ActorRecord>& current, const ActorId& id,
                              const std::string& type, const std::string& name,
                              const std::vector<std::byte>& config, const NodeId& node);
// End the life. conflict when the record says another epoch, node or state.
Result<RecordChange> retire(const std::optional<ActorRecord>& current, const ActorId& id,
                            std::uint64_t epoch, const NodeId& node);
// The rule that every directory engine applies before it stores: may `change` replace `current`?
Result<void> permits(const std::optional<ActorRecord>& current, const RecordChange& change);

// A node begins: the record that registration stores, with the name's next epoch.
// conflict when the same incarnation is registered under another address.
Result<NodeRecord> register_node(const std::optional<NodeRecord>& current, const std::string& name,
                                 const Incarnation& incarnation, const std::string& address,
                                 std::vector<std::string> roles);

}  // namespace omma
