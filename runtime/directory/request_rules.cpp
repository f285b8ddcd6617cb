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

Result<void> check_registered(const std::optional<NodeRecord>& current, const NodeId& node) {
  if (!current) {
    return Error{Code::not_found, "no node '" + beginning_of(node.name) +
                                      "' is registered; register it before it takes leave"};
  }
  if (current->id.incarnation != node.incarnation) {
    return Error{Code::conflict, "node " + node.name + ": incarnation " + node.incarnation.text() +
                                     " is not the registered one, " +
                                     current->id.incarnation.text() +
                                     "; another process has taken the name"};
  }
  return {};
}

}  // namespace omma
