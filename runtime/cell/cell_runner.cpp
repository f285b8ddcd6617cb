#include "runtime/cell/cell_runner.hpp"

#include <algorithm>
#include <utility>

namespace omma {
namespace {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

}  // namespace

CellRunner::CellRunner(CellBirth birth, const Cell& self, SelfMail& mail)
    : port_(birth.make_port(self)),
      core_(std::make_unique<CellCore>(std::move(birth.identity), birth.type, *port_)) {
  if (birth.continuation) {
    prepare(*birth.continuation);
    return;
  }
  core_->start();
  flush_later(mail);
  wake_later(mail);
}

void CellRunner::prepare(Continuation& continuation) {
  dormant_ = true;
  continuation.prepared(core_->prepare(std::move(continuation.snapshot), continuation.died_with));
}

bool CellRunner::handle(CellInput& input, SelfMail& mail) {
  if (!suspended_ && !port_->may_work(port_->now())) suspended_ = true;
  bool lives = true;
  bool goes_on = false;
  const bool steers = std::visit(Overloaded{
                                     [&](CellInput::GoLive&) {
                                       dormant_ = false;
                                       core_->go_live();
                                       return goes_on = true;
                                     },
                                     [&](CellInput::Freeze& wanted) {
                                       freeze(wanted);
                                       return true;
                                     },
                                     [&](CellInput::Thaw& thaw) {
                                       frozen_ = false;
                                       if (thaw.epoch != 0) core_->set_epoch(thaw.epoch);
                                       return goes_on = true;
                                     },
                                     [&](CellInput::Suspend& suspend) {
                                       suspended_ = suspend.stands;
                                       return goes_on = true;
                                     },
                                     [&](CellInput::Drop&) {
                                       lives = false;
                                       return true;
                                     },
                                     [&](CellInput::ReportWanted& wanted) {
                                       wanted.answer(core_->report());
                                       return true;
                                     },
                                     [&](CellInput::Stop&) {
                                       if (!stands()) core_->flush_acks();
                                       lives = false;
                                       return true;
                                     },
                                     [](auto&) { return false; },
                                 },
                                 input.what);
  if (!lives) return false;
  if (goes_on) {
    go_on(mail);
  } else if (!steers && stands()) {
    kept_.push_back(std::move(input));
  } else if (!steers) {
    work(input, mail);
  }
  return true;
}

// Between two inputs, so between two turns.
void CellRunner::freeze(const CellInput::Freeze& freeze) {
  if (dormant_ || frozen_) {
    return freeze.answer(Error{Code::conflict, "the actor stands still already"});
  }
  core_->flush_acks();
  Result<CellSnapshot> saved = core_->snapshot();
  if (!saved) return freeze.answer(saved.error());
  Result<Blob> bytes = encode(*saved);
  if (!bytes) return freeze.answer(bytes.error());
  frozen_ = true;
  const std::set<ActorId> peers = core_->peers();
  freeze.answer(CellInput::Frozen{
      *std::move(bytes), {peers.begin(), peers.end()}, Streams::numbers_of(saved->streams)});
}

// What came while it stood still.
void CellRunner::go_on(SelfMail& mail) {
  while (!stands() && !kept_.empty()) {
    CellInput next = kept_.take_front();
    work(next, mail);
  }
  if (stands()) return;
  flush_later(mail);
  wake_later(mail);
}

void CellRunner::work(CellInput& input, SelfMail& mail) {
  CellCore& core = *core_;
  std::visit(
      Overloaded{
          [&](Packet& packet) { core.on_packet(std::move(packet)); },
          [&](CellInput::Packets& packets) {
            core.on_packets(packets.all);
            if (packets.all.empty()) return;
            suspended_ = true;
            kept_.push_front(std::move(input));
          },
          [&](CellInput::JobResult& job) {
            core.on_job(job.job, std::move(job.result), job.times);
          },
          [&](CellInput::Route& route) { core.on_route(route.target, route.epoch, route.life); },
          [&](CellInput::NotReached& lost) {
            core.on_not_reached(lost.target, lost.why, lost.gone);
          },
          [&](CellInput::Command& command) { core.on_command(std::move(command.run)); },
          [&](CellInput::FlushAcks&) {
            flush_on_its_way_ = false;
            core.flush_acks();
          },
          [&](CellInput::Wake& wake) {
            if (wake.generation != wake_generation_) return;
            wake_at_.reset();
            core.on_time();
          },
          [&](CellInput::Checkpointed& done) { core.on_checkpointed(done.number, done.kept); },
          [](auto&) { OMMA_CHECK(false, "a steering input among the others"); },
      },
      input.what);
  flush_later(mail);
  wake_later(mail);
}

// Acknowledgements wait for the end of what is in the mailbox now: one for many messages.
void CellRunner::flush_later(SelfMail& mail) {
  if (flush_on_its_way_ || !core_->acks_wanted()) return;
  flush_on_its_way_ = true;
  mail.put(CellInput{CellInput::FlushAcks{}});
}

void CellRunner::wake_later(SelfMail& mail) {
  const std::optional<Instant> deadline = core_->next_deadline();
  if (!deadline) return;
  // An earlier wake-up that is on its way serves too.
  if (wake_at_ && *wake_at_ <= *deadline) return;
  wake_at_ = deadline;
  const Duration delay = std::max(*deadline - port_->now(), Duration(0));
  mail.put_after(delay, CellInput{CellInput::Wake{++wake_generation_}});
}

}  // namespace omma
