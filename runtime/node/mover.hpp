// Mover: carries out this node's moves, out and in. It gives the machines of
// runtime/protocol/migration.hpp what they ask for and decides nothing itself.
//
// All calls, and all answers of the port, come on the host's strand.
#pragma once

#include "runtime/cell/cell.hpp"
#include "runtime/cell/cell_snapshot.hpp"
#include "runtime/link/link.hpp"
#include "runtime/protocol/directory_record.hpp"
#include "runtime/protocol/migration.hpp"
#include "runtime/protocol/move_record.hpp"
#include "schemas/control.capnp.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace omma {

struct Resident {
  ActorRecord record;
  Cell cell;
};

struct RouteHint {
  ActorId id;
  std::string node;
  std::uint64_t epoch = 0;
};

// What the mover needs of its host.
class MoverPort {
 public:
  template <class T>
  using Done = std::function<void(Result<T>)>;

  virtual ~MoverPort() = default;
  virtual const NodeId& self() const = 0;
  virtual Instant now() const = 0;
  virtual WallTime wall_now() const = 0;
  virtual void after(Duration delay, std::function<void()> task) = 0;
  virtual void call(const std::string& peer, Message request, Duration timeout, Answer answer) = 0;
  virtual void change(const RecordChange& change, Done<std::optional<ActorRecord>> done) = 0;
  virtual void read(const ActorId& id, Done<std::optional<ActorRecord>> done) = 0;

  virtual std::optional<Resident> resident(const ActorId& id) const = 0;
  // Why it cannot leave, if so.
  virtual Result<void> may_leave(const ActorRecord& record) const = 0;
  // Why it cannot come, if so.
  virtual Result<void> admit(const ActorRecord& record) const = 0;
  virtual void prewarm(const ActorRecord& record, std::function<void(Result<void>)> done) = 0;
  // Makes the actor, dormant.
  virtual Cell stage(const ActorRecord& record, CellSnapshot snapshot,
                     std::function<void(Result<void>)> prepared) = 0;
  virtual std::vector<RouteHint> routes_of(const std::vector<ActorId>& peers) const = 0;
  virtual void learn(const std::vector<RouteHint>& routes) = 0;

  // The actor lives here from now on.
  virtual void settle_in(const ActorRecord& record, Cell cell) = 0;
  // It lives elsewhere: where, as far as the source knows.
  virtual void move_out(const ActorId& id, const std::string& node, std::uint64_t epoch,
                        const std::vector<ActorId>& peers) = 0;
  // It stays, under this record.
  virtual void keep_under(const ActorRecord& record) = 0;
  virtual void report(const MoveRecord& move) = 0;
  // For whoever watches: stands still at its source, runs on there, dormant at its target, dropped.
  virtual void on_frozen(const Resident& resident, const std::string& to,
                         const Streams::Numbers& numbers) = 0;
  virtual void on_thawed(const ActorRecord& record) = 0;
  virtual void on_staged(const ActorRecord& record) = 0;
  virtual void on_unstaged(const ActorRecord& record, const Error& why) = 0;
  virtual void alarm(const std::string& text) = 0;
};

class Mover {
 public:
  using Done = std::function<void(Result<MoveRecord>)>;

  Mover(MoverPort& port, MigrationTimes times) : port_(port), times_(times) {}

  // Answered at the end, however it ends: a MoveRecord whose outcome says so. An error when there
  // is nothing to move.
  void move(const ActorId& id, const std::string& to, const std::string& reason, Done done);
  // True if the request is one of the mover's; then it is answered.
  bool handle(const Message& request, const Answer& answer);
  bool is_leaving(const ActorId& id) const { return outgoing_.contains(id); }
  bool is_coming(const ActorId& id) const { return incoming_.contains(id); }
  std::size_t open() const { return outgoing_.size() + incoming_.size(); }
  // The node was declared dead: everything staged goes, nobody is told.
  void abandon();

 private:
  struct Departure {
    MoveSource machine;
    Resident resident;
    std::string to;
    std::string reason;
    Done done;
    WallTime begun{};
    CellInput::Frozen frozen;
    std::uint64_t token = 0;
  };
  struct Arrival {
    MoveTarget machine;
    ActorRecord record;  // At the source.
    Answer reserved;
    Answer outcome;  // Of the piece that made it whole.
    std::shared_ptr<std::byte> bytes;
    std::uint64_t total_bytes = 0;
    std::uint64_t missing_bytes = 0;
    std::vector<bool> pieces;
    std::vector<RouteHint> routes;
    std::optional<Cell> cell;
    std::uint64_t token = 0;
  };

  void carry_out(const ActorId& id, MoveSource::Effects effects);
  void freeze(const ActorId& id);
  void send(const ActorId& id, const MoveSource::Piece& piece);
  void call_off(const ActorId& id);
  void end(const ActorId& id);
  void watch_departure(const ActorId& id);

  void reserve(wire::ReserveMove::Reader request, const Answer& answer);
  void take(const Message& request, const Answer& answer);
  Result<bool> store(Arrival& arrival, wire::SnapshotPiece::Reader piece,
                     std::span<const std::byte> bytes);
  void carry_out(const ActorId& id, MoveTarget::Effects effects);
  void prepare(const ActorId& id);
  void commit(const ActorId& id);
  void ask_owner(const ActorId& id);
  Ownership owner_for_target(const Arrival& arrival, const std::optional<ActorRecord>& record);
  void watch_arrival(const ActorId& id);

  MoverPort& port_;
  const MigrationTimes times_;
  std::map<ActorId, Departure> outgoing_;
  std::map<ActorId, Arrival> incoming_;
  std::uint64_t tokens_ = 0;
};

}  // namespace omma
