// The directory's records and the only transitions they may make. Whoever owns an actor is decided
// by compare-and-set on its record's epoch and by nothing else.
//
//                                  move, take over
//                                     +------+
//              activate               |      v         retire
//   (absent) ------------------------> active ---------------> retired
//                                       ^                        |
//                                       +------- activate -------+     every arrow: epoch + 1
//
// - Whoever is to have the actor must be *live*: registered, not marked dead, the same incarnation.
//   A node that was declared dead wins no change, however late its request comes.
// - A move keeps the life. To the node where the actor is already it is the abort: it changes
//   nothing but the epoch, and so fences the other side.
// - A take-over is what fail-over does: only while the node on record is not live. It keeps the
//   life where the actor goes on from a durable checkpoint, else a new one begins.
//
// A retired record stays, so that epochs only ever grow. Pure functions; no I/O.
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/base/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
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

// What messages to people call an actor: "tracker 'east'".
std::string actor_text(std::string_view type, std::string_view name);
std::string actor_text(const ActorRecord& record);

struct NodeRecord {
  NodeId id;
  std::string address;             // Where peers connect: "unix:/run/omma/a.sock", "10.0.0.7:4400".
  std::vector<std::string> roles;  // "head", "camera", "cloud": what placement may put there.
  bool alive = true;
  bool cordoned = false;  // No actor is placed there any more; of the name, not the incarnation.

  friend bool operator==(const NodeRecord&, const NodeRecord&) = default;
};

// What to compare-and-set: the write succeeds only while the stored epoch is `expected_epoch`
// (0: absent).
struct RecordChange {
  std::uint64_t expected_epoch = 0;
  ActorRecord next;
  // Says that the node on record is believed dead; without it a fail-over that is wrong about that
  // would pass for a move.
  bool takes_over = false;
};

// What the directory has on record of the nodes that a change is about.
struct NodesInvolved {
  std::optional<NodeRecord> current;  // Under the name of the actor's node on record.
  std::optional<NodeRecord> next;     // Under the name of the node in the change.
};

// Registered, alive and this incarnation.
bool is_live(const std::optional<NodeRecord>& on_record, const NodeId& node);
// conflict when it is not; the message says why.
Result<void> check_live(const std::optional<NodeRecord>& on_record, const NodeId& node);

// Begin a new life on `node`. conflict when it is active already (the message says where),
// invalid_argument when the type differs from the one on record.
Result<RecordChange> activate(const std::optional<ActorRecord>& current, const ActorId& id,
                              const std::string& type, const std::string& name,
                              const std::vector<std::byte>& config, const NodeId& node);
// End the life. conflict when the record says another epoch, node or state.
Result<RecordChange> retire(const std::optional<ActorRecord>& current, const ActorId& id,
                            std::uint64_t epoch, const NodeId& node);
// Goes on at `to` with the life it has; `to` == `from` is the abort. conflict when the record says
// another epoch, node or state.
Result<RecordChange> move_actor(const std::optional<ActorRecord>& current, const ActorId& id,
                                std::uint64_t epoch, const NodeId& from, const NodeId& to);
// Goes on at `to` after the loss of the node on record, with its life or with a new one. conflict
// when the record says another epoch or state.
Result<RecordChange> take_over(const std::optional<ActorRecord>& current, const ActorId& id,
                               std::uint64_t epoch, const NodeId& to, bool keeps_life);
// The rule that every directory engine applies before it stores: may `change` replace `current`?
// conflict when the epoch or a node's state stands in the way, invalid_argument for what is no
// arrow of the diagram.
Result<void> permits(const std::optional<ActorRecord>& current, const RecordChange& change,
                     const NodesInvolved& nodes);

// A node begins: the record that registration stores, with the name's next epoch. A name that was
// cordoned stays so.
// conflict when the same incarnation is registered under another address, or was declared dead.
Result<NodeRecord> register_node(const std::optional<NodeRecord>& current, const std::string& name,
                                 const Incarnation& incarnation, const std::string& address,
                                 std::vector<std::string> roles);

}  // namespace omma
