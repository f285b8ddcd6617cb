#include "runtime/cell/caf_scheduler.hpp"

#include <caf/all.hpp>

#include <optional>
#include <utility>

#include "runtime/cell/cell_runner.hpp"

namespace omma {

struct StrandTask {
  std::function<void()> run;
};

}  // namespace omma

CAF_BEGIN_TYPE_ID_BLOCK(omma_cell, first_custom_type_id)
CAF_ADD_TYPE_ID(omma_cell, (omma::CellInput))
CAF_ADD_TYPE_ID(omma_cell, (omma::StrandTask))
CAF_END_TYPE_ID_BLOCK(omma_cell)

// They never leave the process: between nodes travels Cap'n Proto alone.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(omma::CellInput)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(omma::StrandTask)

namespace omma {
namespace {

// What the CAF actor keeps.
struct CellShell {
  static inline const char* name = "cell";

  std::optional<CellRunner> runner;
};
using Self = caf::stateful_actor<CellShell>;

class CafMailbox final : public CellMailbox {
 public:
  explicit CafMailbox(caf::actor actor) : actor_(std::move(actor)) {}
  void put(CellInput input) override { caf::anon_send(actor_, std::move(input)); }

 private:
  caf::actor actor_;
};

class CafSelfMail final : public SelfMail {
 public:
  explicit CafSelfMail(Self* self) : self_(self) {}
  void put(CellInput input) override { self_->send(self_, std::move(input)); }
  void put_after(Duration delay, CellInput input) override {
    self_->delayed_send(self_, delay, std::move(input));
  }

 private:
  Self* self_;
};

caf::behavior shell_behavior(Self* self) {
  return {[self](CellInput& input) {
    CafSelfMail mail(self);
    if (!self->state.runner->handle(input, mail)) self->quit();
  }};
}

class CafStrand final : public StrandQueue {
 public:
  explicit CafStrand(caf::actor actor) : actor_(std::move(actor)) {}
  ~CafStrand() override { caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown); }
  void post(std::function<void()> task) override {
    caf::anon_send(actor_, StrandTask{std::move(task)});
  }
  void post_after(Duration delay, std::function<void()> task) override {
    caf::delayed_anon_send(actor_, delay, StrandTask{std::move(task)});
  }

 private:
  caf::actor actor_;
};

}  // namespace

Cell CafScheduler::spawn(CellBirth birth) {
  const caf::actor actor = system_.spawn<caf::lazy_init>(
      [birth = std::move(birth)](Self* self) mutable -> caf::behavior {
        CafSelfMail mail(self);
        const Cell own(std::make_shared<CafMailbox>(caf::actor_cast<caf::actor>(self)));
        self->state.runner.emplace(std::move(birth), own, mail);
        return shell_behavior(self);
      });
  return Cell(std::make_shared<CafMailbox>(actor));
}

std::unique_ptr<StrandQueue> CafScheduler::make_strand(std::shared_ptr<StrandGate> gate) {
  return std::make_unique<CafStrand>(system_.spawn<caf::lazy_init>(
      [gate = std::move(gate)](caf::event_based_actor*) -> caf::behavior {
        return {[gate](StrandTask& task) { gate->run(task.run); }};
      }));
}

void configure_cells(caf::actor_system_config& config, std::size_t threads, bool deterministic) {
  config.set("scheduler.policy", caf::atom(deterministic ? "testing" : "sharing"));
  if (threads > 0) config.set("scheduler.max-threads", threads);
}

}  // namespace omma
