// What every engine promises. Each test runs once on each engine.
#include "runtime/directory/directory.hpp"

#include "runtime/base/limits.hpp"
#include "tests/runtime/directory/engine.hpp"
#include "tests/runtime/directory/records.hpp"

#include <algorithm>
#include <atomic>
#include <latch>
#include <thread>

namespace omma {
namespace {

TEST_CASE("an actor that was never activated has no record") {
  Engine engine;
  INFO(engine.name);
  auto found = engine.directory->actor(ActorId::of("camera", "lobby"));
  REQUIRE(found.ok());
  CHECK_FALSE(found->has_value());
}

TEST_CASE("a stored record is read back as it was written") {
  Engine engine;
  INFO(engine.name);
  const NodeId node = {"cam-east", Incarnation{0xffff'ffff'ffff'ffff, 0x8000'0000'0000'0001}, 9};
  const std::vector<std::byte> config = {std::byte{0}, std::byte{0xff}, std::byte{'\''}};
  const std::string name = "n\xc3\xa4me 'with' \"quotes\" and\nlines";
  const ActorId id{0xffff'0000'1111'2222, 0x8888'9999'aaaa'bbbb};
  auto change = activate(std::nullopt, id, "camera", name, config, known(*engine.directory, node));
  REQUIRE(change.ok());
  auto outcome = engine.directory->compare_and_set(*change);
  REQUIRE(outcome.ok());
  CHECK(outcome->applied);
  CHECK(outcome->current == change->next);
  CHECK(stored(*engine.directory, id) == change->next);
}

TEST_CASE("a record may have an empty configuration and name") {
  Engine engine;
  INFO(engine.name);
  const ActorId id = ActorId::of("router", "");
  auto change =
      activate(std::nullopt, id, "router", "", {}, known(*engine.directory, node_of("a")));
  REQUIRE(change.ok());
  auto outcome = engine.directory->compare_and_set(*change);
  REQUIRE(outcome.ok());
  CHECK(stored(*engine.directory, id) == change->next);
}

TEST_CASE("a change that expects another epoch is not applied and learns what stands in the way") {
  Engine engine;
  INFO(engine.name);
  auto late = activation(*engine.directory, "lobby", node_of("b"));
  REQUIRE(late.ok());
  const ActorRecord winner = activate_now(*engine.directory, "lobby", node_of("a"));
  auto outcome = engine.directory->compare_and_set(*late);
  REQUIRE(outcome.ok());
  CHECK_FALSE(outcome->applied);
  CHECK(outcome->current == winner);
  CHECK(stored(*engine.directory, winner.id) == winner);
}

TEST_CASE("a change of an absent record that expects one learns that there is none") {
  Engine engine;
  INFO(engine.name);
  const ActorRecord imagined = activate_now(*make_memory_directory(), "lobby", node_of("a"));
  auto change = retire(imagined, imagined.id, imagined.epoch, imagined.node);
  REQUIRE(change.ok());
  auto outcome = engine.directory->compare_and_set(*change);
  REQUIRE(outcome.ok());
  CHECK_FALSE(outcome->applied);
  CHECK_FALSE(outcome->current.has_value());
}

TEST_CASE("a change that the record's rules forbid is refused and changes nothing") {
  Engine engine;
  INFO(engine.name);
  const ActorRecord active = activate_now(*engine.directory, "lobby", node_of("a"));
  RecordChange leap{active.epoch, active};
  leap.next.epoch = active.epoch + 5;
  CHECK_FALSE(engine.directory->compare_and_set(leap).ok());
  CHECK(stored(*engine.directory, active.id) == active);
}

TEST_CASE("retiring and activating again makes a new life with a higher epoch each time") {
  Engine engine;
  INFO(engine.name);
  std::uint64_t epoch = 0;
  for (int cycle = 0; cycle < 5; ++cycle) {
    const ActorRecord active = activate_now(*engine.directory, "lobby", node_of("a"));
    CHECK(active.epoch == epoch + 1);
    CHECK(active.life == active.epoch);
    const ActorRecord retired = retire_now(*engine.directory, active);
    CHECK(retired.epoch == epoch + 2);
    CHECK(stored(*engine.directory, active.id).state == ActorRecord::State::retired);
    epoch = retired.epoch;
  }
}

TEST_CASE("of many threads that race for each epoch exactly one wins it") {
  Engine engine;
  INFO(engine.name);
  // Enough of them that the threads do meet: one engine waits for a disk, the other for nothing.
  const std::uint64_t epochs = engine.name == "memory" ? 20'000 : 200;
  constexpr int thread_count = 8;
  std::vector<std::atomic<int>> wins(epochs + 1);
  std::latch start(thread_count);
  std::atomic<int> failures{0};
  std::atomic<int> losses{0};
  const ActorId id = ActorId::of("camera", "lobby");

  // Catch2's assertions are not thread-safe: the threads count, the test judges afterwards.
  const auto race = [&](const NodeId& node) {
    start.arrive_and_wait();
    while (true) {
      auto current = engine.directory->actor(id);
      if (!current.ok()) {
        ++failures;
        return;
      }
      if (*current && (*current)->epoch >= epochs) return;
      const bool active = *current && (*current)->state == ActorRecord::State::active;
      auto change = active ? retire(*current, id, (*current)->epoch, (*current)->node)
                           : activate(*current, id, "camera", "lobby", config_of(16), node);
      auto outcome = change.ok() ? engine.directory->compare_and_set(*change)
                                 : Result<ChangeOutcome>(change.error());
      if (!outcome.ok()) {
        ++failures;
        return;
      }
      if (outcome->applied) {
        ++wins[change->next.epoch];
      } else {
        ++losses;
      }
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < thread_count; ++i) {
    threads.emplace_back(race, known(*engine.directory, node_of("node-" + std::to_string(i))));
  }
  for (std::thread& thread : threads) thread.join();

  INFO("races lost: " << losses);
  CHECK(failures == 0);
  const std::uint64_t last = stored(*engine.directory, id).epoch;
  CHECK(last == epochs);
  const auto won_once = std::count(wins.begin() + 1, wins.end(), 1);
  CHECK(won_once == static_cast<std::ptrdiff_t>(epochs));
}

TEST_CASE("actors are listed by id as an unsigned number") {
  Engine engine;
  INFO(engine.name);
  const std::vector<ActorId> ids = {{0x8000'0000'0000'0000, 1}, {1, 0x9000'0000'0000'0000}, {1, 2}};
  for (const ActorId& id : ids) {
    auto change =
        activate(std::nullopt, id, "stage", "detect", {}, known(*engine.directory, node_of("a")));
    REQUIRE(change.ok());
    REQUIRE(engine.directory->compare_and_set(*change).ok());
  }
  const auto all = listed(*engine.directory);
  REQUIRE(all.size() == 3);
  CHECK(all[0].id == ids[2]);
  CHECK(all[1].id == ids[1]);
  CHECK(all[2].id == ids[0]);
}

TEST_CASE("a record is held to the named limits before anything is stored") {
  Engine engine;
  INFO(engine.name);
  auto change = activation(*engine.directory, "lobby", node_of("a"));
  REQUIRE(change.ok());
  const auto refusal_of = [&](auto spoil) {
    RecordChange spoilt = *change;
    spoil(spoilt.next);
    auto outcome = engine.directory->compare_and_set(spoilt);
    REQUIRE_FALSE(outcome.ok());
    return outcome.error();
  };
  const std::string long_name(limits::name_bytes_max + 1, 'x');

  const Error config = refusal_of(
      [](ActorRecord& next) { next.config = config_of(limits::actor_config_bytes_max + 1); });
  CHECK(config.code == Code::over_limit);
  CHECK(config.message.find("configuration of 1048577 bytes, limit 1048576") != std::string::npos);
  CHECK(refusal_of([&](ActorRecord& next) { next.name = long_name; }).code == Code::over_limit);
  CHECK(refusal_of([&](ActorRecord& next) { next.type = long_name; }).code == Code::over_limit);
  CHECK(refusal_of([&](ActorRecord& next) { next.node.name = long_name; }).code ==
        Code::over_limit);
  CHECK(refusal_of([](ActorRecord& next) { next.type.clear(); }).code == Code::invalid_argument);
  CHECK(refusal_of([](ActorRecord& next) { next.id = {}; }).code == Code::invalid_argument);
  CHECK(listed(*engine.directory).empty());
}

TEST_CASE("a record at the limits is stored") {
  Engine engine;
  INFO(engine.name);
  const std::string name(limits::name_bytes_max, 'x');
  const ActorId id = ActorId::of("camera", name);
  auto change =
      activate(std::nullopt, id, "camera", name, config_of(limits::actor_config_bytes_max),
               known(*engine.directory, node_of("a")));
  REQUIRE(change.ok());
  REQUIRE(engine.directory->compare_and_set(*change).ok());
  CHECK(stored(*engine.directory, id) == change->next);
}

TEST_CASE("a node's name gets a higher epoch with each incarnation") {
  Engine engine;
  INFO(engine.name);
  auto first = engine.directory->register_node("a", {1, 1}, "unix:/a", {"camera", "cloud"});
  REQUIRE(first.ok());
  CHECK(first->id == NodeId{"a", {1, 1}, 1});
  CHECK(first->roles == std::vector<std::string>{"camera", "cloud"});
  CHECK(first->alive);
  auto second = engine.directory->register_node("a", {2, 2}, "unix:/a", {"camera"});
  REQUIRE(second.ok());
  CHECK(second->id.epoch > first->id.epoch);
  auto all = engine.directory->nodes();
  REQUIRE(all.ok());
  REQUIRE(all->size() == 1);
  CHECK(all->front() == *second);
}

TEST_CASE("one incarnation cannot be registered at two addresses") {
  Engine engine;
  INFO(engine.name);
  REQUIRE(engine.directory->register_node("a", {1, 1}, "unix:/a", {"camera"}).ok());
  auto second = engine.directory->register_node("a", {1, 1}, "unix:/b", {"camera"});
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().code == Code::conflict);
  CHECK(engine.directory->nodes()->front().address == "unix:/a");
}

TEST_CASE("nodes are listed by name") {
  Engine engine;
  INFO(engine.name);
  for (const char* name : {"west", "cloud", "east"}) {
    REQUIRE(engine.directory->register_node(name, {1, 1}, "unix:/x", {}).ok());
  }
  auto all = engine.directory->nodes();
  REQUIRE(all.ok());
  REQUIRE(all->size() == 3);
  CHECK((*all)[0].id.name == "cloud");
  CHECK((*all)[1].id.name == "east");
  CHECK((*all)[2].id.name == "west");
}

TEST_CASE("a node that takes leave is not alive and its actors alone are retired") {
  Engine engine;
  INFO(engine.name);
  auto a = engine.directory->register_node("a", {1, 1}, "unix:/a", {"camera"});
  // Incarnations are random; were two alike, the name would still tell the nodes apart.
  auto b = engine.directory->register_node("b", {1, 1}, "unix:/b", {"camera"});
  REQUIRE(a.ok());
  REQUIRE(b.ok());
  const ActorRecord first = activate_now(*engine.directory, "first", a->id);
  const ActorRecord second = activate_now(*engine.directory, "second", a->id);
  const ActorRecord gone = retire_now(*engine.directory, second);
  const ActorRecord other = activate_now(*engine.directory, "other", b->id);

  REQUIRE(engine.directory->deregister_node(a->id).ok());
  auto nodes = engine.directory->nodes();
  REQUIRE(nodes.ok());
  CHECK_FALSE((*nodes)[0].alive);
  CHECK((*nodes)[1].alive);
  const ActorRecord retired = stored(*engine.directory, first.id);
  CHECK(retired.state == ActorRecord::State::retired);
  CHECK(retired.epoch == first.epoch + 1);
  CHECK(retired.node == first.node);
  CHECK(stored(*engine.directory, gone.id) == gone);
  CHECK(stored(*engine.directory, other.id) == other);

  REQUIRE(engine.directory->deregister_node(a->id).ok());  // Once more changes nothing.
  CHECK(stored(*engine.directory, first.id) == retired);
}

TEST_CASE("a node's new incarnation orphans what lived on the earlier ones, and nothing else") {
  Engine engine;
  INFO(engine.name);
  Directory& directory = *engine.directory;
  auto early = directory.register_node("a", {1, 1}, "unix:/a", {});
  auto other = directory.register_node("b", {1, 1}, "unix:/b", {});
  REQUIRE(early.ok());
  REQUIRE(other.ok());
  const ActorRecord left_behind = activate_now(directory, "lobby", early->id);
  const ActorRecord retired = retire_now(directory, activate_now(directory, "door", early->id));
  const ActorRecord elsewhere = activate_now(directory, "street", other->id);

  REQUIRE(directory.register_node("a", {1, 1}, "unix:/a", {}).ok());  // The same again.
  CHECK(orphans_of(directory).empty());

  auto late = directory.register_node("a", {2, 2}, "unix:/a", {});
  REQUIRE(late.ok());
  const ActorRecord newcomer = activate_now(directory, "yard", late->id);
  CHECK(stored(directory, left_behind.id) == left_behind);
  CHECK(stored(directory, retired.id) == retired);
  CHECK(stored(directory, elsewhere.id) == elsewhere);
  CHECK(orphans_of(directory) == std::vector<ActorRecord>{left_behind});

  // Its leave ends what is its own, not what the earlier incarnation left.
  REQUIRE(directory.deregister_node(late->id).ok());
  CHECK(stored(directory, newcomer.id).state == ActorRecord::State::retired);
  CHECK(stored(directory, left_behind.id) == left_behind);
  CHECK(orphans_of(directory) == std::vector<ActorRecord>{left_behind});
}

TEST_CASE("a refused registration orphans nothing") {
  Engine engine;
  INFO(engine.name);
  auto node = engine.directory->register_node("a", {1, 1}, "unix:/a", {});
  REQUIRE(node.ok());
  const ActorRecord lobby = activate_now(*engine.directory, "lobby", node->id);
  REQUIRE_FALSE(engine.directory->register_node("a", {1, 1}, "unix:/other", {}).ok());
  REQUIRE_FALSE(engine.directory->register_node("a", {2, 2}, "", {}).ok());
  CHECK(stored(*engine.directory, lobby.id) == lobby);
  CHECK(orphans_of(*engine.directory).empty());
}

TEST_CASE("a node that is unknown or was replaced cannot take leave") {
  Engine engine;
  INFO(engine.name);
  auto unknown = engine.directory->deregister_node({"a", {1, 1}, 1});
  REQUIRE_FALSE(unknown.ok());
  CHECK(unknown.error().code == Code::not_found);

  REQUIRE(engine.directory->register_node("a", {2, 2}, "unix:/a", {}).ok());
  auto replaced = engine.directory->deregister_node({"a", {1, 1}, 1});
  REQUIRE_FALSE(replaced.ok());
  CHECK(replaced.error().code == Code::conflict);
  CHECK(engine.directory->nodes()->front().alive);
}

TEST_CASE("a node registration is held to the named limits") {
  Engine engine;
  INFO(engine.name);
  const auto code_of = [&](const std::string& name, Incarnation incarnation,
                           const std::string& address, std::vector<std::string> roles) {
    auto made = engine.directory->register_node(name, incarnation, address, std::move(roles));
    REQUIRE_FALSE(made.ok());
    return made.error().code;
  };
  const std::string long_name(limits::name_bytes_max + 1, 'x');
  CHECK(code_of("", {1, 1}, "unix:/a", {}) == Code::invalid_argument);
  CHECK(code_of(long_name, {1, 1}, "unix:/a", {}) == Code::over_limit);
  CHECK(code_of("a", {}, "unix:/a", {}) == Code::invalid_argument);
  CHECK(code_of("a", {1, 1}, "", {}) == Code::invalid_argument);
  CHECK(code_of("a", {1, 1}, long_name, {}) == Code::over_limit);
  CHECK(code_of("a", {1, 1}, "unix:/a", {"camera\ncloud"}) == Code::invalid_argument);
  CHECK(code_of("a", {1, 1}, "unix:/a",
                std::vector<std::string>(limits::roles_per_node_max + 1, "camera")) ==
        Code::over_limit);
  CHECK(engine.directory->nodes()->empty());
}

}  // namespace
}  // namespace omma
