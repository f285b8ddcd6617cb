// Pages, filters, names and counts. Each test runs once on each engine.
#include <set>
#include <stdexcept>

#include "runtime/base/limits.hpp"
#include "tests/runtime/directory/engine.hpp"
#include "tests/runtime/directory/records.hpp"

namespace omma {
namespace {

using Which = ActorQuery::Which;

ActorRecord begin(Directory& directory, const ActorId& id, const std::string& type,
                  const std::string& name, const NodeId& node, std::size_t config_bytes = 16) {
  auto current = directory.actor(id);
  REQUIRE(current.ok());
  return applied(directory, activate(*current, id, type, name, config_of(config_bytes),
                                     known(directory, node)));
}

std::vector<ActorId> ids_in(const std::vector<ActorRecord>& records) {
  std::vector<ActorId> ids;
  for (const ActorRecord& record : records) ids.push_back(record.id);
  return ids;
}

std::vector<ActorId> ids_in(const Result<ActorPage>& page) {
  REQUIRE(page.ok());
  return ids_in(page->actors);
}

std::size_t count_on(Directory& directory, const std::string& node) {
  const auto nodes = directory.counted_nodes();
  REQUIRE(nodes.ok());
  for (const CountedNode& one : *nodes) {
    if (one.node.id.name == node) return one.actors;
  }
  FAIL("no node " << node);
  return 0;
}

TEST_CASE("a page says whether there are others, and the next begins after its last") {
  Engine engine;
  INFO(engine.name);
  for (std::uint64_t i = 1; i <= 5; ++i) {
    begin(*engine.directory, {1, i}, "camera", "x", node_of("a"));
  }
  const auto first = engine.directory->actors({.count_max = 2});
  CHECK(ids_in(first) == std::vector<ActorId>{{1, 1}, {1, 2}});
  CHECK(first->more);
  const auto second = engine.directory->actors({.after = {1, 2}, .count_max = 3});
  CHECK(ids_in(second) == std::vector<ActorId>{{1, 3}, {1, 4}, {1, 5}});
  CHECK_FALSE(second->more);
  CHECK(ids_in(engine.directory->actors({.after = {1, 5}})).empty());
}

TEST_CASE("a page ends with its bytes, but holds one record at least") {
  Engine engine;
  INFO(engine.name);
  for (std::uint64_t i = 1; i <= 3; ++i) {
    begin(*engine.directory, {1, i}, "camera", "x", node_of("a"),
          i == 2 ? limits::actor_config_bytes_max : limits::listed_records_bytes_max / 2);
  }
  const auto first = engine.directory->actors({});
  CHECK(ids_in(first) == std::vector<ActorId>{{1, 1}});
  CHECK(first->more);
  CHECK(ids_in(engine.directory->actors({.after = {1, 1}})) == std::vector<ActorId>{{1, 2}});
  CHECK(listed(*engine.directory).size() == 3);
}

TEST_CASE("a listing can be of one node, of one type, of those that live or of orphans") {
  Engine engine;
  INFO(engine.name);
  Directory& directory = *engine.directory;
  begin(directory, {1, 1}, "camera", "x", node_of("a", 1));
  begin(directory, {1, 2}, "tracker", "x", node_of("a", 1));
  begin(directory, {1, 3}, "tracker", "y", node_of("b", 2));
  retire_now(directory, begin(directory, {1, 4}, "tracker", "z", node_of("a", 1)));
  const auto ids = [&](const ActorQuery& query) { return ids_in(listed(directory, query)); };
  CHECK(ids({}).size() == 4);
  CHECK(ids({.which = Which::active}) == std::vector<ActorId>{{1, 1}, {1, 2}, {1, 3}});
  CHECK(ids({.which = Which::active, .node = "a"}) == std::vector<ActorId>{{1, 1}, {1, 2}});
  CHECK(ids({.node = "a", .type = "tracker"}) == std::vector<ActorId>{{1, 2}});
  CHECK(ids({.type = "tracker"}) == std::vector<ActorId>{{1, 2}, {1, 3}, {1, 4}});
  CHECK(ids({.node = "c"}).empty());
  CHECK(ids({.which = Which::orphaned}).empty());
  REQUIRE(directory.mark_dead(node_of("a", 1)).ok());
  CHECK(ids({.which = Which::orphaned}) == std::vector<ActorId>{{1, 1}, {1, 2}});
  CHECK(ids({.which = Which::orphaned, .after = {1, 1}}) == std::vector<ActorId>{{1, 2}});
  CHECK(ids({.which = Which::orphaned, .node = "b"}).empty());
  CHECK(ids({.which = Which::orphaned, .type = "camera"}) == std::vector<ActorId>{{1, 1}});
}

TEST_CASE("whom somebody means is found by name, by type and name, or by the id's first digits") {
  Engine engine;
  INFO(engine.name);
  Directory& directory = *engine.directory;
  begin(directory, {0xabcd'0000'0000'0001, 1}, "camera", "east", node_of("a"));
  begin(directory, {0xabcd'0000'0000'0001, 2}, "tracker", "east", node_of("a"));
  begin(directory, {0xabce'0000'0000'0000, 3}, "tracker", "a/b", node_of("a"));
  retire_now(directory,
             begin(directory, {0xabcd'1000'0000'0000, 4}, "camera", "west", node_of("a")));
  const auto meant = [&](const std::string& wanted) {
    std::vector<std::uint64_t> found;
    for (const ActorId& id : ids_in(directory.candidates(wanted))) found.push_back(id.low);
    return found;
  };
  CHECK(meant("east") == std::vector<std::uint64_t>{1, 2});
  CHECK(meant("tracker/east") == std::vector<std::uint64_t>{2});
  CHECK(meant("a/b") == std::vector<std::uint64_t>{3});
  CHECK(meant("tracker/a/b") == std::vector<std::uint64_t>{3});
  CHECK(meant("abcd") == std::vector<std::uint64_t>{1, 2});
  CHECK(meant("abcd0000000000010000000000000002") == std::vector<std::uint64_t>{2});
  // Nobody: then those that live, so that a near name can be told.
  for (const char* nobody : {"west", "abcd1", "esat", "/east", ""}) {
    INFO(nobody);
    CHECK(meant(nobody) == std::vector<std::uint64_t>{1, 2, 3});
  }
}

TEST_CASE("the counts follow every change, on the incarnation that the actors live on") {
  Engine engine;
  INFO(engine.name);
  Directory& directory = *engine.directory;
  const NodeId a = known(directory, node_of("a", 1));
  const NodeId b = known(directory, node_of("b", 1));  // Alike but for its name.
  CHECK(count_on(directory, "a") == 0);
  const ActorRecord first = begin(directory, {1, 1}, "camera", "x", a);
  const ActorRecord second = begin(directory, {1, 2}, "camera", "y", a);
  begin(directory, {1, 3}, "camera", "z", a);
  CHECK(count_on(directory, "a") == 3);
  move_now(directory, first, b);
  CHECK(count_on(directory, "a") == 2);
  CHECK(count_on(directory, "b") == 1);
  retire_now(directory, second);
  CHECK(count_on(directory, "a") == 1);
  REQUIRE(directory.register_node("a", {9, 9}, "unix:/a", {}).ok());
  CHECK(count_on(directory, "a") == 0);  // What is there is orphaned.
  CHECK(orphans_of(directory).size() == 1);
  REQUIRE(directory.deregister_node(b).ok());
  CHECK(count_on(directory, "b") == 0);
}

TEST_CASE("a change that was undone counts for nothing") {
  TemporaryFolder folder;
  const auto file = folder.file("directory.db");
  {
    auto directory = *open_sqlite_directory(file);
    const NodeId a = known(*directory, node_of("a"));
    begin(*directory, {1, 1}, "camera", "x", a);
    CHECK(count_on(*directory, "a") == 1);
    CHECK_THROWS_AS(directory->together([&] {
      begin(*directory, {1, 2}, "camera", "y", a);
      CHECK(count_on(*directory, "a") == 2);
      throw std::runtime_error("the body's own");
    }),
                    std::runtime_error);
    CHECK(count_on(*directory, "a") == 1);
  }
  CHECK(count_on(**open_sqlite_directory(file), "a") == 1);  // As counted from the file.
}

}  // namespace
}  // namespace omma
