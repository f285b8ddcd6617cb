// CafWorld: a CAF actor system with one thread, which runs when it is told to, and a clock that
// moves when it is told to. Everything that runs on CAF gives the same answer on every run.
//
//   test::CafWorld world;
//   Cell cell = world.scheduler.spawn(...);   // With world.clock() as its clock.
//   world.advance(10ms);
#pragma once

#include "runtime/base/time.hpp"
#include "runtime/cell/caf_scheduler.hpp"

#include <caf/scheduler/test_coordinator.hpp>

#include <algorithm>
#include <chrono>
#include <optional>

namespace omma::test {

class CafWorld {
 public:
  CafWorld()
      : system(config_),
        scheduler(system),
        coordinator_(dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler())),
        clock_(coordinator_) {}
  ~CafWorld() { settle(); }

  const Clock& clock() const { return clock_; }

  // Runs what is in the mailboxes, and what that causes, until nothing is left to do now. True if
  // anything ran.
  bool settle() {
    bool ran = false;
    while (coordinator_.try_run_once()) ran = true;
    return ran;
  }

  // Moves the clock in steps, so that delayed messages come in their order.
  void advance(Duration by) {
    const Instant end = clock_.now() + by;
    settle();
    while (clock_.now() < end) {
      const auto next = next_delayed();
      const Instant step = next ? std::clamp(*next, clock_.now(), end) : end;
      // At least a little, so that what is due now is dispatched.
      const Duration move = std::max(step - clock_.now(), Duration(1));
      coordinator_.advance_time(move);
      settle();
    }
  }

  // When the next delayed message is due.
  std::optional<Instant> next_delayed() const {
    const auto& schedule = coordinator_.clock().schedule();
    if (schedule.empty()) return std::nullopt;
    return TestClock::instant_of_caf(schedule.begin()->first);
  }

 private:
  class TestClock final : public Clock {
   public:
    explicit TestClock(caf::scheduler::test_coordinator& coordinator) : coordinator_(coordinator) {}
    Instant now() const override { return instant_of_caf(coordinator_.clock().now()); }
    WallTime wall_now() const override { return WallTime(now().time_since_epoch()); }
    static Instant instant_of_caf(caf::actor_clock::time_point when) {
      return Instant(std::chrono::duration_cast<Duration>(when.time_since_epoch()));
    }

   private:
    caf::scheduler::test_coordinator& coordinator_;
  };
  struct Config : caf::actor_system_config {
    Config() { configure_cells(*this, 1, true); }
  };

  Config config_;

 public:
  caf::actor_system system;
  CafScheduler scheduler;

 private:
  caf::scheduler::test_coordinator& coordinator_;
  TestClock clock_;
};

}  // namespace omma::test
