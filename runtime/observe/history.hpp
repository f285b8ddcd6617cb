// History: what a node's actors lived through, written down line by line for a checker that reads
// it after the fact (tests/process/chaos). Off in a node that nobody is testing: then there is
// none.
//
//   {"t":8131,"e":"frozen","id":"5f...","epoch":3,"life":1,"to":"cloud-2",
//    "in":[["77...",1,"stream",40]],"out":[["9a...",2,"control",7,9]]}
//
// tests/process/chaos/README.md says what each line means. A line is in the file (not necessarily
// on the disk) when its call returns, so a killed process loses none. Times are of the steady
// clock, which all processes of one machine share.
//
// Thread-safe; a call makes one write(2). Bounded by limits::history_file_bytes_max, past which
// lines are counted instead of written.
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/base/ids.hpp"
#include "runtime/base/time.hpp"
#include "runtime/protocol/directory_record.hpp"
#include "runtime/protocol/envelope.hpp"
#include "runtime/protocol/move_record.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace omma {

class History {
 public:
  // An actor's numbers between two turns.
  struct In {
    ActorId sender;
    std::uint64_t sender_life = 0;
    Channel channel = Channel::control;
    std::uint64_t processed = 0;  // The highest in the state; all below are, too.
  };
  struct Out {
    ActorId target;
    std::uint64_t target_life = 0;
    Channel channel = Channel::control;
    std::uint64_t acknowledged = 0;
    std::uint64_t last = 0;  // The highest given out.
  };
  struct Numbers {
    std::vector<In> in;
    std::vector<Out> out;
  };
  enum class Beginning : std::uint8_t { anew, moved, taken_over };
  enum class Ending : std::uint8_t { retired, moved, fenced, stopped };

  // Appends: a node's incarnations follow each other in one file. unavailable says which file and
  // why. `clock` must outlive the history.
  static Result<std::shared_ptr<History>> open(const std::filesystem::path& file,
                                               const NodeId& self, const Clock& clock);
  ~History();
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  // The actor runs here from now on. Call it before its first turn, with what it goes on from.
  void begun(const ActorRecord& record, Beginning how, const Numbers& from);
  void ended(const ActorRecord& record, Ending how);

  // At the source of a move. `numbers`: of the snapshot.
  void frozen(const ActorRecord& record, std::string_view to, const Numbers& numbers);
  // It runs on after all, under the epoch in the record.
  void thawed(const ActorRecord& record);
  void move_ended(const MoveRecord& move);
  // At the target: dormant from now on, under the record that it would have.
  void staged(const ActorRecord& record);
  // `record` as at the source.
  void unstaged(const ActorRecord& record, std::string_view why);

  // Before it leaves for the directory; kept() when the answer is here.
  void checkpoint(const ActorRecord& record, std::uint64_t number, bool keeps_life,
                  const Numbers& numbers);
  void kept(const ActorId& id, std::uint64_t epoch, std::uint64_t number, bool saved);

  // The node's lease is in doubt (true) or good again.
  void fenced(bool on);
  void stopped();

  std::uint64_t lines_lost() const;

 private:
  History(int file, std::uint64_t bytes, const Clock& clock)
      : file_(file), bytes_(bytes), clock_(clock) {}
  class Line;
  void append(const std::string& line);

  const int file_;
  mutable std::mutex mutex_;
  std::uint64_t bytes_;
  std::uint64_t lines_lost_ = 0;
  const Clock& clock_;
};

}  // namespace omma
