// VirtualScheduler: the cells and strands of one simulated process, as tasks in virtual time. The
// process can stand still (its inputs wait, its clock goes on) and be killed (all of it is gone
// without a word).
//
// Single-threaded; must be killed before what its cells and strands refer to goes.
#pragma once

#include "runtime/cell/executor.hpp"
#include "runtime/cell/scheduler.hpp"
#include "runtime/testkit/virtual_time.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace omma {

class VirtualScheduler final : public Scheduler {
 public:
  explicit VirtualScheduler(VirtualTime& time);
  ~VirtualScheduler() override;

  Cell spawn(CellBirth birth) override;
  std::unique_ptr<StrandQueue> make_strand(std::shared_ptr<StrandGate> gate) override;
  // Runs as something of this process: waits while it stands still, never once it is killed.
  void run_after(Duration delay, std::function<void()> task);

  void pause();
  void resume();
  void kill();
  bool is_paused() const { return process_->paused; }
  std::size_t cells() const;

 private:
  class Task;
  class VirtualCell;
  class VirtualStrand;
  class VirtualCall;
  // Shared by all that belongs to the process and may outlive this object.
  struct Process {
    explicit Process(VirtualTime& the_time) : time(the_time) {}
    void ready(std::shared_ptr<VirtualTask> task);

    VirtualTime& time;
    bool paused = false;
    bool killed = false;
    std::vector<std::shared_ptr<VirtualTask>> parked;
    std::map<std::uint64_t, std::shared_ptr<VirtualCell>> cells;  // In order of birth.
    std::uint64_t cells_made = 0;
  };

  std::shared_ptr<Process> process_;
};

// How long a simulated job takes, drawn for each, and its answer on its way back.
struct VirtualDelays {
  Duration min{20'000};
  Duration max{200'000};
};

// Runs jobs in virtual time, any number at once; a killed process loses those under way. A job may
// have been done and its answer lost.
class VirtualExecutor final : public Executor {
 public:
  // `delays` may change at any time.
  VirtualExecutor(VirtualTime& time, VirtualScheduler& scheduler, const VirtualDelays& delays)
      : time_(time), scheduler_(scheduler), delays_(delays) {}

  void run(Job job, JobDone done) override;

 private:
  Duration draw();

  VirtualTime& time_;
  VirtualScheduler& scheduler_;
  const VirtualDelays& delays_;
};

}  // namespace omma
