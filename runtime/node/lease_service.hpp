// LeaseService: the head's answers to RenewLease. The table says who may go on working; a node that
// it does not know, because the head has just begun, is looked up in the directory.
//
// Thread-safe.
#pragma once

#include "runtime/node/directory_access.hpp"
#include "runtime/protocol/lease.hpp"

#include <map>
#include <mutex>
#include <vector>

namespace omma {

class LeaseService {
 public:
  // The head itself needs no lease: its end is the directory's. All must outlive the service and
  // the directory's answers.
  LeaseService(LeaseTimes times, NodeId head, const DirectoryClient& directory, const Clock& clock)
      : times_(times),
        head_(std::move(head)),
        directory_(directory),
        clock_(clock),
        table_(times) {}

  // True if the request is RenewLease; then it is answered.
  bool handle(const Message& request, const Answer& answer);
  // What the directory has: see LeaseTable::begin.
  void keep(const std::vector<NodeRecord>& nodes);
  // To be declared dead now: see LeaseTable::due.
  std::vector<NodeId> due();
  bool may_work(const NodeId& node) const;
  std::map<Incarnation, Instant> heard() const;  // See LeaseTable::heard.
  // Declared dead, as of the last keep().
  std::vector<NodeId> lost() const;

  const LeaseTimes& times() const { return times_; }

 private:
  Result<Message> granted(Instant received) const;
  Error refused(const NodeId& node) const;
  void look_up(const NodeId& node, Instant received, const Answer& answer);

  const LeaseTimes times_;
  const NodeId head_;
  const DirectoryClient& directory_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  LeaseTable table_;
  std::vector<NodeId> lost_;  // As of the last look.
};

}  // namespace omma
