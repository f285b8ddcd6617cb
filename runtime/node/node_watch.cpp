#include "runtime/node/node_watch.hpp"

#include <pthread.h>

#include <utility>

#include "runtime/base/limits.hpp"

namespace omma {

NodeWatch::NodeWatch(TurnWatch& turns, const Clock& clock, Log& log)
    : turns_(turns),
      clock_(clock),
      log_(log),
      thread_([this](const std::stop_token& stop) { watch(stop); }) {
  pthread_setname_np(thread_.native_handle(), "omma-watch");
}

void NodeWatch::after(Duration delay, std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  waits_.emplace(clock_.now() + delay, std::move(task));
}

void NodeWatch::watch(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, stop, limits::turn_look_interval, [] { return false; });
    }
    look();
    run_due();
  }
}

void NodeWatch::look() {
  for (const LongTurn& turn : turns_.look(clock_.now())) {
    const auto fields = {
        LogField{"actor", turn.name}, LogField{"id", turn.actor.text()},
        LogField{"handles", turn.doing},
        LogField{"running_ms", turn.running / std::chrono::milliseconds(1)},
        LogField{"limit_ms", limits::turn_alarm_after / std::chrono::milliseconds(1)}};
    if (turn.ended) {
      log_.info("watch", "a turn that took too long has ended", fields);
    } else {
      log_.warn("watch", "a turn takes too long; what computes or waits belongs into turn.run()",
                fields);
    }
  }
}

void NodeWatch::run_due() {
  for (;;) {
    std::function<void()> task;
    {
      const std::lock_guard lock(mutex_);
      if (waits_.empty() || waits_.begin()->first > clock_.now()) return;
      task = std::move(waits_.extract(waits_.begin()).mapped());
    }
    task();
  }
}

}  // namespace omma
