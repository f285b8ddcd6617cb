#include "runtime/placement/move_rule.hpp"

#include "runtime/base/nearest_name.hpp"

#include <algorithm>

namespace omma {
namespace {

// Fewer digits would be taken for a name that somebody mistyped.
constexpr std::size_t id_digits_min = 4;
// An ambiguous name's candidates that are listed.
constexpr std::size_t candidates_shown_max = 8;

std::string title_of(const ActorRecord& actor) {
  return actor.type + "/" + actor.name;
}

const NodeLoad* find_node(std::span<const NodeLoad> nodes, std::string_view name) {
  const auto found = std::find_if(nodes.begin(), nodes.end(),
                                  [&](const NodeLoad& load) { return load.node.id.name == name; });
  return found == nodes.end() ? nullptr : &*found;
}

Result<void> check_target(const MoveWish& wish, std::span<const NodeLoad> nodes) {
  const NodeLoad* const to = find_node(nodes, wish.to);
  if (to == nullptr) {
    std::vector<std::string> names;
    for (const NodeLoad& load : nodes) names.push_back(load.node.id.name);
    return Error{Code::not_found, "no node '" + wish.to + "'" + suggestion_for(wish.to, names)};
  }
  const std::string node = "node '" + wish.to + "'";
  if (!to->node.alive) {
    return Error{Code::unavailable, node + " is dead; start it, or name one of " + list_of(nodes)};
  }
  if (wish.to == wish.actor.node.name) {
    return Error{Code::conflict,
                 title_of(wish.actor) + " lives on " + node + " already; name another node"};
  }
  if (to->node.cordoned) {
    return Error{Code::unavailable,
                 node + " is cordoned; end that with omma cordon " + wish.to + " --off"};
  }
  if (to->actors >= to->actors_max) {
    return Error{Code::over_limit, node + " is full: " + std::to_string(to->actors) +
                                       " actors, limit " + std::to_string(to->actors_max) +
                                       "; move some away, or raise its actors_max"};
  }
  return {};
}

}  // namespace

Result<void> check_leave(const MoveWish& wish, std::span<const NodeLoad> nodes) {
  const ActorRecord& actor = wish.actor;
  const NodeLoad* const home = find_node(nodes, actor.node.name);
  if (home == nullptr || !home->node.alive || home->node.id.incarnation != actor.node.incarnation) {
    return Error{Code::conflict, title_of(actor) + " was on node '" + actor.node.name +
                                     "', which is dead; it is given another node by itself"};
  }
  if (wish.stays != nullptr) {
    return Error{Code::unsupported,
                 title_of(actor) + " stays on node '" + actor.node.name + "': " + wish.stays};
  }
  if (wish.pinned) {
    return Error{Code::conflict, title_of(actor) + " is pinned to node '" + actor.node.name +
                                     "'; end that with omma pin " + title_of(actor) + " --off"};
  }
  return {};
}

Result<void> check_move(const MoveWish& wish, std::span<const NodeLoad> nodes) {
  const ActorRecord& actor = wish.actor;
  if (actor.state != ActorRecord::State::active) {
    return Error{Code::not_found, title_of(actor) + " has ended at epoch " +
                                      std::to_string(actor.epoch) + "; omma ps shows what lives"};
  }
  if (auto target = check_target(wish, nodes); !target) return target;
  return check_leave(wish, nodes);
}

Result<ActorRecord> find_actor(std::string_view wanted, std::span<const ActorRecord> actors) {
  const bool digits = wanted.size() >= id_digits_min &&
                      wanted.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  std::vector<const ActorRecord*> by_name;
  std::vector<const ActorRecord*> by_id;
  std::vector<std::string> known;
  for (const ActorRecord& actor : actors) {
    if (actor.state != ActorRecord::State::active) continue;
    const std::string title = title_of(actor);
    if (wanted == title || wanted == actor.name) by_name.push_back(&actor);
    if (digits && actor.id.text().starts_with(wanted)) by_id.push_back(&actor);
    known.push_back(title);
    if (!actor.name.empty()) known.push_back(actor.name);
  }
  const auto& meant = by_name.empty() ? by_id : by_name;
  if (meant.size() == 1) return *meant.front();
  if (meant.empty()) {
    const auto nearest = nearest_name(wanted, known);
    return Error{Code::not_found,
                 "no actor '" + std::string(wanted) + "'" +
                     (nearest ? "; did you mean '" + *nearest + "'?" : "; omma ps lists them")};
  }
  std::string message = "'" + std::string(wanted) + "' could be " + std::to_string(meant.size()) +
                        " actors; write the first digits of its id:";
  for (std::size_t i = 0; i < std::min(meant.size(), candidates_shown_max); ++i) {
    message += (i == 0 ? " " : ", ") + meant[i]->id.short_text() + " (" + title_of(*meant[i]) +
               " on " + meant[i]->node.name + ")";
  }
  if (meant.size() > candidates_shown_max) message += ", ...";
  return Error{Code::invalid_argument, message};
}

}  // namespace omma
