#include "runtime/protocol/directory_record.hpp"

#include <catch2/catch.hpp>

#include "runtime/base/limits.hpp"

namespace omma {
namespace {

const ActorId lobby = ActorId::of("camera", "lobby");
const NodeId node_a{.name = "a", .incarnation = {1, 1}, .epoch = 1};
const NodeId node_b{.name = "b", .incarnation = {2, 2}, .epoch = 1};
const std::vector<std::byte> config{std::byte{1}, std::byte{2}};

NodeRecord on_record(const NodeId& id, bool alive = true) {
  return {.id = id, .address = "unix:/x", .roles = {}, .alive = alive};
}

// All who take part are live.
NodesInvolved living(const std::optional<ActorRecord>& current, const RecordChange& change) {
  NodesInvolved nodes{.current = std::nullopt, .next = on_record(change.next.node)};
  if (current) nodes.current = on_record(current->node);
  return nodes;
}

Result<void> permits_among_living(const std::optional<ActorRecord>& current,
                                  const RecordChange& change) {
  return permits(current, change, living(current, change));
}

ActorRecord activated(const std::optional<ActorRecord>& current, const NodeId& node) {
  auto change = activate(current, lobby, "camera", "lobby", config, node);
  REQUIRE(change.ok());
  REQUIRE(permits_among_living(current, *change).ok());
  return change->next;
}

ActorRecord retired(const ActorRecord& current) {
  auto change = retire(current, lobby, current.epoch, current.node);
  REQUIRE(change.ok());
  REQUIRE(permits_among_living(current, *change).ok());
  return change->next;
}

TEST_CASE("the first activation makes epoch 1 and life 1") {
  auto change = activate(std::nullopt, lobby, "camera", "lobby", config, node_a);
  REQUIRE(change.ok());
  CHECK(change->expected_epoch == 0);
  CHECK(change->next == ActorRecord{.id = lobby,
                                    .type = "camera",
                                    .name = "lobby",
                                    .config = config,
                                    .epoch = 1,
                                    .life = 1,
                                    .state = ActorRecord::State::active,
                                    .node = node_a});
}

TEST_CASE("epochs only grow, and a life is the epoch at which it was born") {
  const ActorRecord first = activated(std::nullopt, node_a);
  const ActorRecord ended = retired(first);
  CHECK(ended.epoch == 2);
  CHECK(ended.life == 1);
  CHECK(ended.node == node_a);
  CHECK(ended.state == ActorRecord::State::retired);
  const ActorRecord second = activated(ended, node_b);
  CHECK(second.epoch == 3);
  CHECK(second.life == 3);
  CHECK(second.node == node_b);
}

TEST_CASE("an active actor is not activated again; the message says where it is") {
  auto change = activate(activated(std::nullopt, node_a), lobby, "camera", "lobby", config, node_b);
  REQUIRE_FALSE(change.ok());
  CHECK(change.error().code == Code::conflict);
  CHECK(change.error().message.find("node 'a' at epoch 1") != std::string::npos);
}

TEST_CASE("an id keeps its type for ever, its configuration for one life") {
  const ActorRecord ended = retired(activated(std::nullopt, node_a));
  const std::vector<std::byte> changed{std::byte{9}};
  auto next_life = activate(ended, lobby, "camera", "lobby", changed, node_a);
  REQUIRE(next_life.ok());
  CHECK(next_life->next.config == changed);
  CHECK(permits_among_living(ended, *next_life).ok());
  auto other_type = activate(ended, lobby, "tracker", "lobby", config, node_a);
  REQUIRE_FALSE(other_type.ok());
  CHECK(other_type.error().code == Code::invalid_argument);
}

TEST_CASE("only the life on record is retired") {
  const ActorRecord active = activated(std::nullopt, node_a);
  CHECK(retire(std::nullopt, lobby, 1, node_a).error().code == Code::conflict);
  CHECK(retire(active, lobby, 2, node_a).error().code == Code::conflict);
  CHECK(retire(active, lobby, 1, node_b).error().code == Code::conflict);
  NodeId restarted = node_a;
  restarted.incarnation = {7, 7};
  CHECK(retire(active, lobby, 1, restarted).error().code == Code::conflict);
  const ActorRecord ended = retired(active);
  CHECK(retire(ended, lobby, ended.epoch, node_a).error().code == Code::conflict);
}

TEST_CASE("a change against another epoch is a conflict") {
  auto change = activate(std::nullopt, lobby, "camera", "lobby", config, node_a);
  const ActorRecord active = activated(std::nullopt, node_b);
  CHECK(permits_among_living(active, *change).error().code == Code::conflict);
  auto end = retire(active, lobby, 1, node_b);
  CHECK(permits_among_living(std::nullopt, *end).error().code == Code::conflict);
  CHECK(permits_among_living(retired(active), *end).error().code == Code::conflict);
}

TEST_CASE("a change that is no arrow of the diagram is refused") {
  const ActorRecord active = activated(std::nullopt, node_a);
  const RecordChange end = *retire(active, lobby, 1, node_a);
  const RecordChange begin = *activate(end.next, lobby, "camera", "lobby", config, node_b);
  const auto refused = [](const std::optional<ActorRecord>& current, const RecordChange& change) {
    const auto answer = permits_among_living(current, change);
    return !answer.ok() && answer.error().code == Code::invalid_argument;
  };
  RecordChange change = end;
  change.next.epoch = 3;
  CHECK(refused(active, change));  // Skips an epoch.
  change = end;
  change.next.epoch = 1;
  CHECK(refused(active, change));  // Stays.
  change = end;
  change.next.state = ActorRecord::State::active;
  change.next.life = change.next.epoch;
  CHECK(refused(active, change));  // A new life without a take-over.
  change = {.expected_epoch = end.next.epoch, .next = end.next};
  ++change.next.epoch;
  CHECK(refused(end.next, change));  // Retired twice.
  change = end;
  change.next.id.low ^= 1;
  CHECK(refused(active, change));  // Somebody else.
  change = end;
  change.next.type = "tracker";
  CHECK(refused(active, change));
  change = end;
  change.next.config.clear();
  CHECK(refused(active, change));
  change = end;
  change.next.node = node_b;
  CHECK(refused(active, change));  // Ends elsewhere.
  change = end;
  change.next.name = "hall";
  CHECK(refused(active, change));
  change = end;
  change.next.life = 2;
  CHECK(refused(active, change));
  change = end;
  change.takes_over = true;
  CHECK(refused(active, change));  // Takes over in order to end it.
  change = begin;
  change.next.life = 1;
  CHECK(refused(end.next, change));  // An old life wakes.
  change = begin;
  change.takes_over = true;
  CHECK(refused(end.next, change));  // Takes over what nobody has.
  ActorRecord born_retired = active;
  born_retired.state = ActorRecord::State::retired;
  CHECK(refused(std::nullopt, {.expected_epoch = 0, .next = born_retired}));
}

TEST_CASE("a move keeps the life and takes the next epoch, to another node or to the same") {
  const ActorRecord active = activated(std::nullopt, node_a);
  for (const NodeId& to : {node_b, node_a}) {
    const auto change = move_actor(active, lobby, 1, node_a, to);
    REQUIRE(change.ok());
    CHECK(change->expected_epoch == 1);
    CHECK_FALSE(change->takes_over);
    ActorRecord next = active;
    next.epoch = 2;
    next.node = to;
    CHECK(change->next == next);
    CHECK(permits_among_living(active, *change).ok());
  }
}

TEST_CASE("a take-over keeps the life or begins one at its epoch") {
  ActorRecord active = activated(std::nullopt, node_a);
  active.epoch = 4;
  const auto kept = take_over(active, lobby, 4, node_b, true);
  REQUIRE(kept.ok());
  CHECK(kept->takes_over);
  CHECK(kept->next.epoch == 5);
  CHECK(kept->next.life == 1);
  CHECK(kept->next.node == node_b);
  const auto anew = take_over(active, lobby, 4, node_b, false);
  REQUIRE(anew.ok());
  CHECK(anew->next.epoch == 5);
  CHECK(anew->next.life == 5);
}

TEST_CASE("only what is on record is moved or taken over") {
  const ActorRecord active = activated(std::nullopt, node_a);
  const ActorRecord ended = retired(active);
  const auto is_conflict = [](const Result<RecordChange>& change) {
    return !change.ok() && change.error().code == Code::conflict;
  };
  CHECK(is_conflict(move_actor(std::nullopt, lobby, 1, node_a, node_b)));
  CHECK(is_conflict(move_actor(active, lobby, 2, node_a, node_b)));
  CHECK(is_conflict(move_actor(active, lobby, 1, node_b, node_a)));
  CHECK(is_conflict(move_actor(ended, lobby, 2, node_a, node_b)));
  CHECK(is_conflict(take_over(std::nullopt, lobby, 1, node_b, true)));
  CHECK(is_conflict(take_over(active, lobby, 2, node_b, true)));
  CHECK(is_conflict(take_over(ended, lobby, 2, node_b, true)));
  CHECK(move_actor(active, lobby, 2, node_a, node_b).error().message ==
        "camera 'lobby' (" + lobby.short_text() +
            ") is active on node 'a' at epoch 1, not active on node 'a' at epoch 2; read it again");
}

// What is on record of a node, as seen by a change.
enum class Node { live, dead, replaced, unknown };

std::optional<NodeRecord> seen_as(Node state, const NodeId& id) {
  if (state == Node::unknown) return std::nullopt;
  NodeRecord record = on_record(id, state != Node::dead);
  if (state == Node::replaced) record.id.incarnation = {8, 8};
  return record;
}

TEST_CASE("every arrow is open or closed by what is on record of its nodes") {
  const ActorRecord active = activated(std::nullopt, node_a);
  const ActorRecord ended = retired(active);
  enum class Needs { live, not_live, nothing };
  struct Arrow {
    const char* name;
    std::optional<ActorRecord> current;
    Result<RecordChange> change;
    Needs of_holder;    // The node on record.
    Needs of_receiver;  // The node in the change.
  };
  const Arrow arrows[] = {
      {"activate", std::nullopt, activate({}, lobby, "camera", "lobby", config, node_b),
       Needs::nothing, Needs::live},
      {"activate again", ended, activate(ended, lobby, "camera", "lobby", config, node_b),
       Needs::nothing, Needs::live},
      {"retire", active, retire(active, lobby, 1, node_a), Needs::live, Needs::nothing},
      {"move", active, move_actor(active, lobby, 1, node_a, node_b), Needs::nothing, Needs::live},
      {"take over, same life", active, take_over(active, lobby, 1, node_b, true), Needs::not_live,
       Needs::live},
      {"take over, new life", active, take_over(active, lobby, 1, node_b, false), Needs::not_live,
       Needs::live},
  };
  const auto satisfied = [](Needs needs, Node state) {
    if (needs == Needs::nothing) return true;
    return (needs == Needs::live) == (state == Node::live);
  };
  const Node states[] = {Node::live, Node::dead, Node::replaced, Node::unknown};
  for (const Arrow& arrow : arrows) {
    REQUIRE(arrow.change.ok());
    for (const Node holder : states) {
      for (const Node receiver : states) {
        INFO(arrow.name << ": holder " << static_cast<int>(holder) << ", receiver "
                        << static_cast<int>(receiver));
        const auto answer = permits(arrow.current, *arrow.change,
                                    {.current = seen_as(holder, node_a),
                                     .next = seen_as(receiver, arrow.change->next.node)});
        const bool open =
            satisfied(arrow.of_holder, holder) && satisfied(arrow.of_receiver, receiver);
        CHECK(answer.ok() == open);
        if (!answer.ok()) CHECK(answer.error().code == Code::conflict);
      }
    }
  }
}

TEST_CASE("an abort needs its node live, and no node takes over from itself") {
  const ActorRecord active = activated(std::nullopt, node_a);
  const RecordChange abort = *move_actor(active, lobby, 1, node_a, node_a);
  const RecordChange itself = *take_over(active, lobby, 1, node_a, true);
  for (const Node state : {Node::live, Node::dead, Node::replaced, Node::unknown}) {
    const auto a = seen_as(state, node_a);
    CHECK(permits(active, abort, {a, a}).ok() == (state == Node::live));
    CHECK_FALSE(permits(active, itself, {a, a}).ok());
  }
}

TEST_CASE("a life is exchanged by a take-over alone, and for no other than its epoch") {
  const ActorRecord active = activated(std::nullopt, node_a);
  const NodesInvolved nodes{on_record(node_a, false), on_record(node_b)};
  RecordChange moves = *move_actor(active, lobby, 1, node_a, node_b);
  REQUIRE(permits(active, moves, nodes).ok());
  moves.next.life = 2;
  CHECK(permits(active, moves, nodes).error().code == Code::invalid_argument);
  RecordChange takes = *take_over(active, lobby, 1, node_b, false);
  REQUIRE(permits(active, takes, nodes).ok());
  for (const std::uint64_t life : {0, 3}) {
    takes.next.life = life;
    CHECK(permits(active, takes, nodes).error().code == Code::invalid_argument);
  }
}

TEST_CASE("why a node is not live is said in words") {
  const auto why = [](const std::optional<NodeRecord>& record) {
    return check_live(record, node_a).error().message;
  };
  CHECK(check_live(on_record(node_a), node_a).ok());
  CHECK(why(std::nullopt)
            .find("node 'a' incarnation " + node_a.incarnation.text() + " is not registered") == 0);
  CHECK(why(on_record(node_a, false)).find("declared dead") != std::string::npos);
  NodeRecord replaced = on_record(node_a);
  replaced.id.incarnation = {8, 8};
  CHECK(why(replaced).find("replaced by incarnation " + replaced.id.incarnation.text()) !=
        std::string::npos);
  CHECK_FALSE(is_live(on_record(node_b), node_a));
}

TEST_CASE("a record over a limit is refused with the number and the limit") {
  const std::vector<std::byte> large(limits::actor_config_bytes_max + 1);
  auto change = activate(std::nullopt, lobby, "camera", "lobby", large, node_a);
  REQUIRE_FALSE(change.ok());
  CHECK(change.error().code == Code::over_limit);
  CHECK(change.error().message.find(std::to_string(large.size())) != std::string::npos);
  const std::string long_name(limits::name_bytes_max + 1, 'x');
  CHECK(activate(std::nullopt, lobby, "camera", long_name, config, node_a).error().code ==
        Code::over_limit);
  CHECK(activate(std::nullopt, lobby, long_name, "lobby", config, node_a).error().code ==
        Code::over_limit);
  RecordChange smuggled = *activate(std::nullopt, lobby, "camera", "lobby", config, node_a);
  smuggled.next.name = long_name;
  CHECK(permits_among_living(std::nullopt, smuggled).error().code == Code::over_limit);
}

TEST_CASE("a node's name gets a higher epoch with each incarnation") {
  auto first = register_node(std::nullopt, "a", {1, 1}, "unix:/a", {"camera"});
  REQUIRE(first.ok());
  CHECK(first->id == NodeId{.name = "a", .incarnation = {1, 1}, .epoch = 1});
  CHECK(first->roles == std::vector<std::string>{"camera"});
  CHECK(first->alive);
  auto again = register_node(*first, "a", {1, 1}, "unix:/a", {"camera"});
  REQUIRE(again.ok());
  CHECK(*again == *first);
  auto restarted = register_node(*first, "a", {5, 5}, "unix:/a", {"head"});
  REQUIRE(restarted.ok());
  CHECK(restarted->id.epoch == 2);
  CHECK(restarted->id.incarnation == Incarnation{5, 5});
  CHECK(restarted->roles == std::vector<std::string>{"head"});
}

TEST_CASE("an incarnation has one address and does not return from the dead") {
  auto record = register_node(std::nullopt, "a", {1, 1}, "unix:/a", {});
  REQUIRE(record.ok());
  CHECK(register_node(*record, "a", {1, 1}, "unix:/b", {}).error().code == Code::conflict);
  record->alive = false;
  CHECK(register_node(*record, "a", {1, 1}, "unix:/a", {}).error().code == Code::conflict);
  auto reborn = register_node(*record, "a", {2, 2}, "unix:/a", {});
  REQUIRE(reborn.ok());
  CHECK(reborn->alive);
}

TEST_CASE("a cordoned name stays cordoned when its node begins again") {
  auto record = register_node(std::nullopt, "a", {1, 1}, "unix:/a", {});
  REQUIRE(record.ok());
  CHECK_FALSE(record->cordoned);
  record->cordoned = true;
  CHECK(register_node(*record, "a", {2, 2}, "unix:/a", {})->cordoned);
}

TEST_CASE("a node without name, address or incarnation is refused") {
  CHECK(register_node(std::nullopt, "", {1, 1}, "unix:/a", {}).error().code ==
        Code::invalid_argument);
  CHECK(register_node(std::nullopt, "a", {1, 1}, "", {}).error().code == Code::invalid_argument);
  CHECK(register_node(std::nullopt, "a", {}, "unix:/a", {}).error().code == Code::invalid_argument);
  CHECK(register_node(std::nullopt, std::string(300, 'n'), {1, 1}, "unix:/a", {}).error().code ==
        Code::over_limit);
}

}  // namespace
}  // namespace omma
