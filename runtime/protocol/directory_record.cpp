#include "runtime/protocol/directory_record.hpp"

#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/limits.hpp"

namespace omma {
namespace {

std::string text_of(const ActorRecord& record) {
  return record.type + " '" + record.name + "' (" + record.id.short_text() + ")";
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

}  // namespace

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
  if (!current) {
    return Error{Code::conflict, "actor " + id.short_text() + " has no record to retire"};
  }
  OMMA_CHECK(current->id == id, id.text());
  if (current->state != ActorRecord::State::active || current->epoch != epoch ||
      current->node != node) {
    const char* state = current->state == ActorRecord::State::active ? "active" : "retired";
    return Error{Code::conflict,
                 text_of(*current) + " is " + state + " on node '" + current->node.name +
                     "' at epoch " + std::to_string(current->epoch) + ", not active on node '" +
                     node.name + "' at epoch " + std::to_string(epoch) + "; read it again"};
  }
  RecordChange change{.expected_epoch = epoch, .next = *current};
  change.next.epoch = epoch + 1;
  change.next.state = ActorRecord::State::retired;
  return change;
}

Result<void> permits(const std::optional<ActorRecord>& current, const RecordChange& change) {
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
  const bool was_active = current && current->state == ActorRecord::State::active;
  const bool activates = next.state == ActorRecord::State::active;
  if (was_active == activates) {
    return Error{Code::invalid_argument, text_of(next) +
                                             (activates ? " is active already" : " is not active") +
                                             "; retire and activate take turns"};
  }
  if (current && current->id != next.id) {
    return Error{Code::invalid_argument, text_of(next) + ": the record is of " + text_of(*current)};
  }
  if (current && current->type != next.type) return other_type(*current);
  // An actor that is named by a key may be configured anew for its next life, never within one.
  if (current && !activates && current->config != next.config) {
    return Error{Code::invalid_argument,
                 text_of(next) + ": a life keeps its configuration to its end"};
  }
  if (activates ? next.life != next.epoch
                : next.life != current->life || next.node != current->node) {
    return Error{Code::invalid_argument,
                 text_of(next) + ": life " + std::to_string(next.life) + " at epoch " +
                     std::to_string(next.epoch) +
                     "; a life begins with its activation and ends on the node where it was"};
  }
  return {};
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
                                     (current->alive ? "" : " and has left") +
                                     "; restart it to register at '" + address + "'"};
  }
  const std::uint64_t epoch = (current ? current->id.epoch : 0) + 1;
  return NodeRecord{.id = {.name = name, .incarnation = incarnation, .epoch = epoch},
                    .address = address,
                    .roles = std::move(roles),
                    .alive = true};
}

}  // namespace omma
