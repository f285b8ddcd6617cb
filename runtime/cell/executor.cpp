#include "runtime/cell/executor.hpp"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/base/limits.hpp"

namespace omma {
namespace {

Result<Message> run_caught(const Job& job) {
  try {
    return job();
  } catch (const std::exception& thrown) {
    return Error{Code::internal, std::string("job threw: ") + thrown.what()};
  } catch (...) {
    return Error{Code::internal, "job threw an exception of no known type"};
  }
}

class ThreadExecutor final : public Executor {
 public:
  ThreadExecutor(std::string name, std::size_t threads) : name_(std::move(name)) {
    for (std::size_t i = 0; i < threads; ++i) {
      threads_.emplace_back([this] { work(); });
      pthread_setname_np(threads_.back().native_handle(), name_.substr(0, 15).c_str());
    }
  }

  ~ThreadExecutor() override {
    std::deque<Entry> refused;
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      refused.swap(queue_);
    }
    wake_.notify_all();
    for (Entry& entry : refused) entry.done(Error{Code::unavailable, name_ + " is stopping"});
    for (std::thread& thread : threads_) thread.join();
  }

  void run(Job job, JobDone done) override {
    {
      std::lock_guard lock(mutex_);
      if (!stopping_ && queue_.size() < limits::executor_queue_jobs_max) {
        queue_.push_back({std::move(job), std::move(done)});
        ++jobs_;
        wake_.notify_one();
        return;
      }
      ++refused_;
    }
    done(Error{Code::overloaded, "executor " + name_ + ": " +
                                     std::to_string(limits::executor_queue_jobs_max) +
                                     " jobs wait, which is the limit; try again later"});
  }

  ExecutorCounters counters() const override {
    std::lock_guard lock(mutex_);
    return {jobs_, refused_, queue_.size()};
  }

 private:
  struct Entry {
    Job job;
    JobDone done;
  };

  void work() {
    for (;;) {
      Entry entry;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        entry = std::move(queue_.front());
        queue_.pop_front();
      }
      entry.done(run_caught(entry.job));
    }
  }

  const std::string name_;
  mutable std::mutex mutex_;  // Around what follows.
  std::condition_variable wake_;
  std::deque<Entry> queue_;
  bool stopping_ = false;
  std::uint64_t jobs_ = 0;
  std::uint64_t refused_ = 0;
  std::vector<std::thread> threads_;
};

class InlineExecutor final : public Executor {
 public:
  void run(Job job, JobDone done) override { done(run_caught(job)); }
};

}  // namespace

std::unique_ptr<Executor> make_thread_executor(std::string name, std::size_t threads) {
  return std::make_unique<ThreadExecutor>(std::move(name), threads);
}

std::unique_ptr<Executor> make_inline_executor() {
  return std::make_unique<InlineExecutor>();
}

}  // namespace omma
