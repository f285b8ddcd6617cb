#include "runtime/protocol/directory_record.hpp"

#include <catch2/catch.hpp>

#include "runtime/base/limits.hpp"

namespace omma {
namespace {

const ActorId lobby = ActorId::of("camera", "lobby");
const NodeId node_a{.name = "a", .incarnation = {1, 1}, .epoch = 1};
const NodeId node_b{.name = "b", .incarnation = {2, 2}, .epoch = 1};
const std::vector<std::byte> config{std::byte{1}, std::byte{2}};

ActorRecord activated(const std::optional<ActorRecord>& current, const NodeId& node) {
  auto change = activate(current, lobby, "camera", "lobby", config, node);
  REQUIRE(change.ok());
  REQUIRE(permits(current, *change).ok());
  return change->next;
}

ActorRecord retired(const ActorRecord& current) {
  auto change = retire(current, lobby, current.epoch, current.node);
  REQUIRE(change.ok());
  REQUIRE(permits(current, *change).ok());
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
  CHECK(permits(ended, *next_life).ok());
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
  CHECK(permits(active, *change).error().code == Code::conflict);
  auto end = retire(active, lobby, 1, node_b);
  CHECK(permits(std::nullopt, *end).error().code == Code::conflict);
  CHECK(permits(retired(active), *end).error().code == Code::conflict);
}

TEST_CASE("a change that is no arrow of the diagram is refused") {
  const ActorRecord active = activated(std::nullopt, node_a);
  const RecordChange end = *retire(active, lobby, 1, node_a);
  const RecordChange begin = *activate(end.next, lobby, "camera", "lobby", config, node_b);
  const auto refused = [](const std::optional<ActorRecord>& current, const RecordChange& change) {
    const auto answer = permits(current, change);
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
  CHECK(refused(active, change));  // Active twice.
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
  change = begin;
  change.next.life = 1;
  CHECK(refused(end.next, change));  // An old life wakes.
  ActorRecord born_retired = active;
  born_retired.state = ActorRecord::State::retired;
  CHECK(refused(std::nullopt, {.expected_epoch = 0, .next = born_retired}));
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
  CHECK(permits(std::nullopt, smuggled).error().code == Code::over_limit);
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
