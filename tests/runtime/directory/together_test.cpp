// Several operations as one transaction.
#include "tests/runtime/directory/engine.hpp"
#include "tests/runtime/directory/records.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <stdexcept>
#include <thread>

namespace omma {
namespace {

RecordChange beginning(const std::string& name, const NodeId& node) {
  auto change = activate(std::nullopt, ActorId::of("camera", name), "camera", name, {}, node);
  REQUIRE(change.ok());
  return *std::move(change);
}

TEST_CASE("operations together see each other and all last") {
  Engine engine;
  INFO(engine.name);
  Directory& directory = *engine.directory;
  const NodeId a = known(directory, node_of("a"));
  std::optional<ActorRecord> seen;
  REQUIRE(directory
              .together([&] {
                REQUIRE(directory.compare_and_set(beginning("lobby", a))->applied);
                seen = *directory.actor(ActorId::of("camera", "lobby"));
                retire_now(directory, *seen);
                REQUIRE(directory.compare_and_set(beginning("yard", a))->applied);
              })
              .ok());
  REQUIRE(seen.has_value());
  CHECK(seen->epoch == 1);
  CHECK(stored(directory, seen->id).epoch == 2);
  CHECK(listed(directory).size() == 2);
  // And afterwards each is alone again.
  CHECK(directory.compare_and_set(beginning("door", a))->applied);
}

TEST_CASE("an operation that fails together with others is undone alone") {
  Engine engine;
  INFO(engine.name);
  Directory& directory = *engine.directory;
  const NodeId a = known(directory, node_of("a"));
  std::vector<bool> done;
  REQUIRE(directory
              .together([&] {
                const auto change = [&](const RecordChange& one) {
                  const auto outcome = directory.compare_and_set(one);
                  done.push_back(outcome.ok() && outcome->applied);
                };
                change(beginning("lobby", a));
                change(beginning("lobby", a));                   // Too late.
                change(beginning("yard", node_of("stranger")));  // Refused.
                done.push_back(directory.mark_dead(node_of("stranger")).ok());
                change(beginning("door", a));
              })
              .ok());
  CHECK(done == std::vector<bool>{true, false, false, false, true});
  std::vector<std::string> names;
  for (const ActorRecord& record : listed(directory)) names.push_back(record.name);
  std::sort(names.begin(), names.end());
  CHECK(names == std::vector<std::string>{"door", "lobby"});
}

TEST_CASE("others wait until what is done together is done") {
  Engine engine;
  INFO(engine.name);
  Directory& directory = *engine.directory;
  const NodeId a = known(directory, node_of("a"));
  std::size_t seen = 0;
  std::thread other;
  REQUIRE(directory
              .together([&] {
                REQUIRE(directory.compare_and_set(beginning("lobby", a))->applied);
                other = std::thread([&] { seen = directory.actors({})->actors.size(); });
                std::this_thread::yield();
                REQUIRE(directory.compare_and_set(beginning("yard", a))->applied);
              })
              .ok());
  other.join();
  CHECK(seen == 2);
}

TEST_CASE("what is done together and not committed never happened") {
  TemporaryFolder folder;
  auto directory = *open_sqlite_directory(folder.file("directory.db"));
  const NodeId a = known(*directory, node_of("a"));
  CHECK_THROWS_AS(directory->together([&] {
    REQUIRE(directory->compare_and_set(beginning("lobby", a))->applied);
    throw std::runtime_error("the body's own");
  }),
                  std::runtime_error);
  CHECK(listed(*directory).empty());
  CHECK(directory->compare_and_set(beginning("lobby", a))->applied);
}

// While it lives nothing is written past the first `bytes` of any file, as on a full disk.
class FullDisk {
 public:
  explicit FullDisk(std::uintmax_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before_) == 0);
    const rlimit full{static_cast<rlim_t>(bytes), before_.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &full) == 0);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int);
  rlimit before_{};
};

