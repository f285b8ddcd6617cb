#include "runtime/node/lease_service.hpp"

#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/node/wire_records.hpp"
#include "schemas/control.capnp.h"

namespace omma {

bool LeaseService::handle(const Message& request, const Answer& answer) {
  if (!request.is<wire::RenewLease>()) return false;
  const Instant received = clock_.now();
  const NodeId node = read(request.as<wire::RenewLease>().getNode());
  std::unique_lock lock(mutex_);
  const bool known = table_.knows(node);
  const bool may_go_on = table_.grant(node, received);
  lock.unlock();
  if (!known) {
    look_up(node, received, answer);
  } else if (may_go_on) {
    answer(granted(received));
  } else {
    answer(refused(node));
  }
  return true;
}

void LeaseService::look_up(const NodeId& node, Instant received, const Answer& answer) {
  directory_.nodes([this, node, received, answer](Result<std::vector<NodeRecord>> nodes) {
    if (!nodes) return answer(nodes.error());
    for (const NodeRecord& record : *nodes) {
      if (!record.alive || record.id.incarnation != node.incarnation) continue;
      std::unique_lock lock(mutex_);
      // The others' leases begin with the next look at them; this one now.
      const bool may_go_on = table_.add({record.id, record.address}, clock_.now());
      lock.unlock();
      return answer(may_go_on ? granted(received) : refused(node));
    }
    answer(refused(node));
  });
}

Result<Message> LeaseService::granted(Instant received) const {
  return Message::build<wire::LeaseGranted>([&](wire::LeaseGranted::Builder out) {
    out.setTtlNs(static_cast<std::uint64_t>(times_.ttl.count()));
    out.setHoldNs(static_cast<std::uint64_t>(times_.hold.count()));
    const std::vector<NodeId> gone = lost();
    auto list = out.initLost(static_cast<unsigned>(gone.size()));
    for (unsigned i = 0; i < list.size(); ++i) write(list[i], gone[i]);
    out.setReceivedNs(nanoseconds_of(received));
    out.setAnsweredNs(nanoseconds_of(clock_.now()));
  });
}

Error LeaseService::refused(const NodeId& node) const {
  return {Code::conflict, "node " + node.name + " (incarnation " + node.incarnation.text() +
                              ") is declared dead: it did not renew its lease within " +
                              std::to_string(times_.ttl / std::chrono::milliseconds(1)) +
                              " ms, or another process took its name; start it anew"};
}

void LeaseService::keep(const std::vector<NodeRecord>& nodes) {
  std::vector<LeaseTable::Member> alive;
  std::vector<NodeId> lost;
  for (const NodeRecord& node : nodes) {
    if (!node.alive && lost.size() < limits::lost_nodes_told_max) lost.push_back(node.id);
    if (node.alive && node.id.incarnation != head_.incarnation) {
      alive.push_back({node.id, node.address});
    }
  }
  const std::lock_guard lock(mutex_);
  table_.begin(alive, clock_.now());
  lost_ = std::move(lost);
}

std::vector<NodeId> LeaseService::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

std::vector<NodeId> LeaseService::due() {
  const std::lock_guard lock(mutex_);
  return table_.due(clock_.now());
}

bool LeaseService::may_work(const NodeId& node) const {
  const std::lock_guard lock(mutex_);
  return table_.may_work(node, clock_.now());
}

std::map<Incarnation, Instant> LeaseService::heard() const {
  const std::lock_guard lock(mutex_);
  return table_.heard();
}

}  // namespace omma
