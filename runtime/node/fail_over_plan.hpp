// FailOverPlan: decides which orphan goes on where. An orphan is an actor whose record says that it
// lives on a node which is dead.
//
//   orphan ----> begin(): revive it on that node ----> gone (taken over there)
//     ^                     or end it, or leave it          |
//     +----- some time later, twice as long each time <-----+ it could not be revived
//
// Pure; time is handed in. Not thread-safe.
#pragma once

#include "runtime/base/time.hpp"
#include "runtime/cell/actor_type.hpp"
#include "runtime/node/home_choice.hpp"
#include "runtime/protocol/directory_record.hpp"

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace omma {

class FailOverPlan {
 public:
  struct Step {
    enum class Kind : std::uint8_t {
      revive,  // On node `to`.
      end,     // It belonged to a process that is gone. A stage begins anew when it is wanted.
      wait,    // No node will do now; said once for each reason.
    };
    Kind kind = Kind::revive;
    ActorRecord actor;
    NodeRecord to;
    std::string why;
  };

  // What the head knows. `orphans` are all there are, `cameras` the homes of those that they follow
  // (cameras_of), `may_work` says of a dead actor's node that it may still be at work: then nothing
  // is done yet.
  struct Situation {
    std::span<const ActorRecord> orphans;
    std::span<const CountedNode> nodes;
    const Homes& cameras;
    std::function<std::size_t(const std::string& node)> actors_max;
    std::function<bool(const NodeId& node)> may_work;
  };

  explicit FailOverPlan(const ActorTypes& types) : types_(types) {}

  // Cameras and the like first, then what wants to live near them. At most
  // limits::fail_overs_open_max are open at a time.
  std::vector<Step> begin(const Situation& now_known, Instant now);
  // A step that began has ended: well, or to come again. What was read before it ended may still
  // call the actor an orphan, so a while passes in either case.
  void on_done(const ActorId& id, Instant now);
  void on_failed(const ActorId& id, const std::string& node, Instant now);

  std::size_t open() const { return open_; }

 private:
  struct Try {
    std::uint64_t epoch = 0;
    bool open = false;
    unsigned failures = 0;
    Instant not_before{};
    std::string to;     // Where it is being revived.
    std::string avoid;  // The node that could not last time, if another will do.
    std::string waits;  // The reason that was given last.
  };
  void forget_others(std::span<const ActorRecord> orphans);
  Step decide(const ActorRecord& orphan, const Try& tried, const std::vector<NodeLoad>& loads,
              const Homes& homes) const;

  const ActorTypes& types_;
  std::map<ActorId, Try> tries_;
  std::size_t open_ = 0;
};

}  // namespace omma
