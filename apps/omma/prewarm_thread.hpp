// PrewarmThread: where a node gets ready what an actor will need that is about to move here, so
// that neither turns nor the jobs of actors that live here wait for it.
//
// Thread-safe; one thread, limits::executor_queue_jobs_max waiting.
#pragma once

#include "runtime/cell/executor.hpp"

#include <functional>
#include <memory>
#include <mutex>

namespace omma {

class PrewarmThread {
 public:
  // `done` is called once, with unavailable after stop().
  void run(std::function<Result<void>()> work, std::function<void(Result<void>)> done);
  // Waits for the work in hand and refuses all other, now and from now on.
  void stop();

 private:
  std::mutex mutex_;
  // Guarded by mutex_; null once stopped.
  std::shared_ptr<Executor> executor_ = make_thread_executor("omma-prewarm", 1);
};

}  // namespace omma
