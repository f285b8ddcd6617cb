// Migration: how one live actor moves from a source node to a target node, as two state machines
// that know nothing of threads, links or directories.
//
//   source S                                   target T
//   ------------------------------------------------------------------------------------------
//   reserving   -- reserve ----------------->  asked      (admits, makes ready what is immutable)
//               <- reserved / refused -------  reserved
//   freezing    (the turn ends, no new one)
//   sending     -- pieces of the snapshot -->  receiving  (the actor is made from it: dormant)
//                                              committing: compare-and-set (S, e) -> (T, e+1)
//               <- moved / not moved --------  live, or dropped
//   moved, or
//   calling_off: compare-and-set (S, e) -> (S, e+1); won: the actor runs on; lost: it has moved
//
// The directory's compare-and-set is the one decision point, for commit and for calling off. While
// it is out of reach the source stays frozen and the target dormant: safety before liveness. What
// is said between S and T decides nothing; it may be lost at any point.
//
// Pure: every call takes `now` and returns what to do. Owned by one mover.
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/base/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace omma {

struct MigrationTimes {
  Duration reserve_patience;  // No pause yet: the target may have a network to load.
  Duration freeze_budget;     // From the freeze to the target's word; then the source calls it off.
  Duration alarm_after;       // A pause that long is worth an alarm, and again each time.
  Duration retry_delay;       // Between two tries to reach the directory.
  Duration stage_patience;    // Nothing more came from the source: the target asks the directory.

  static MigrationTimes standard();  // From limits.hpp.
};

// What the directory says of the actor, seen from one of the two.
enum class Ownership : std::uint8_t {
  source,   // The source at the epoch before the move.
  mine,     // The asker, at a later epoch.
  another,  // Somebody else at a later epoch, or nobody.
};

class MoveSource {
 public:
  enum class Phase : std::uint8_t {
    reserving,
    freezing,
    sending,
    calling_off,
    moved,   // It lives elsewhere.
    stayed,  // It runs on here: nothing was paused, or it was won back.
  };
  struct Piece {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
  };
  // In this order.
  struct Effects {
    bool reserve = false;     // Ask the target.
    bool freeze = false;      // End the turn, begin none, take the snapshot.
    std::vector<Piece> send;  // To the target; the last one asks it to commit.
    bool call_off = false;    // Compare-and-set (S, e) -> (S, e+1).
    bool thaw = false;        // Run on. Under the next epoch if `epoch_raised`.
    bool epoch_raised = false;
    bool forget = false;  // It lives elsewhere: drop the copy, answer strays with its place.
    bool alarm = false;   // Frozen too long, since the directory cannot be reached.
  };

  explicit MoveSource(MigrationTimes times) : times_(times) {}

  Effects begin(Instant now);
  Effects on_reserved(const Result<void>& answer, Instant now);
  // The cell stands still; its snapshot has so many bytes. Or it cannot be saved.
  Effects on_frozen(const Result<std::uint64_t>& snapshot_bytes, Instant now);
  Effects on_piece_taken(std::uint64_t offset, const Result<void>& answer, Instant now);
  // The target's last word: it has won (true) or dropped the move, with why.
  Effects on_outcome(const Result<void>& committed, Instant now);
  // What became of the compare-and-set that calls the move off; an error: not reached.
  Effects on_called_off(const Result<Ownership>& owner, Instant now);
  Effects on_time(Instant now);
  std::optional<Instant> next_deadline() const;

  Phase phase() const { return phase_; }
  bool ended() const { return phase_ == Phase::moved || phase_ == Phase::stayed; }
  bool has_paused() const { return frozen_at_.has_value(); }
  // Why it stayed.
  const std::optional<Error>& why() const { return why_; }
  // From the freeze to the end, or to now.
  Duration pause(Instant now) const;

 private:
  Effects stay(Error why, Instant now);
  Effects call_off(Error why, Instant now);
  void send_more(Effects& effects);

  MigrationTimes times_;
  Phase phase_ = Phase::reserving;
  Instant since_{};  // In this phase, or since the last try.
  std::optional<Instant> frozen_at_;
  std::optional<Instant> ended_at_;
  std::optional<Instant> next_alarm_;
  bool waits_for_directory_ = false;
  std::uint64_t total_bytes_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t open_pieces_ = 0;
  std::optional<Error> why_;
};

class MoveTarget {
 public:
  enum class Phase : std::uint8_t {
    asked,       // Making ready.
    reserved,    // Admitted; nothing has come.
    receiving,   // Dormant from here on.
    preparing,   // All is here; the actor is being made.
    committing,  // The compare-and-set is on its way.
    live,
    dropped,
  };
  struct Effects {
    bool make_ready = false;             // What is immutable, by hash.
    std::optional<Result<void>> answer;  // To the reservation.
    bool prepare = false;                // Make the actor from the bytes.
    bool commit = false;                 // Compare-and-set (S, e) -> (T, e+1).
    bool read_record = false;            // Ask the directory who has it.
    bool go_live = false;
    bool drop = false;                    // Everything that was staged.
    std::optional<Result<void>> outcome;  // To the source.
  };

  explicit MoveTarget(MigrationTimes times) : times_(times) {}

  Effects on_reserve(const Result<void>& admitted, Instant now);
  Effects on_ready(const Result<void>& ready, Instant now);
  // Pieces come in any order; `whole` when all bytes are here. An error: a piece was damaged.
  Effects on_piece(const Result<bool>& whole, Instant now);
  Effects on_prepared(const Result<void>& prepared, Instant now);
  // What became of the commit, or what a read said; an error: the directory was not reached.
  Effects on_owner(const Result<Ownership>& owner, Instant now);
  Effects on_time(Instant now);
  std::optional<Instant> next_deadline() const;

  Phase phase() const { return phase_; }
  bool ended() const { return phase_ == Phase::live || phase_ == Phase::dropped; }
  const std::optional<Error>& why() const { return why_; }

 private:
  Effects drop(Error why);

  MigrationTimes times_;
  Phase phase_ = Phase::asked;
  Instant since_{};
  bool asking_ = false;           // A read or a commit is on its way.
  bool commit_in_doubt_ = false;  // It may have happened: only the directory knows.
  std::optional<Error> why_;
};

}  // namespace omma
