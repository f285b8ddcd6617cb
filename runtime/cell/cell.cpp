#include "runtime/cell/cell.hpp"

#include <caf/all.hpp>

#include <mutex>
#include <optional>

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

// What the CAF actor keeps.
struct CellShell {
  static inline const char* name = "cell";

  std::unique_ptr<CellPort> port;
  std::unique_ptr<CellCore> core;
  bool flush_on_its_way = false;
  std::uint64_t wake_generation = 0;
  std::optional<Instant> wake_at;

  static Cell handle_of(const caf::actor& actor) { return Cell(actor); }
};

namespace {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

using Self = caf::stateful_actor<CellShell>;

// Acknowledgements wait for the end of what is in the mailbox now: one for many messages.
void flush_later(Self* self) {
  CellShell& shell = self->state;
  if (shell.flush_on_its_way || !shell.core->acks_wanted()) return;
  shell.flush_on_its_way = true;
  self->send(self, CellInput{CellInput::FlushAcks{}});
}

void wake_later(Self* self) {
  CellShell& shell = self->state;
  const std::optional<Instant> deadline = shell.core->next_deadline();
  if (!deadline) return;
  // An earlier wake-up that is on its way serves too.
  if (shell.wake_at && *shell.wake_at <= *deadline) return;
  shell.wake_at = deadline;
  const Duration delay = std::max(*deadline - shell.port->now(), Duration(0));
  self->delayed_send(self, delay, CellInput{CellInput::Wake{++shell.wake_generation}});
}

void handle(Self* self, CellInput& input) {
  CellShell& shell = self->state;
  CellCore& core = *shell.core;
  std::visit(Overloaded{
                 [&](Packet& packet) { core.on_packet(std::move(packet)); },
                 [&](CellInput::JobResult& job) { core.on_job(job.job, std::move(job.result)); },
                 [&](CellInput::Route& route) { core.on_route(route.target, route.epoch); },
                 [&](CellInput::NotReached& lost) {
                   core.on_not_reached(lost.target, lost.why, lost.gone);
                 },
                 [&](CellInput::Command& command) { core.on_command(std::move(command.run)); },
                 [&](CellInput::ReportWanted& wanted) { wanted.answer(core.report()); },
                 [&](CellInput::FlushAcks&) {
                   shell.flush_on_its_way = false;
                   core.flush_acks();
                 },
                 [&](CellInput::Wake& wake) {
                   if (wake.generation != shell.wake_generation) return;
                   shell.wake_at.reset();
                   core.on_time();
                 },
                 [&](CellInput::Stop&) {
                   core.flush_acks();
                   self->quit();
                 },
             },
             input.what);
  flush_later(self);
  wake_later(self);
}

caf::behavior shell_behavior(Self* self) {
  return {[self](CellInput& input) { handle(self, input); }};
}

}  // namespace

Cell Cell::spawn(caf::actor_system& system, CellCore::Identity identity, const ActorType& type,
                 const MakePort& make_port) {
  const caf::actor actor = system.spawn<caf::lazy_init>(
      [identity = std::move(identity), &type, make_port](Self* self) mutable -> caf::behavior {
        CellShell& shell = self->state;
        shell.port = make_port(CellShell::handle_of(caf::actor_cast<caf::actor>(self)));
        shell.core = std::make_unique<CellCore>(std::move(identity), type, *shell.port);
        shell.core->start();
        flush_later(self);
        wake_later(self);
        return shell_behavior(self);
      });
  return CellShell::handle_of(actor);
}

void Cell::put(CellInput input) const {
  caf::anon_send(handle_, std::move(input));
}

// Held while a task runs.
struct Strand::Gate {
  std::mutex mutex;
  bool closed = false;
};

Strand::Strand(caf::actor_system& system)
    : gate_(std::make_shared<Gate>()),
      handle_(
          system.spawn<caf::lazy_init>([gate = gate_](caf::event_based_actor*) -> caf::behavior {
            return {[gate](StrandTask& task) {
              const std::lock_guard lock(gate->mutex);
              if (!gate->closed) task.run();
            }};
          })) {}

Strand::~Strand() {
  close();
  caf::anon_send_exit(handle_, caf::exit_reason::user_shutdown);
}

void Strand::close() {
  const std::lock_guard lock(gate_->mutex);
  gate_->closed = true;
}

void Strand::post(std::function<void()> task) const {
  caf::anon_send(handle_, StrandTask{std::move(task)});
}

void Strand::post_after(Duration delay, std::function<void()> task) const {
  caf::delayed_anon_send(handle_, delay, StrandTask{std::move(task)});
}

void configure_cells(caf::actor_system_config& config, std::size_t threads, bool deterministic) {
  config.set("scheduler.policy", caf::atom(deterministic ? "testing" : "sharing"));
  if (threads > 0) config.set("scheduler.max-threads", threads);
}

}  // namespace omma
