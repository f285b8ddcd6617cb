#include "runtime/testkit/virtual_scheduler.hpp"

#include <deque>
#include <optional>
#include <utility>

#include "runtime/cell/cell_runner.hpp"

namespace omma {

void VirtualScheduler::Process::ready(std::shared_ptr<VirtualTask> task) {
  if (paused) {
    parked.push_back(std::move(task));
  } else {
    time.make_ready(std::move(task));
  }
}

// A queue of inputs that is either waiting for its turn or empty.
class VirtualScheduler::Task : public VirtualTask,
                               public std::enable_shared_from_this<VirtualScheduler::Task> {
 public:
  explicit Task(std::shared_ptr<Process> process) : process_(std::move(process)) {}

  bool run_one() final {
    if (process_->killed || !waiting_) return waiting_ = false;
    if (process_->paused) {  // Stopped while it waited for its turn.
      process_->parked.push_back(shared_from_this());
      return false;
    }
    return waiting_ = take_one();
  }

 protected:
  // True while there is more to take.
  virtual bool take_one() = 0;
  void wait_for_turn() {
    if (std::exchange(waiting_, true)) return;
    process_->ready(shared_from_this());
  }
  Process& process() const { return *process_; }

 private:
  std::shared_ptr<Process> process_;
  bool waiting_ = false;
};

// --- Cells --------------------------------------------------------------------------------------

class VirtualScheduler::VirtualCell final : public CellMailbox, public SelfMail, public Task {
 public:
  VirtualCell(std::shared_ptr<Process> process, std::uint64_t number, CellBirth birth)
      : Task(std::move(process)), number_(number), birth_(std::move(birth)) {}

  void put(CellInput input) override {
    if (ended_ || process().killed) return;
    inputs_.push_back(std::move(input));
    wait_for_turn();
  }
  void put_after(Duration delay, CellInput input) override {
    process().time.at(process().time.now() + delay,
                      [weak = weak_from_this(), input = std::move(input)]() mutable {
                        const auto self = weak.lock();
                        if (self) static_cast<VirtualCell&>(*self).put(std::move(input));
                      });
  }
  void end() {
    ended_ = true;
    inputs_.clear();
    birth_.reset();
    runner_.reset();
  }

 private:
  bool take_one() override {
    CellInput input = std::move(inputs_.front());
    inputs_.pop_front();
    if (birth_) {
      CellBirth birth = *std::exchange(birth_, std::nullopt);
      runner_.emplace(std::move(birth), Cell(self()), *this);
    }
    if (!runner_->handle(input, *this)) {
      const auto keep = shared_from_this();
      end();
      process().cells.erase(number_);
    }
    return !inputs_.empty();
  }
  std::shared_ptr<VirtualCell> self() {
    return std::static_pointer_cast<VirtualCell>(shared_from_this());
  }

  const std::uint64_t number_;
  std::optional<CellBirth> birth_;
  std::optional<CellRunner> runner_;
  std::deque<CellInput> inputs_;
  bool ended_ = false;
};

Cell VirtualScheduler::spawn(CellBirth birth) {
  const std::uint64_t number = ++process_->cells_made;
  auto cell = std::make_shared<VirtualCell>(process_, number, std::move(birth));
  if (!process_->killed) process_->cells.emplace(number, cell);
  return Cell(std::move(cell));
}

// --- Strands and calls --------------------------------------------------------------------------

class VirtualScheduler::VirtualStrand final : public Task {
 public:
  VirtualStrand(std::shared_ptr<Process> process, std::shared_ptr<StrandGate> gate)
      : Task(std::move(process)), gate_(std::move(gate)) {}

  void post(std::function<void()> task) {
    if (process().killed) return;
    tasks_.push_back(std::move(task));
    wait_for_turn();
  }
  void post_after(Duration delay, std::function<void()> task) {
    process().time.at(process().time.now() + delay,
                      [weak = weak_from_this(), task = std::move(task)]() mutable {
                        const auto self = weak.lock();
                        if (self) static_cast<VirtualStrand&>(*self).post(std::move(task));
                      });
  }

 private:
  bool take_one() override {
    const std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    gate_->run(task);
    return !tasks_.empty();
  }

  std::shared_ptr<StrandGate> gate_;
  std::deque<std::function<void()>> tasks_;
};

std::unique_ptr<StrandQueue> VirtualScheduler::make_strand(std::shared_ptr<StrandGate> gate) {
  class Queue final : public StrandQueue {
   public:
    explicit Queue(std::shared_ptr<VirtualStrand> strand) : strand_(std::move(strand)) {}
    void post(std::function<void()> task) override { strand_->post(std::move(task)); }
    void post_after(Duration delay, std::function<void()> task) override {
      strand_->post_after(delay, std::move(task));
    }

   private:
    std::shared_ptr<VirtualStrand> strand_;
  };
  return std::make_unique<Queue>(std::make_shared<VirtualStrand>(process_, std::move(gate)));
}

class VirtualScheduler::VirtualCall final : public Task {
 public:
  VirtualCall(std::shared_ptr<Process> process, std::function<void()> call)
      : Task(std::move(process)), call_(std::move(call)) {}
  void begin() { wait_for_turn(); }

 private:
  bool take_one() override {
    call_();
    return false;
  }
  std::function<void()> call_;
};

void VirtualScheduler::run_after(Duration delay, std::function<void()> task) {
  if (process_->killed) return;
  auto call = std::make_shared<VirtualCall>(process_, std::move(task));
  process_->time.at(process_->time.now() + delay, [call] { call->begin(); });
}

// --- The process --------------------------------------------------------------------------------

VirtualScheduler::VirtualScheduler(VirtualTime& time) : process_(std::make_shared<Process>(time)) {}

VirtualScheduler::~VirtualScheduler() {
  kill();
}

std::size_t VirtualScheduler::cells() const {
  return process_->cells.size();
}

void VirtualScheduler::pause() {
  process_->paused = true;
}

void VirtualScheduler::resume() {
  process_->paused = false;
  for (auto& task : std::exchange(process_->parked, {})) {
    process_->time.make_ready(std::move(task));
  }
}

void VirtualScheduler::kill() {
  process_->killed = true;
  process_->parked.clear();
  // Ending one must not find another half gone in the table.
  for (const auto& [number, cell] : std::exchange(process_->cells, {})) cell->end();
}

// --- Jobs ---------------------------------------------------------------------------------------

Duration VirtualExecutor::draw() {
  const auto span = static_cast<std::uint64_t>((delays_.max - delays_.min).count());
  return (delays_.min + Duration(static_cast<std::int64_t>(time_.random().below(span + 1)))) / 2;
}

void VirtualExecutor::run(Job job, JobDone done) {
  scheduler_.run_after(draw(), [this, job = std::move(job), done = std::move(done)] {
    auto result = std::make_shared<Result<Message>>(Error{Code::internal, "the job threw"});
    try {
      *result = job();
    } catch (const std::exception& error) {
      *result = Error{Code::internal, std::string("the job threw: ") + error.what()};
    }
    scheduler_.run_after(draw(), [result, done] { done(std::move(*result)); });
  });
}

}  // namespace omma
