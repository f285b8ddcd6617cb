#include "runtime/placement/placement_rule.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <vector>

namespace omma {
namespace {

NodeLoad load_of(const std::string& name, std::vector<std::string> roles, std::size_t actors = 0,
                 std::map<std::string, std::size_t> by_spread_key = {}, bool alive = true) {
  NodeRecord node{.id = {name, {1, 1}, 1},
                  .address = "unix:/" + name,
                  .roles = std::move(roles),
                  .alive = alive};
  return {std::move(node), actors, std::move(by_spread_key)};
}

std::string chosen(const std::vector<NodeLoad>& nodes, const NodeWish& wish) {
  auto node = choose_node(nodes, wish);
  return node.ok() ? node->id.name : std::string(to_string(node.error().code));
}

TEST_CASE("the choice follows the wish, then the spread, then the load, then the name") {
  const std::vector<NodeLoad> nodes = {
      load_of("cloud-c", {"cloud"}, 5, {{"shard", 2}}),
      load_of("cloud-b", {"cloud"}, 9, {{"shard", 1}}),
      load_of("cloud-a", {"cloud"}, 7, {{"shard", 1}}),
      load_of("cam", {"camera"}, 0),
      load_of("gone", {"cloud"}, 0, {}, false),
  };
  struct Row {
    const char* what;
    NodeWish wish;
    const char* node;
  };
  const Row rows[] = {
      {"the preferred node, however loaded", {"cloud-b", "cloud", ""}, "cloud-b"},
      {"the preferred node without the role", {"cam", "cloud", ""}, "cam"},
      {"the preferred node without a role asked", {"cam", "", ""}, "cam"},
      {"another of the role when the preferred is gone", {"gone", "cloud", ""}, "cloud-c"},
      {"another of the role when the preferred is unknown", {"moon", "cloud", ""}, "cloud-c"},
      {"the fewest actors", {"", "cloud", ""}, "cloud-c"},
      {"the fewest of the spread key first", {"", "cloud", "shard"}, "cloud-a"},
      {"a spread key that nobody has yet", {"", "cloud", "tracker"}, "cloud-c"},
      {"only nodes of the role", {"", "camera", ""}, "cam"},
      {"nobody has the role", {"", "gpu", ""}, "unavailable"},
      {"the only node that would do is gone", {"gone", "", ""}, "unavailable"},
      {"no wish", {"", "", ""}, "invalid_argument"},
      {"a spread key alone is no wish", {"", "", "shard"}, "invalid_argument"},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    CHECK(chosen(nodes, row.wish) == row.node);
    std::vector<NodeLoad> reversed(nodes.rbegin(), nodes.rend());
    CHECK(chosen(reversed, row.wish) == row.node);
  }
}

TEST_CASE("a node that is cordoned or full is passed over, even where it was preferred") {
  std::vector<NodeLoad> nodes = {load_of("a", {"cloud"}, 1), load_of("b", {"cloud"}, 2),
                                 load_of("c", {"camera"}, 3)};
  CHECK(chosen(nodes, {"a", "cloud", ""}) == "a");
  nodes[0].node.cordoned = true;
  CHECK(chosen(nodes, {"a", "cloud", ""}) == "b");
  nodes[1].actors_max = 2;
  CHECK(chosen(nodes, {"b", "cloud", ""}) == "unavailable");
  CHECK(chosen(nodes, {"b", "cloud", "", true}) == "c");
  CHECK(choose_node(nodes, {"", "cloud", ""}).error().message ==
        "no node that takes any has the role 'cloud'; nodes are: a (cloud; cordoned), b (cloud; "
        "full, 2 actors), c (camera); start one, end a cordon, or give the role to a node in the "
        "cluster file");
}

TEST_CASE("equally loaded nodes are taken by name") {
  const std::vector<NodeLoad> nodes = {load_of("b", {"cloud"}, 3), load_of("a", {"cloud"}, 3)};
  CHECK(chosen(nodes, {"", "cloud", ""}) == "a");
}

TEST_CASE("a refusal names the nodes there are and what to do") {
  const std::vector<NodeLoad> nodes = {load_of("cam", {"camera"}),
                                       load_of("gone", {"head", "cloud"}, 0, {}, false)};
  CHECK(
      choose_node(nodes, {"gone", "cloud", ""}).error().message ==
      "node 'gone' takes no actors now and no node that takes any has the role 'cloud'; nodes are: "
      "cam (camera), gone (head, cloud; not alive); start one, end a cordon, or give the role to "
      "a node in the cluster file");
  CHECK(choose_node(nodes, {"gone", "", ""}).error().message ==
        "node 'gone' takes no actors now; nodes are: cam (camera), gone (head, cloud; not alive); "
        "start node 'gone', or end its cordon");
  CHECK(choose_node({}, {"", "cloud", ""}).error().message ==
        "no node that takes any has the role 'cloud'; nodes are: none; start one, end a cordon, or "
        "give the role to a node in the cluster file");
}

}  // namespace
}  // namespace omma
