#include "runtime/directory/request_rules.hpp"

#include "runtime/base/limits.hpp"

namespace omma {
namespace {

// Enough of an overlong name to recognise it by.
std::string beginning_of(const std::string& text) {
  constexpr std::size_t shown_bytes = 32;
  return text.size() <= shown_bytes ? text : text.substr(0, shown_bytes) + "...";
}

Result<void> check_name(const std::string& owner, const char* what, const std::string& value) {
  if (value.empty()) {
    return Error{Code::invalid_argument, owner + ": empty " + what + "; give it one"};
  }
  if (value.size() > limits::name_bytes_max) {
    return Error{Code::over_limit, owner + ": " + what + " '" + beginning_of(value) + "' of " +
                                       std::to_string(value.size()) + " bytes, limit " +
                                       std::to_string(limits::name_bytes_max) + "; shorten it"};
  }
  return {};
}

}  // namespace

Result<void> check_storable(const ActorRecord& record) {
  const std::string owner = "actor " + record.id.short_text();
  if (record.id.is_null()) {
    return Error{Code::invalid_argument, owner + ": null id; name it with ActorId::of"};
  }
  if (auto type = check_name(owner, "type", record.type); !type.ok()) return type;
  return check_name(owner, "node name", record.node.name);
}

Result<void> check_storable(const std::string& node_name, const std::string& address,
                            const std::vector<std::string>& roles) {
  const std::string owner = "node " + beginning_of(node_name);
  if (auto place = check_name(owner, "address", address); !place.ok()) return place;
  if (roles.size() > limits::roles_per_node_max) {
    return Error{Code::over_limit, owner + ": " + std::to_string(roles.size()) + " roles, limit " +
                                       std::to_string(limits::roles_per_node_max) + "; name fewer"};
  }
  for (const std::string& role : roles) {
    if (auto fits = check_name(owner, "role", role); !fits.ok()) return fits;
    if (role.find('\n') != std::string::npos) {
      return Error{Code::invalid_argument,
                   owner + ": a role with a line break; write it on one line"};
    }
  }
  return {};
}

Error no_such_node(const std::string& name) {
  return {Code::not_found, "no node '" + beginning_of(name) +
                               "' is registered; look at the list of nodes for its name"};
}

Result<void> check_registered(const std::optional<NodeRecord>& current, const NodeId& node) {
  if (!current) return no_such_node(node.name);
  if (current->id.incarnation != node.incarnation) {
    return Error{Code::conflict, "node " + node.name + ": incarnation " + node.incarnation.text() +
                                     " is not the registered one, " +
                                     current->id.incarnation.text() +
                                     "; another process has taken the name"};
  }
  return {};
}

Result<void> check_pinnable(const std::optional<ActorRecord>& current, const ActorId& id,
                            std::size_t pin_count) {
  if (!current) {
    return Error{Code::not_found, "no actor " + id.short_text() +
                                      " has a record; pin it once it has been activated"};
  }
  if (pin_count >= limits::pinned_actors_max) {
    return Error{Code::over_limit, "actor " + id.short_text() + ": " + std::to_string(pin_count) +
                                       " actors are pinned, limit " +
                                       std::to_string(limits::pinned_actors_max) + "; unpin some"};
  }
  return {};
}

Result<void> check_batch(std::span<const Checkpoint> checkpoints) {
  if (checkpoints.size() > limits::checkpoints_per_batch_max) {
    return Error{Code::over_limit, std::to_string(checkpoints.size()) +
                                       " checkpoints at once, limit " +
                                       std::to_string(limits::checkpoints_per_batch_max) +
                                       "; save them in several batches"};
  }
  std::size_t bytes = 0;
  for (const Checkpoint& checkpoint : checkpoints) bytes += checkpoint.state.size();
  if (bytes > limits::checkpoint_batch_bytes_max) {
    return Error{Code::over_limit, std::to_string(checkpoints.size()) + " checkpoints of " +
                                       std::to_string(bytes) + " bytes at once, limit " +
                                       std::to_string(limits::checkpoint_batch_bytes_max) +
                                       "; save them in several batches"};
  }
  return {};
}

Result<void> check_storable(const Checkpoint& checkpoint) {
  const std::string owner = "checkpoint of actor " + checkpoint.id.short_text();
  if (checkpoint.id.is_null()) {
    return Error{Code::invalid_argument, owner + ": null id; name the actor"};
  }
  if (checkpoint.state.size() > limits::snapshot_bytes_max) {
    return Error{Code::over_limit, owner + " of " + std::to_string(checkpoint.state.size()) +
                                       " bytes, limit " +
                                       std::to_string(limits::snapshot_bytes_max) +
                                       "; keep less in the actor's state"};
  }
  return {};
}

Result<void> check_owner(const std::optional<ActorRecord>& current, const NodeId& by,
                         const Checkpoint& checkpoint) {
  const std::string owner = "checkpoint " + std::to_string(checkpoint.number) + " of actor " +
                            checkpoint.id.short_text() + " by node '" + by.name + "' at epoch " +
                            std::to_string(checkpoint.epoch);
  if (!current) {
    return Error{Code::conflict, owner + ": the actor has no record; activate it first"};
  }
  const bool active = current->state == ActorRecord::State::active;
  const bool owns = current->node.name == by.name && current->node.incarnation == by.incarnation &&
                    current->epoch == checkpoint.epoch;
  if (active && owns) return {};
  return Error{Code::conflict, owner + ": the actor is " + (active ? "active" : "retired") +
                                   " on node '" + current->node.name + "' incarnation " +
                                   current->node.incarnation.text() + " at epoch " +
                                   std::to_string(current->epoch) + "; read its record again"};
}

Result<MoveRecord> loggable(const MoveRecord& move) {
  const std::string owner = "move of actor " + move.id.short_text();
  for (const std::string* text : {&move.type, &move.name, &move.from, &move.to}) {
    if (text->size() <= limits::name_bytes_max) continue;
    return Error{Code::over_limit, owner + ": name '" + beginning_of(*text) + "' of " +
                                       std::to_string(text->size()) + " bytes, limit " +
                                       std::to_string(limits::name_bytes_max) + "; shorten it"};
  }
  MoveRecord logged = move;
  if (logged.reason.size() > limits::move_reason_bytes_max) {
    logged.reason.resize(limits::move_reason_bytes_max);
  }
  return logged;
}

}  // namespace omma
