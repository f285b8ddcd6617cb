// Cell: a handle to a live actor of this process, whatever runs it. It takes inputs from any
// thread; who made it (a Scheduler) hands them to the actor's CellCore one at a time.
//
// A handle is copyable and thread-safe; it shares the mailbox, not the actor.
#pragma once

#include "runtime/base/ids.hpp"
#include "runtime/cell/cell_core.hpp"

#include <functional>
#include <memory>
#include <utility>
#include <variant>

namespace omma {

// What may be sent to a cell.
struct CellInput {
  // Of one burst, in their order.
  struct Packets {
    std::vector<Packet> all;
  };
  struct JobResult {
    std::uint64_t job = 0;
    Result<Message> result;
    JobTimes times{};
  };
  struct Route {
    ActorId target;
    std::uint64_t epoch = 0;
    std::uint64_t life = 0;  // 0: not known.
  };
  struct NotReached {
    ActorId target;
    Error why;
    bool gone = false;  // For good: nothing and nobody could begin it again.
  };
  struct Command {
    std::function<void(Turn&)> run;
  };
  struct ReportWanted {
    std::function<void(CellReport)> answer;
  };
  struct FlushAcks {};
  struct Wake {
    std::uint64_t generation = 0;
  };
  struct Stop {};

  // --- Moves and checkpoints. A cell that stands still keeps its inputs until it goes on. -------

  // Made from a snapshot, it now may run.
  struct GoLive {};
  // Stands still from here on, and gives its snapshot: encoded, with the actors it has streams
  // with.
  struct Frozen {
    Blob snapshot;
    std::vector<ActorId> peers;
    Streams::Numbers numbers;  // That it has.
  };
  struct Freeze {
    std::function<void(Result<Frozen>)> answer;
  };
  // Goes on, under this epoch; 0: the same.
  struct Thaw {
    std::uint64_t epoch = 0;
  };
  // The node's lease is in doubt, or good again.
  struct Suspend {
    bool stands = true;
  };
  struct Checkpointed {
    std::uint64_t number = 0;
    Result<void> kept;
  };
  // It lives elsewhere: the end, without a word.
  struct Drop {};

  std::variant<Stop, Packet, Packets, JobResult, Route, NotReached, Command, ReportWanted,
               FlushAcks, Wake, GoLive, Freeze, Thaw, Suspend, Checkpointed, Drop>
      what;
};

// Where a scheduler takes one cell's inputs. Thread-safe; never blocks.
class CellMailbox {
 public:
  virtual ~CellMailbox() = default;
  virtual void put(CellInput input) = 0;
};

class Cell {
 public:
  explicit Cell(std::shared_ptr<CellMailbox> mailbox) : mailbox_(std::move(mailbox)) {}

  void put(CellInput input) const { mailbox_->put(std::move(input)); }
  void put(Packet packet) const { put(CellInput{std::move(packet)}); }
  // The last report, then the end. Inputs after it are ignored.
  void stop() const { put(CellInput{CellInput::Stop{}}); }
  void drop() const { put(CellInput{CellInput::Drop{}}); }

 private:
  std::shared_ptr<CellMailbox> mailbox_;
};

}  // namespace omma
