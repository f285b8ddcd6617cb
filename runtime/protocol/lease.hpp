// Leases: how the head may call a node dead although it cannot see into it. A node that cannot
// renew stops working some time before the head gives its actors to others, so that two copies of
// one actor never work at the same time.
//
//   head   granted ------------------------ ttl -----------------------+---- hold ----> dead
//   node   asked ------- stop_after ------> in doubt: its cells freeze
//
// A node counts from the moment its request left, the head from the moment it granted, which is
// later; so clocks need not agree, only not differ in speed by more than (ttl + hold) / stop_after.
// A paused process must ask state() again before it does anything: time went on without it.
//
// Plain classes; time is handed in. Not thread-safe.
#pragma once

#include "runtime/base/ids.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/time.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace omma {

struct LeaseTimes {
  Duration ttl = limits::lease_ttl;
  Duration hold = ttl / 6;

  // The node stops working this long after its last request that was granted.
  Duration stop_after() const { return ttl * 2 / 3; }
  // One request or answer may be lost; two in a row bring doubt.
  Duration renew_every() const { return ttl / 4; }
  // How often the head looks for leases that are over.
  Duration look_every() const { return std::max<Duration>(ttl / 8, limits::lease_look_min); }
};

// The head's side: until when which node may work.
class LeaseTable {
 public:
  explicit LeaseTable(LeaseTimes times) : times_(times) {}

  // The nodes that the directory holds for alive. One that is new here, after the head's start all
  // of them, gets a full lease; one that is no longer among them is forgotten, but for a node whose
  // name was taken at another address: nothing shows that it stopped, so its lease runs out.
  struct Member {
    NodeId node;
    std::string address;
  };
  void begin(std::span<const Member> alive, Instant now);
  // One that signed on since; as grant() otherwise.
  bool add(const Member& member, Instant now);
  // False: it is declared dead, or not known here. A declared death is never taken back.
  bool grant(const NodeId& node, Instant now);
  bool knows(const NodeId& node) const { return leases_.contains(node.incarnation); }
  // Those whose lease is over, hold included; from now on they are declared dead. Named again until
  // begin() no longer names them. When this is the first call, or the last was so long ago that the
  // head itself must have stood still, it heard no request either: every lease that was not over
  // before begins anew.
  std::vector<NodeId> due(Instant now);
  // It may be working: its actors are not to be given to others.
  bool may_work(const NodeId& node, Instant now) const;
  // When each was last heard of, or began here.
  std::map<Incarnation, Instant> heard() const;

 private:
  struct Lease {
    NodeId node;
    std::string address;
    Instant granted;
    bool dead = false;
  };
  bool is_over(const Lease& lease, Instant now) const {
    return lease.dead || now >= lease.granted + times_.ttl + times_.hold;
  }

  const LeaseTimes times_;
  std::optional<Instant> looked_;
  std::map<Incarnation, Lease> leases_;
};

// The node's side: whether it may work.
class LeaseHolder {
 public:
  enum class State : std::uint8_t {
    held,
    in_doubt,  // Nothing may be dispatched; a grant ends it.
    dead,      // Others have the actors: for good.
  };

  // Registering is the first grant: it asked at this time.
  LeaseHolder(LeaseTimes times, Instant asked)
      : times_(times), asked_(asked), valid_until_(asked + times.stop_after()) {}

  // A request leaves.
  void asked(Instant now) { asked_ = now; }
  // The request that left at that time was granted.
  void granted(Instant asked_at) { extend(asked_at); }
  // At some time after that one nothing listened at the head's address, so nobody could declare
  // anything, and the next head begins with a full lease for everybody. Proves nothing once the
  // lease is in doubt: a death may have been declared before the head went down.
  void head_down_proved(Instant tried_at) {
    if (tried_at < valid_until_) extend(tried_at);
  }
  void refused_dead() { dead_ = true; }

  State state(Instant now) const {
    if (dead_) return State::dead;
    return now < valid_until_ ? State::held : State::in_doubt;
  }
  Instant valid_until() const { return valid_until_; }
  // When the next request is due.
  Instant next_request() const { return asked_ + times_.renew_every(); }
  // When something is to be done or changes next; may be past.
  Instant next_deadline(Instant now) const {
    return now < valid_until_ ? std::min(next_request(), valid_until_) : next_request();
  }

 private:
  void extend(Instant from) { valid_until_ = std::max(valid_until_, from + times_.stop_after()); }

  LeaseTimes times_;
  Instant asked_;
  Instant valid_until_;
  bool dead_ = false;
};

}  // namespace omma
