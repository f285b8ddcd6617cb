#include "runtime/directory/directory.hpp"
#include "runtime/directory/request_rules.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace omma {
namespace {

class MemoryDirectory final : public Directory {
 public:
  Result<std::optional<ActorRecord>> actor(const ActorId& id) override {
    const std::lock_guard lock(mutex_);
    return find_actor(id);
  }

  Result<ChangeOutcome> compare_and_set(const RecordChange& change) override {
    if (auto fits = check_storable(change.next); !fits.ok()) return fits.error();
    const std::lock_guard lock(mutex_);
    const std::optional<ActorRecord> current = find_actor(change.next.id);
    if ((current ? current->epoch : 0) != change.expected_epoch) {
      return ChangeOutcome{false, current};
    }
    if (auto allowed = permits(current, change); !allowed.ok()) return allowed.error();
    actors_[change.next.id] = change.next;
    return ChangeOutcome{true, change.next};
  }

  Result<std::vector<ActorRecord>> actors() override {
    std::vector<ActorRecord> all;
    {
      const std::lock_guard lock(mutex_);
      all.reserve(actors_.size());
      for (const auto& [id, record] : actors_) all.push_back(record);
    }
    std::sort(all.begin(), all.end(), [](const ActorRecord& a, const ActorRecord& b) {
      return std::tie(a.type, a.name, a.id) < std::tie(b.type, b.name, b.id);
    });
    return all;
  }

  Result<NodeRecord> register_node(const std::string& name, const Incarnation& incarnation,
                                   const std::string& address,
                                   std::vector<std::string> roles) override {
    if (auto fits = check_storable(name, address, roles); !fits.ok()) {
      return fits.error();
    }
    const std::lock_guard lock(mutex_);
    const auto found = nodes_.find(name);
    const auto current = found == nodes_.end() ? std::nullopt : std::optional(found->second);
    auto next = omma::register_node(current, name, incarnation, address, std::move(roles));
    if (!next.ok()) return next;
    auto retired = retire_residents(
        name, [&](const Incarnation& resident) { return resident != incarnation; });
    if (!retired.ok()) return retired.error();
    nodes_[name] = *next;
    return next;
  }

  Result<std::vector<NodeRecord>> nodes() override {
    const std::lock_guard lock(mutex_);
    std::vector<NodeRecord> all;
    all.reserve(nodes_.size());
    for (const auto& [name, record] : nodes_) all.push_back(record);
    return all;
  }

  Result<void> deregister_node(const NodeId& node) override {
    const std::lock_guard lock(mutex_);
    const auto found = nodes_.find(node.name);
    const auto current = found == nodes_.end() ? std::nullopt : std::optional(found->second);
    if (auto known = check_registered(current, node); !known.ok()) return known;
    auto retired = retire_residents(
        node.name, [&](const Incarnation& resident) { return resident == node.incarnation; });
    if (!retired.ok()) return retired;
    found->second.alive = false;
    return {};
  }

 private:
  // Ends the lives on the node of this name, in those of its incarnations that are meant.
  template <class IsMeant>
  Result<void> retire_residents(const std::string& name, IsMeant is_meant) {
    for (auto& [id, record] : actors_) {
      const bool lives_there =
          record.state == ActorRecord::State::active && record.node.name == name;
      if (!lives_there || !is_meant(record.node.incarnation)) continue;
      auto change = retire(record, id, record.epoch, record.node);
      if (!change.ok()) return change.error();
      record = std::move(change->next);
    }
    return {};
  }

  std::optional<ActorRecord> find_actor(const ActorId& id) const {
    const auto found = actors_.find(id);
    return found == actors_.end() ? std::nullopt : std::optional(found->second);
  }

  std::mutex mutex_;
  std::unordered_map<ActorId, ActorRecord> actors_;
  std::map<std::string, NodeRecord> nodes_;
};

}  // namespace

std::unique_ptr<Directory> make_memory_directory() {
  return std::make_unique<MemoryDirectory>();
}

}  // namespace omma
