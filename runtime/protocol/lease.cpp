#include "runtime/protocol/lease.hpp"

namespace omma {

void LeaseTable::begin(std::span<const Member> alive, Instant now) {
  std::map<Incarnation, Lease> next;
  std::map<std::string, std::string> addresses;
  for (const Member& member : alive) {
    addresses[member.node.name] = member.address;
    const auto known = leases_.find(member.node.incarnation);
    next.emplace(member.node.incarnation,
                 known == leases_.end() ? Lease{member.node, member.address, now} : known->second);
  }
  for (const auto& [incarnation, lease] : leases_) {
    const auto successor = addresses.find(lease.node.name);
    // A second process cannot listen where the first one does: at the same address, the first has
    // gone.
    const bool elsewhere = successor != addresses.end() && successor->second != lease.address;
    if (elsewhere && !is_over(lease, now)) next.emplace(incarnation, lease);
  }
  leases_ = std::move(next);
}

bool LeaseTable::add(const Member& member, Instant now) {
  leases_.try_emplace(member.node.incarnation, Lease{member.node, member.address, now});
  return grant(member.node, now);
}

bool LeaseTable::grant(const NodeId& node, Instant now) {
  const auto found = leases_.find(node.incarnation);
  if (found == leases_.end() || found->second.dead) return false;
  found->second.granted = now;
  return true;
}

std::vector<NodeId> LeaseTable::due(Instant now) {
  const bool stood_still = !looked_ || now - *looked_ >= times_.stop_after();
  std::vector<NodeId> dead;
  for (auto& [incarnation, lease] : leases_) {
    if (stood_still && !is_over(lease, looked_.value_or(lease.granted))) lease.granted = now;
    if (!is_over(lease, now)) continue;
    lease.dead = true;
    dead.push_back(lease.node);
  }
  looked_ = now;
  return dead;
}

bool LeaseTable::may_work(const NodeId& node, Instant now) const {
  const auto found = leases_.find(node.incarnation);
  return found != leases_.end() && !is_over(found->second, now);
}

std::map<Incarnation, Instant> LeaseTable::heard() const {
  std::map<Incarnation, Instant> all;
  for (const auto& [incarnation, lease] : leases_) all.emplace(incarnation, lease.granted);
  return all;
}

}  // namespace omma
