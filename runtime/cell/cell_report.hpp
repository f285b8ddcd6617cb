// CellReport: what a cell tells of itself, for `omma ps` and for the ledger. A plain value.
#pragma once

#include "runtime/cell/streams.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace omma {

// What became of the stream messages that an actor took up, per origin camera.
struct StageCounts {
  std::uint64_t received = 0;
  std::uint64_t emitted = 0;
  std::uint64_t held = 0;
  std::map<std::string, std::uint64_t> filtered;  // By reason.
  std::map<std::string, std::uint64_t> failed;    // By reason.
};

struct CellReport {
  struct Health {
    std::uint64_t turns = 0;
    std::uint64_t failed_turns = 0;
    std::uint64_t restarts = 0;
    std::uint64_t set_aside = 0;  // Messages given up after limits::attempts_max.
    std::uint64_t jobs_failed = 0;
    std::uint64_t late_replies = 0;        // To requests that were given up.
    std::vector<std::string> last_errors;  // The newest limits::set_aside_messages_max.

    // The counts; errors are not added up.
    Health& operator+=(const Health& other) {
      turns += other.turns;
      failed_turns += other.failed_turns;
      restarts += other.restarts;
      set_aside += other.set_aside;
      jobs_failed += other.jobs_failed;
      late_replies += other.late_replies;
      return *this;
    }
  };

  ActorId id;
  std::string type;
  std::string name;
  std::uint64_t epoch = 0;
  std::uint64_t life = 0;
  std::string phase;
  Health health;
  std::size_t inputs_waiting = 0;
  std::size_t subscribers = 0;
  std::size_t messages_held = 0;
  bool blocked = false;
  bool ends_frames = false;
  bool durable = false;
  std::uint64_t checkpoints = 0;                  // Taken so far.
  std::vector<std::string> died_with;             // Nodes that took an earlier life of it along.
  std::map<std::string, std::uint64_t> captured;  // By camera.
  std::map<std::uint64_t, StageCounts> stage;     // By origin camera.
  std::vector<Streams::OutAccount> out;
  std::vector<Streams::InAccount> in;
};

}  // namespace omma
