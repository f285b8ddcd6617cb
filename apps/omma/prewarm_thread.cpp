#include "apps/omma/prewarm_thread.hpp"

#include <utility>

#include "schemas/control.capnp.h"

namespace omma {

void PrewarmThread::run(std::function<Result<void>()> work,
                        std::function<void(Result<void>)> done) {
  std::shared_ptr<Executor> executor;
  {
    std::lock_guard lock(mutex_);
    executor = executor_;
  }
  if (!executor) return done(Error{Code::unavailable, "this node is stopping"});
  executor->run(
      [work = std::move(work)]() -> Result<Message> {
        if (auto worked = work(); !worked) return worked.error();
        return Message::build<wire::Nothing>([](wire::Nothing::Builder) {});
      },
      [done = std::move(done)](const Result<Message>& result) {
        done(result ? Result<void>() : result.error());
      });
}

void PrewarmThread::stop() {
  std::shared_ptr<Executor> executor;
  std::lock_guard lock(mutex_);
  executor.swap(executor_);
}

}  // namespace omma
