#include "runtime/cell/executor.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>

#include "runtime/base/limits.hpp"

namespace omma {
namespace {

constexpr auto patience = std::chrono::seconds(30);

// A job that runs until it is let go, and says when it has begun.
struct Gate {
  Job job() {
    return [this]() -> Result<Message> {
      begun.set_value();
      open.get_future().wait();
      return Message();
    };
  }
  std::promise<void> begun;
  std::promise<void> open;
};

Code code_of(std::future<Result<Message>>& answer) {
  REQUIRE(answer.wait_for(patience) == std::future_status::ready);
  const Result<Message> result = answer.get();
  return result ? Code::ok : result.error().code;
}

// Runs the job and gives its answer.
std::future<Result<Message>> ask(Executor& executor, Job job) {
  auto promise = std::make_shared<std::promise<Result<Message>>>();
  executor.run(std::move(job),
               [promise](Result<Message> result) { promise->set_value(std::move(result)); });
  return promise->get_future();
}

TEST_CASE("what a job throws becomes an error and the thread goes on") {
  const bool inline_one = GENERATE(false, true);
  const auto executor = inline_one ? make_inline_executor() : make_thread_executor("test", 1);
  auto known = ask(*executor, []() -> Result<Message> { throw std::runtime_error("boom"); });
  REQUIRE(known.wait_for(patience) == std::future_status::ready);
  const Result<Message> result = known.get();
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == Code::internal);
  CHECK(result.error().message.find("boom") != std::string::npos);
  auto unknown = ask(*executor, []() -> Result<Message> { throw 1; });
  CHECK(code_of(unknown) == Code::internal);
  auto next = ask(*executor, [] { return Result<Message>(Message()); });
  CHECK(code_of(next) == Code::ok);
}

TEST_CASE("jobs of one thread run one after the other in their order") {
  std::vector<int> order;
  std::vector<std::future<Result<Message>>> answers;
  const auto executor = make_thread_executor("test", 1);
  for (int i = 0; i < 100; ++i) {
    answers.push_back(ask(*executor, [&order, i]() -> Result<Message> {
      order.push_back(i);
      return Message();
    }));
  }
  for (auto& answer : answers) CHECK(code_of(answer) == Code::ok);
  REQUIRE(order.size() == 100);
  CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("threads of one executor run jobs at the same time") {
  Gate first;
  Gate second;
  const auto executor = make_thread_executor("test", 2);
  auto one = ask(*executor, first.job());
  auto two = ask(*executor, second.job());
  CHECK(first.begun.get_future().wait_for(patience) == std::future_status::ready);
  CHECK(second.begun.get_future().wait_for(patience) == std::future_status::ready);
  first.open.set_value();
  second.open.set_value();
  CHECK(code_of(one) == Code::ok);
  CHECK(code_of(two) == Code::ok);
}

TEST_CASE("a full queue refuses at once and says so") {
  Gate gate;
  std::atomic<std::size_t> done{0};
  const auto executor = make_thread_executor("test", 1);
  auto running = ask(*executor, gate.job());
  REQUIRE(gate.begun.get_future().wait_for(patience) == std::future_status::ready);
  std::vector<std::future<Result<Message>>> waiting;
  for (std::size_t i = 0; i < limits::executor_queue_jobs_max; ++i) {
    waiting.push_back(ask(*executor, [&done]() -> Result<Message> {
      ++done;
      return Message();
    }));
  }
  auto refused = ask(*executor, [] { return Result<Message>(Message()); });
  REQUIRE(refused.wait_for(std::chrono::seconds(0)) == std::future_status::ready);
  CHECK(code_of(refused) == Code::overloaded);
  gate.open.set_value();
  for (auto& answer : waiting) REQUIRE(code_of(answer) == Code::ok);
  CHECK(done == limits::executor_queue_jobs_max);
}

TEST_CASE("an executor that ends finishes the job that runs and refuses those that wait") {
  Gate gate;
  std::atomic<bool> ran{false};
  auto executor = make_thread_executor("test", 1);
  auto running = ask(*executor, gate.job());
  REQUIRE(gate.begun.get_future().wait_for(patience) == std::future_status::ready);
  auto waiting = ask(*executor, [&ran]() -> Result<Message> {
    ran = true;
    return Message();
  });
  auto ended = std::async(std::launch::async, [&] { executor.reset(); });
  CHECK(code_of(waiting) == Code::unavailable);
  gate.open.set_value();
  REQUIRE(ended.wait_for(patience) == std::future_status::ready);
  CHECK(code_of(running) == Code::ok);
  CHECK_FALSE(ran);
}

}  // namespace
}  // namespace omma
