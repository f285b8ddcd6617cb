// Executor: where work that takes long runs, so that no turn ever blocks. A few threads, a bounded
// queue, first come first served.
//
// Thread-safe. The destructor finishes the jobs that run and refuses those that wait.
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/base/message.hpp"
#include "runtime/cell/turn.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace omma {

using JobDone = std::function<void(Result<Message>)>;

struct ExecutorCounters {
  std::uint64_t jobs = 0;     // Taken.
  std::uint64_t refused = 0;  // The queue was full.
  std::size_t waiting = 0;    // Now.
};

class Executor {
 public:
  virtual ~Executor() = default;
  // `done` gets the job's result, on the executor's thread; overloaded when the queue is full. What
  // the job throws becomes an Error.
  virtual void run(Job job, JobDone done) = 0;
  virtual ExecutorCounters counters() const { return {}; }
};

std::unique_ptr<Executor> make_thread_executor(std::string name, std::size_t threads);

// Runs each job inside run(): for tests in virtual time.
std::unique_ptr<Executor> make_inline_executor();

}  // namespace omma
