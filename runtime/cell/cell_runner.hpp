// CellRunner: what every scheduler does with a cell's inputs, written once: it hands each to the
// core, asks for one acknowledgement after a burst of them, and for a wake-up in time for the
// core's next deadline. While the cell stands still (dormant before a move's commit, frozen during
// one, its node's lease in doubt) inputs wait in their order; the senders' windows bound them.
//
// Owned by the scheduler's own cell object and used by one thread at a time.
#pragma once

#include "runtime/base/ring.hpp"
#include "runtime/cell/cell.hpp"
#include "runtime/cell/scheduler.hpp"

#include <cstdint>
#include <memory>
#include <optional>

namespace omma {

// How a cell's runner sends its cell an input. A delay of nothing means: after what is in the
// mailbox now.
class SelfMail {
 public:
  virtual ~SelfMail() = default;
  virtual void put(CellInput input) = 0;
  virtual void put_after(Duration delay, CellInput input) = 0;
};

class CellRunner {
 public:
  // Makes port and core, and runs the first turn or prepares what the cell goes on from.
  CellRunner(CellBirth birth, const Cell& self, SelfMail& mail);

  // False: the cell has ended; the runner is to go.
  [[nodiscard]] bool handle(CellInput& input, SelfMail& mail);

 private:
  bool stands() const { return dormant_ || frozen_ || suspended_; }
  void prepare(Continuation& continuation);
  void freeze(const CellInput::Freeze& freeze);
  void work(CellInput& input, SelfMail& mail);
  void go_on(SelfMail& mail);
  void flush_later(SelfMail& mail);
  void wake_later(SelfMail& mail);

  std::unique_ptr<CellPort> port_;
  std::unique_ptr<CellCore> core_;
  bool dormant_ = false;
  bool frozen_ = false;
  bool suspended_ = false;
  Ring<CellInput> kept_;
  bool flush_on_its_way_ = false;
  std::uint64_t wake_generation_ = 0;
  std::optional<Instant> wake_at_;
};

}  // namespace omma
