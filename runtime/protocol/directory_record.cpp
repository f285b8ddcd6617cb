#include "runtime/protocol/directory_record.hpp"

#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/limits.hpp"

namespace omma {
namespace {

std::string text_of(const ActorRecord& record) {
  return actor_text(record) + " (" + record.id.short_text() + ")";
}

Result<void> check_size(const std::string& what, std::size_t bytes, std::size_t bytes_max) {
  if (bytes <= bytes_max) return {};
  return Error{Code::over_limit, what + " of " + std::to_string(bytes) + " bytes, limit " +
                                     std::to_string(bytes_max)};
}

Result<void> check_limits(const ActorRecord& record) {
  const std::string short_id = "actor " + record.id.short_text();
  if (auto ok = check_size(short_id + ": type", record.type.size(), limits::name_bytes_max); !ok) {
    return ok;
  }
  if (auto ok = check_size(short_id + ": name", record.name.size(), limits::name_bytes_max); !ok) {
    return ok;
  }
  return check_size(short_id + ": configuration", record.config.size(),
                    limits::actor_config_bytes_max);
}

Error other_type(const ActorRecord& current) {
  return {Code::invalid_argument,
          text_of(current) + ": the directory has another type for this id; choose another key"};
}

// What every change of an active record begins with: the next epoch of what is there. `node`: where
// the caller believes that it is, null for anywhere.
Result<RecordChange> change_active(const std::optional<ActorRecord>& current, const ActorId& id,
                                   std::uint64_t epoch, const NodeId* node) {
  if (!current) {
    return Error{Code::conflict, "actor " + id.short_text() + " has no record; activate it"};
  }
  OMMA_CHECK(current->id == id, id.text());
  if (current->state != ActorRecord::State::active || current->epoch != epoch ||
      (node != nullptr && current->node != *node)) {
    const char* state = current->state == ActorRecord::State::active ? "active" : "retired";
    const std::string where = node != nullptr ? " on node '" + node->name + "'" : "";
    return Error{Code::conflict, text_of(*current) + " is " + state + " on node '" +
                                     current->node.name + "' at epoch " +
                                     std::to_string(current->epoch) + ", not active" + where +
                                     " at epoch " + std::to_string(epoch) + "; read it again"};
  }
  RecordChange change{.expected_epoch = epoch, .next = *current};
  change.next.epoch = epoch + 1;
  return change;
}

// An actor that is named by a key may be named and configured anew for its next life, never within
// one; and a life is what only a take-over may exchange.
Result<void> permits_within_life(const ActorRecord& current, const RecordChange& change) {
  const ActorRecord& next = change.next;
  if (current.config != next.config || current.name != next.name) {
    return Error{Code::invalid_argument,
                 text_of(next) + ": a life keeps its name and configuration to its end"};
  }
  const bool activates = next.state == ActorRecord::State::active;
  const bool born_anew = activates && change.takes_over && next.life == next.epoch;
  if (next.life != current.life && !born_anew) {
    return Error{Code::invalid_argument, text_of(next) + ": life " + std::to_string(current.life) +
                                             " at epoch " + std::to_string(current.epoch) +
                                             " cannot become life " + std::to_string(next.life) +
                                             " at epoch " + std::to_string(next.epoch) +
                                             "; only a take-over begins a new one, with its epoch"};
  }
  if (!activates && (next.node != current.node || change.takes_over)) {
    return Error{Code::invalid_argument, text_of(next) + ": a life ends on node '" +
                                             current.node.name + "', where it was, not on '" +
                                             next.node.name + "'; take it over first"};
  }
  return {};
}

// A move needs no live source: what it has handed over is whole. Any other change is the source's
// own, or is made because there is none.
Result<void> permits_leaving(const ActorRecord& current, const RecordChange& change,
                             const std::optional<NodeRecord>& on_record) {
  if (change.takes_over) {
    if (!is_live(on_record, current.node)) return {};
    return Error{Code::conflict, text_of(current) + " cannot be taken over from node '" +
                                     current.node.name + "', which is alive; move it, or " +
                                     "declare the node dead first"};
  }
  if (change.next.state == ActorRecord::State::active) return {};
  auto live = check_live(on_record, current.node);
  if (live.ok()) return live;
  return Error{Code::conflict, text_of(current) + " cannot be retired: " + live.error().message};
}

Result<void> check_receives(const ActorRecord& next, const std::optional<NodeRecord>& on_record) {
  auto live = check_live(on_record, next.node);
  if (live.ok()) return live;
  return Error{Code::conflict, text_of(next) + " at epoch " + std::to_string(next.epoch) + ": " +
                                   live.error().message};
}

}  // namespace

std::string actor_text(std::string_view type, std::string_view name) {
  return std::string(type) + " '" + std::string(name) + "'";
}

std::string actor_text(const ActorRecord& record) {
  return actor_text(record.type, record.name);
}

Result<RecordChange> activate(const std::optional<ActorRecord>& current, const ActorId& id,
                              const std::string& type, const std::string& name,
                              const std::vector<std::byte>& config, const NodeId& node) {
  OMMA_CHECK(!current || current->id == id, id.text());
  if (current && current->type != type) return other_type(*current);
  if (current && current->state == ActorRecord::State::active) {
    return Error{Code::conflict, text_of(*current) + " is active on node '" + current->node.name +
                                     "' at epoch " + std::to_string(current->epoch) +
                                     "; send it messages there"};
  }
  RecordChange change;
  change.expected_epoch = current ? current->epoch : 0;
  const std::uint64_t epoch = change.expected_epoch + 1;
  change.next = {.id = id,
                 .type = type,
                 .name = name,
                 .config = config,
                 .epoch = epoch,
                 .life = epoch,
                 .state = ActorRecord::State::active,
                 .node = node};
  if (auto ok = check_limits(change.next); !ok) return ok.error();
  return change;
}

Result<RecordChange> retire(const std::optional<ActorRecord>& current, const ActorId& id,
                            std::uint64_t epoch, const NodeId& node) {
  auto change = change_active(current, id, epoch, &node);
  if (!change.ok()) return change;
  change->next.state = ActorRecord::State::retired;
  return change;
}

Result<RecordChange> move_actor(const std::optional<ActorRecord>& current, const ActorId& id,
                                std::uint64_t epoch, const NodeId& from, const NodeId& to) {
  auto change = change_active(current, id, epoch, &from);
  if (!change.ok()) return change;
  change->next.node = to;
  return change;
}

Result<RecordChange> take_over(const std::optional<ActorRecord>& current, const ActorId& id,
                               std::uint64_t epoch, const NodeId& to, bool keeps_life) {
  auto change = change_active(current, id, epoch, nullptr);
  if (!change.ok()) return change;
  change->takes_over = true;
  change->next.node = to;
  if (!keeps_life) change->next.life = change->next.epoch;
  return change;
}

Result<void> permits(const std::optional<ActorRecord>& current, const RecordChange& change,
                     const NodesInvolved& nodes) {
  const ActorRecord& next = change.next;
  const std::uint64_t epoch = current ? current->epoch : 0;
  if (epoch != change.expected_epoch) {
    return Error{Code::conflict, text_of(next) + ": epoch is " + std::to_string(epoch) +
                                     ", the change expected " +
                                     std::to_string(change.expected_epoch) + "; read it again"};
  }
  if (next.epoch != epoch + 1) {
    return Error{Code::invalid_argument, text_of(next) + ": epoch " + std::to_string(epoch) +
                                             " may only become " + std::to_string(epoch + 1) +
                                             ", not " + std::to_string(next.epoch)};
  }
  if (auto ok = check_limits(next); !ok) return ok;
  if (current && current->id != next.id) {
    return Error{Code::invalid_argument, text_of(next) + ": the record is of " + text_of(*current)};
  }
  if (current && current->type != next.type) return other_type(*current);
  const bool activates = next.state == ActorRecord::State::active;
  if (current && current->state == ActorRecord::State::active) {
    if (auto ok = permits_within_life(*current, change); !ok) return ok;
    if (auto ok = permits_leaving(*current, change, nodes.current); !ok) return ok;
  } else if (!activates || next.life != next.epoch || change.takes_over) {
    return Error{Code::invalid_argument,
                 text_of(next) + " is not active: at epoch " + std::to_string(next.epoch) +
                     " it may only be activated, with that life, not " + std::to_string(next.life)};
  }
  return activates ? check_receives(next, nodes.next) : Result<void>();
}

bool is_live(const std::optional<NodeRecord>& on_record, const NodeId& node) {
  return on_record && on_record->alive && on_record->id.name == node.name &&
         on_record->id.incarnation == node.incarnation;
}

Result<void> check_live(const std::optional<NodeRecord>& on_record, const NodeId& node) {
  if (is_live(on_record, node)) return {};
  const std::string who = "node '" + node.name + "' incarnation " + node.incarnation.text();
  if (!on_record) {
    return Error{Code::conflict, who + " is not registered; register it first"};
  }
  if (on_record->id.incarnation != node.incarnation) {
    return Error{Code::conflict, who + " was replaced by incarnation " +
                                     on_record->id.incarnation.text() +
                                     "; what it held is not its own any more: drop it"};
  }
  return Error{Code::conflict, who + " has left or was declared dead; drop what it held and " +
                                   "register as a new incarnation"};
}

Result<NodeRecord> register_node(const std::optional<NodeRecord>& current, const std::string& name,
                                 const Incarnation& incarnation, const std::string& address,
                                 std::vector<std::string> roles) {
  OMMA_CHECK(!current || current->id.name == name, name);
  if (name.empty() || address.empty() || incarnation.is_null()) {
    return Error{Code::invalid_argument,
                 "node '" + name + "' at '" + address + "' incarnation " + incarnation.text() +
                     ": a node registers with a name, an address and an incarnation"};
  }
  if (auto ok = check_size("node name", name.size(), limits::name_bytes_max); !ok) {
    return ok.error();
  }
  if (current && current->id.incarnation == incarnation) {
    if (current->address == address && current->alive) return *current;
    return Error{Code::conflict, "node '" + name + "' incarnation " + incarnation.text() +
                                     " is registered at '" + current->address + "'" +
                                     (current->alive ? "" : " and has left or was declared dead") +
                                     "; restart it to register at '" + address + "'"};
  }
  const std::uint64_t epoch = (current ? current->id.epoch : 0) + 1;
  return NodeRecord{.id = {.name = name, .incarnation = incarnation, .epoch = epoch},
                    .address = address,
                    .roles = std::move(roles),
                    .alive = true,
                    .cordoned = current && current->cordoned};
}

}  // namespace omma