TEST_CASE(
    "when the disk is full a commit fails, none of it happened, and later the next succeeds") {
  TemporaryFolder folder;
  const auto file = folder.file("directory.db");
  auto directory = *open_sqlite_directory(file);
  const NodeId a = known(*directory, node_of("a"));
  // A few records fit into the transaction's memory; very many are written out before the commit.
  const std::size_t config_bytes = GENERATE(16u, 1'000'000u);
  std::size_t applied_count = 0;
  Result<void> committed;
  {
    // The log's bytes lie ready from the start, so a limit at its end would stop nothing.
    const FullDisk full(4096);
    committed = directory->together([&] {
      for (std::uint64_t i = 1; i <= 12; ++i) {
        const auto change =
            activate(std::nullopt, ActorId{1, i}, "camera", "x", config_of(config_bytes), a);
        const auto outcome = directory->compare_and_set(*change);
        applied_count += outcome.ok() && outcome->applied ? 1u : 0u;
      }
    });
  }
  INFO(applied_count << " were applied before the commit");
  REQUIRE_FALSE(committed.ok());
  CHECK(committed.error().code == Code::unavailable);
  CHECK(listed(*directory).empty());
  CHECK(directory->compare_and_set(beginning("lobby", a))->applied);
  directory.reset();
  directory = *open_sqlite_directory(file);
  CHECK(listed(*directory).size() == 1);
}

// A child that changes many actors together, over and over, and reports each group that was
// committed; it never ends by itself.
[[noreturn]] void commit_groups(const std::filesystem::path& file, int report, std::size_t actors) {
  auto directory = open_sqlite_directory(file);
  if (!directory.ok()) _exit(1);
  auto node = (*directory)->register_node("a", {1, 1}, "unix:/a", {});
  if (!node.ok()) _exit(1);
  for (std::uint64_t epoch = 1;; ++epoch) {
    bool sound = true;
    const auto committed = (*directory)->together([&] {
      for (std::size_t i = 0; i < actors; ++i) {
        const ActorId id{1, i + 1};
        const auto current = (*directory)->actor(id);
        auto change = !current.ok() ? Result<RecordChange>(current.error())
                      : *current ? move_actor(*current, id, (*current)->epoch, node->id, node->id)
                                 : activate(*current, id, "camera", "x", config_of(200), node->id);
        sound = sound && change.ok() && (*directory)->compare_and_set(*change)->applied;
        const Checkpoint checkpoint{id, epoch, epoch, true, Blob::copy_of(config_of(2000))};
        const auto saved = (*directory)->save_checkpoints(node->id, std::span(&checkpoint, 1));
        sound = sound && saved.ok() && saved->front().ok();
      }
    });
    if (!sound || !committed.ok()) _exit(1);
    if (write(report, &epoch, sizeof epoch) != sizeof epoch) _exit(1);
  }
}

TEST_CASE("a process that is killed amid group commits leaves whole groups, and all it reported") {
  constexpr std::size_t actors = 64;
  TemporaryFolder folder;
  const auto file = folder.file("directory.db");
  // A different point of the work each time; the file goes on from the one before.
  for (const std::uint64_t groups : {1, 2, 5, 9, 14}) {
    std::filesystem::remove_all(folder.path());
    std::filesystem::create_directory(folder.path());
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    if (child == 0) commit_groups(file, ends[1], actors);
    close(ends[1]);
    std::uint64_t reported = 0;
    while (reported < groups && read(ends[0], &reported, sizeof reported) == sizeof reported) {
    }
    // Into the middle of the next one, which takes longer than a few bytes through a pipe.
    REQUIRE(kill(child, SIGKILL) == 0);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    while (read(ends[0], &reported, sizeof reported) == sizeof reported) {
    }
    close(ends[0]);

    auto directory = open_sqlite_directory(file);
    REQUIRE(directory.ok());
    const auto records = listed(**directory);
    REQUIRE(records.size() == actors);
    const std::uint64_t epoch = records.front().epoch;
    INFO("killed after group " << reported << ", found " << epoch);
    CHECK((epoch == reported || epoch == reported + 1));
    for (const ActorRecord& record : records) {
      REQUIRE(record.epoch == epoch);
      REQUIRE((*(*directory)->checkpoint(record.id))->number == epoch);
    }
  }
}

}  // namespace
}  // namespace omma
