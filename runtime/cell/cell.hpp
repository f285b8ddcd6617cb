// The CAF shell around a CellCore: one CAF actor per actor. It takes inputs from any thread, hands
// them to the core one at a time, and keeps its clock.
//
// A Strand is the same without a core: closures run one after the other. The node's own services
// use it instead of locks.
#pragma once

#include "runtime/base/ids.hpp"
#include "runtime/cell/cell_core.hpp"

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <functional>
#include <memory>
#include <utility>
#include <variant>

namespace omma {

// What may be sent to a cell.
struct CellInput {
  struct JobResult {
    std::uint64_t job = 0;
    Result<Message> result;
  };
  struct Route {
    ActorId target;
    std::uint64_t epoch = 0;
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
  std::variant<Stop, Packet, JobResult, Route, NotReached, Command, ReportWanted, FlushAcks, Wake>
      what;
};

// A handle to a live cell. Copyable, thread-safe.
class Cell {
 public:
  // `make_port` is called once with the cell's own handle; the port lives as long as the cell.
  using MakePort = std::function<std::unique_ptr<CellPort>(const Cell&)>;
  static Cell spawn(caf::actor_system& system, CellCore::Identity identity, const ActorType& type,
                    const MakePort& make_port);

  void put(CellInput input) const;
  void put(Packet packet) const { put(CellInput{std::move(packet)}); }
  // The last report, then the end. Inputs after it are ignored.
  void stop() const { put(CellInput{CellInput::Stop{}}); }

 private:
  explicit Cell(caf::actor handle) : handle_(std::move(handle)) {}
  friend struct CellShell;
  caf::actor handle_;
};

class Strand {
 public:
  explicit Strand(caf::actor_system& system);
  ~Strand();
  // Waits for the task that runs and forgets the others, now and from now on: what they refer to
  // may go afterwards. Not from a task of its own.
  void close();
  void post(std::function<void()> task) const;
  // Posts after this long by the actor system's clock.
  void post_after(Duration delay, std::function<void()> task) const;

 private:
  struct Gate;

  std::shared_ptr<Gate> gate_;
  caf::actor handle_;
};

// Scheduler settings that were measured best for cells (sharing beats stealing on few cores).
// `threads` 0 asks for CAF's own choice; `deterministic` gives the test coordinator.
void configure_cells(caf::actor_system_config& config, std::size_t threads, bool deterministic);

}  // namespace omma
