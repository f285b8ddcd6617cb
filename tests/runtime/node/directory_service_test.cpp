// How requests to the directory are gathered into transactions.
#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <deque>
#include <stdexcept>
#include <thread>

#include "runtime/base/limits.hpp"
#include "runtime/node/directory_access.hpp"
#include "schemas/control.capnp.h"

namespace omma {
namespace {

// A directory whose transactions a test counts and lets fail; the rest is the memory engine's.
class CountedDirectory final : public Directory {
 public:
  Result<std::optional<ActorRecord>> actor(const ActorId& id) override { return below_->actor(id); }
  Result<ChangeOutcome> compare_and_set(const RecordChange& change) override {
    return below_->compare_and_set(change);
  }
  Result<ActorPage> actors(const ActorQuery& query) override {
    if (throws) throw std::runtime_error("no memory for the list");
    return below_->actors(query);
  }
  Result<ActorPage> candidates(const std::string& wanted) override {
    return below_->candidates(wanted);
  }
  Result<NodeRecord> register_node(const std::string& name, const Incarnation& incarnation,
                                   const std::string& address,
                                   std::vector<std::string> roles) override {
    return below_->register_node(name, incarnation, address, std::move(roles));
  }
  Result<std::vector<NodeRecord>> nodes() override { return below_->nodes(); }
  Result<std::vector<CountedNode>> counted_nodes() override { return below_->counted_nodes(); }
  Result<void> deregister_node(const NodeId& id) override { return below_->deregister_node(id); }
  Result<NodeRecord> mark_dead(const NodeId& id) override { return below_->mark_dead(id); }
  Result<NodeRecord> set_cordoned(const std::string& name, bool cordoned) override {
    return below_->set_cordoned(name, cordoned);
  }
  Result<void> set_pinned(const ActorId& id, bool pinned) override {
    return below_->set_pinned(id, pinned);
  }
  Result<std::vector<ActorId>> pinned() override { return below_->pinned(); }
  Result<std::vector<Result<void>>> save_checkpoints(
      const NodeId& by, std::span<const Checkpoint> checkpoints) override {
    return below_->save_checkpoints(by, checkpoints);
  }
  Result<std::optional<Checkpoint>> checkpoint(const ActorId& id) override {
    return below_->checkpoint(id);
  }
  Result<void> append_move(const MoveRecord& move) override { return below_->append_move(move); }
  Result<std::vector<MoveRecord>> moves(std::size_t count_max) override {
    return below_->moves(count_max);
  }
  Result<void> together(const std::function<void()>& body) override {
    ++transactions;
    auto done = below_->together(body);
    if (commit_error) return *commit_error;
    return done;
  }

  int transactions = 0;
  std::optional<Error> commit_error;
  bool throws = false;

 private:
  std::unique_ptr<Directory> below_ = make_memory_directory();
};

// Keeps the jobs until the test runs them.
class HeldExecutor final : public Executor {
 public:
  void run(Job job, JobDone done) override {
    if (error) return done(*error);
    jobs.push_back({std::move(job), std::move(done)});
  }
  void run_one() {
    auto [job, done] = std::move(jobs.front());
    jobs.pop_front();
    done(job());
  }

  std::optional<Error> error;
  std::deque<std::pair<Job, JobDone>> jobs;
};

struct Grouped {
  void ask(const Message& request) {
    REQUIRE(service.handle(request, [this](Result<Message> answer) {
      answers.push_back(answer ? Code::ok : answer.error().code);
    }));
  }
  void look_up() {
    ask(Message::build<wire::LookUpActor>([](wire::LookUpActor::Builder) {}));
  }

