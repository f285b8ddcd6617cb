#include "runtime/base/limits.hpp"
#include "runtime/directory/directory.hpp"
#include "runtime/directory/store.hpp"
#include "runtime/directory/stored_directory.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace omma {
namespace {

class MemoryStore final : public Store {
 public:
  Result<std::optional<ActorRecord>> find_actor(const ActorId& id) override {
    return found_in(actors_, id);
  }
  Result<std::vector<ActorRecord>> actors() override {
    return actors_if([](const ActorRecord&) { return true; });
  }
  Result<std::vector<ActorRecord>> active_on(const std::string& node_name) override {
    return actors_if([&](const ActorRecord& record) {
      return record.state == ActorRecord::State::active && record.node.name == node_name;
    });
  }
  Result<std::vector<ActorRecord>> orphans() override {
    return actors_if([&](const ActorRecord& record) {
      return record.state == ActorRecord::State::active &&
             !is_live(found_in(nodes_, record.node.name), record.node);
    });
  }
  Result<void> put(const ActorRecord& record) override {
    actors_[record.id] = record;
    return {};
  }

  Result<std::optional<NodeRecord>> find_node(const std::string& name) override {
    return found_in(nodes_, name);
  }
  Result<std::vector<NodeRecord>> nodes() override {
    std::vector<NodeRecord> all;
    all.reserve(nodes_.size());
    for (const auto& [name, record] : nodes_) all.push_back(record);
    return all;
  }
  Result<void> put(const NodeRecord& record) override {
    nodes_[record.id.name] = record;
    return {};
  }

  Result<bool> is_pinned(const ActorId& id) override { return pins_.contains(id); }
  Result<std::size_t> pin_count() override { return pins_.size(); }
  Result<std::vector<ActorId>> pins() override {
    return std::vector<ActorId>(pins_.begin(), pins_.end());
  }
  Result<void> put_pin(const ActorId& id) override {
    pins_.insert(id);
    return {};
  }
  Result<void> drop_pin(const ActorId& id) override {
    pins_.erase(id);
    return {};
  }

  Result<std::optional<CheckpointMark>> find_checkpoint_mark(const ActorId& id) override {
    const auto found = checkpoints_.find(id);
    if (found == checkpoints_.end()) return std::optional<CheckpointMark>();
    return std::optional(CheckpointMark{found->second.epoch, found->second.number});
  }
  Result<std::optional<Checkpoint>> find_checkpoint(const ActorId& id) override {
    return found_in(checkpoints_, id);
  }
  Result<void> put(const Checkpoint& checkpoint) override {
    Checkpoint& place = checkpoints_[checkpoint.id];
    place = checkpoint;
    // A copy: the state may be a part of a whole batch, which would stay in memory for it.
    place.state = Blob::copy_of(checkpoint.state.bytes());
    return {};
  }
  Result<void> drop_checkpoint(const ActorId& id) override {
    checkpoints_.erase(id);
    return {};
  }

  Result<void> append(const MoveRecord& move) override {
    moves_.push_front(move);
    if (moves_.size() > limits::moves_kept_max) moves_.pop_back();
    return {};
  }
  Result<std::vector<MoveRecord>> moves(std::size_t count_max) override {
    const auto count = static_cast<std::ptrdiff_t>(std::min(count_max, moves_.size()));
    return std::vector<MoveRecord>(moves_.begin(), moves_.begin() + count);
  }

 private:
  template <class Map>
  static std::optional<typename Map::mapped_type> found_in(const Map& map,
                                                           const typename Map::key_type& key) {
    const auto found = map.find(key);
    return found == map.end() ? std::nullopt : std::optional(found->second);
  }

  template <class IsMeant>
  std::vector<ActorRecord> actors_if(IsMeant is_meant) const {
    std::vector<ActorRecord> meant;
    for (const auto& [id, record] : actors_) {
      if (is_meant(record)) meant.push_back(record);
    }
    std::sort(meant.begin(), meant.end(), [](const ActorRecord& a, const ActorRecord& b) {
      return std::tie(a.type, a.name, a.id) < std::tie(b.type, b.name, b.id);
    });
    return meant;
  }

  std::unordered_map<ActorId, ActorRecord> actors_;
  std::map<std::string, NodeRecord> nodes_;
  std::set<ActorId> pins_;
  std::unordered_map<ActorId, Checkpoint> checkpoints_;
  std::deque<MoveRecord> moves_;  // Latest first.
};

}  // namespace

std::unique_ptr<Directory> make_memory_directory() {
  return std::make_unique<StoredDirectory>(std::make_unique<MemoryStore>());
}

}  // namespace omma
