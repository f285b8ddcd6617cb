// NodeWatch: the thread of a node that does nothing but look. Whatever its other threads are stuck
// in, it finds turns that take too long, says so in the log, and ends waits that have lasted their
// time.
//
// Thread-safe. Its thread ends with it; what still waits is forgotten.
#pragma once

#include "runtime/base/time.hpp"
#include "runtime/cell/turn_watch.hpp"
#include "runtime/observe/log.hpp"

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace omma {

class NodeWatch {
 public:
  NodeWatch(TurnWatch& turns, const Clock& clock, Log& log);

  // Runs the task on the watch's thread once this long has passed, give or take
  // limits::turn_look_interval. It must not block.
  void after(Duration delay, std::function<void()> task);

 private:
  void watch(const std::stop_token& stop);
  void look();
  void run_due();

  TurnWatch& turns_;
  const Clock& clock_;
  Log& log_;
  std::mutex mutex_;  // Around what follows.
  std::condition_variable_any wake_;
  std::multimap<Instant, std::function<void()>> waits_;
  std::jthread thread_;  // Last: it uses the rest.
};

}  // namespace omma
