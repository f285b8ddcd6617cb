// Scheduler: who runs cells and strands, and when. In a node that is CAF and its threads
// (caf_scheduler.hpp); in the test kit it is one thread in virtual time. Nothing above this header
// knows which.
//
// A Strand is a cell without a core: closures that run one after the other. The node's own services
// use it instead of locks.
//
// Thread-safe. A scheduler outlives the cells and strands that it made.
#pragma once

#include "runtime/base/time.hpp"
#include "runtime/cell/cell.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace omma {

// What a cell goes on from, instead of beginning anew.
struct Continuation {
  CellSnapshot snapshot;
  std::string died_with;  // The node that was lost; empty for a move.
  // On the cell's own thread, once the actor is made or cannot be. Then it stands still: GoLive
  // lets it run, Drop ends it.
  std::function<void(Result<void>)> prepared;
};

// How a cell begins.
struct CellBirth {
  // Called once, on the cell's own thread, with its own handle; the port lives as long as the cell.
  using MakePort = std::function<std::unique_ptr<CellPort>(const Cell&)>;

  CellCore::Identity identity;
  const ActorType& type;
  MakePort make_port;
  std::shared_ptr<Continuation> continuation = nullptr;  // Used up by the cell.
};

// Whether a strand's tasks still may run; held while one does.
class StrandGate {
 public:
  void run(const std::function<void()>& task) {
    const std::lock_guard lock(mutex_);
    if (!closed_) task();
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }

 private:
  std::mutex mutex_;
  bool closed_ = false;
};

// One strand's tasks, in their order, each through its gate.
class StrandQueue {
 public:
  virtual ~StrandQueue() = default;
  virtual void post(std::function<void()> task) = 0;
  virtual void post_after(Duration delay, std::function<void()> task) = 0;
};

class Scheduler {
 public:
  virtual ~Scheduler() = default;
  // The cell begins with the first input that is put to it.
  virtual Cell spawn(CellBirth birth) = 0;
  virtual std::unique_ptr<StrandQueue> make_strand(std::shared_ptr<StrandGate> gate) = 0;
};

class Strand {
 public:
  explicit Strand(Scheduler& scheduler)
      : gate_(std::make_shared<StrandGate>()), queue_(scheduler.make_strand(gate_)) {}
  ~Strand() { close(); }
  Strand(const Strand&) = delete;
  Strand& operator=(const Strand&) = delete;

  // Waits for the task that runs and forgets the others, now and from now on: what they refer to
  // may go afterwards. Not from a task of its own.
  void close() { gate_->close(); }
  void post(std::function<void()> task) const { queue_->post(std::move(task)); }
  // Posts after this long by the scheduler's clock.
  void post_after(Duration delay, std::function<void()> task) const {
    queue_->post_after(delay, std::move(task));
  }

 private:
  std::shared_ptr<StrandGate> gate_;
  std::unique_ptr<StrandQueue> queue_;
};

}  // namespace omma