  CountedDirectory directory;
  HeldExecutor executor;
  DirectoryService service{directory, executor};
  std::vector<Code> answers;
};

TEST_CASE("requests that wait are one transaction, and are answered after it") {
  Grouped group;
  for (int i = 0; i < 5; ++i) group.look_up();
  REQUIRE(group.executor.jobs.size() == 1);
  CHECK(group.answers.empty());
  group.executor.run_one();
  CHECK(group.answers == std::vector<Code>(5, Code::ok));
  CHECK(group.directory.transactions == 1);
  CHECK(group.service.counters().requests == 5);
  CHECK(group.service.counters().transactions == 1);
  CHECK(group.service.counters().largest == 5);
  group.look_up();  // And the next begins a job of its own.
  REQUIRE(group.executor.jobs.size() == 1);
  group.executor.run_one();
  CHECK(group.answers.size() == 6);
}

TEST_CASE("what is asked while a transaction is written is the next one, in the same job") {
  Grouped group;
  int asked = 0;
  REQUIRE(group.service.handle(Message::build<wire::ListNodes>([](wire::ListNodes::Builder) {}),
                               [&](const Result<Message>&) {
                                 for (; asked < 3; ++asked) group.look_up();
                               }));
  group.executor.run_one();
  CHECK(asked == 3);
  CHECK(group.answers == std::vector<Code>(3, Code::ok));
  CHECK(group.executor.jobs.empty());
  CHECK(group.directory.transactions == 2);
}

TEST_CASE("when the commit fails every answer of the batch is its error") {
  Grouped group;
  group.directory.commit_error = Error{Code::unavailable, "the disk is full"};
  for (int i = 0; i < 3; ++i) group.look_up();
  group.executor.run_one();
  CHECK(group.answers == std::vector<Code>(3, Code::unavailable));
  group.directory.commit_error.reset();
  group.look_up();
  group.executor.run_one();
  CHECK(group.answers.back() == Code::ok);
}

TEST_CASE("a request that throws fails alone") {
  Grouped group;
  group.directory.throws = true;
  group.look_up();
  group.ask(Message::build<wire::ListActors>([](wire::ListActors::Builder) {}));
  group.look_up();
  group.executor.run_one();
  CHECK(group.answers == std::vector<Code>{Code::ok, Code::corrupt, Code::ok});
}

TEST_CASE("past its limits the service refuses and counts, and serves those that wait") {
  Grouped group;
  for (std::size_t i = 0; i < limits::directory_requests_waiting_max; ++i) group.look_up();
  group.look_up();
  CHECK(group.answers == std::vector<Code>{Code::overloaded});
  CHECK(group.service.counters().refused == 1);
  group.executor.run_one();
  CHECK(group.answers.size() == limits::directory_requests_waiting_max + 1);
  CHECK(std::count(group.answers.begin(), group.answers.end(), Code::ok) ==
        static_cast<std::ptrdiff_t>(limits::directory_requests_waiting_max));

  group.answers.clear();
  const std::vector<std::byte> half(limits::directory_bytes_waiting_max / 2);
  for (int i = 0; i < 3; ++i) {
    group.ask(Message::build<wire::FetchCheckpoint>([](wire::FetchCheckpoint::Builder) {},
                                                    {Blob::wrap(nullptr, half)}));
  }
  CHECK(group.answers == std::vector<Code>{Code::overloaded, Code::overloaded});
  group.executor.run_one();
  CHECK(group.answers.back() == Code::ok);
}

TEST_CASE("when the executor takes no job, all that wait are told so, and the next may try") {
  Grouped group;
  group.executor.error = Error{Code::unavailable, "the node is stopping"};
  group.look_up();
  group.look_up();
  CHECK(group.answers == std::vector<Code>(2, Code::unavailable));
  group.executor.error.reset();
  group.look_up();
  group.executor.run_one();
  CHECK(group.answers.back() == Code::ok);
}

TEST_CASE("of many threads' requests each is answered once") {
  auto directory = make_memory_directory();
  std::atomic<int> answered{0};
  {
    auto executor = make_thread_executor("directory", 1);
    DirectoryService service(*directory, *executor);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 500; ++i) {
          service.handle(Message::build<wire::ListNodes>([](wire::ListNodes::Builder) {}),
                         [&](const Result<Message>&) { ++answered; });
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    executor.reset();
  }
  CHECK(answered == 2000);
}

}  // namespace
}  // namespace omma
