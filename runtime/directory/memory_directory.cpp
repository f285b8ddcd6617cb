#include "runtime/base/limits.hpp"
#include "runtime/directory/directory.hpp"
#include "runtime/directory/store.hpp"
#include "runtime/directory/stored_directory.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

namespace omma {
namespace {

class MemoryStore final : public Store {
 public:
  Result<std::optional<ActorRecord>> find_actor(const ActorId& id) override {
    return found_in(actors_, id);
  }
  Result<ActorPage> actors(const ActorQuery& query) override {
    PageFiller page(query.count_max);
    const auto residents = residents_.find(query.node);
    if (!query.node.empty() && residents == residents_.end()) return page.take();
    const std::set<ActorId>& ids = query.node.empty() ? ids_ : residents->second;
    for (auto id = ids.upper_bound(query.after); id != ids.end(); ++id) {
      const ActorRecord& record = actors_.at(*id);
      if (is_meant(query, record) && !page.add(record)) break;
    }
    return page.take();
  }
  Result<std::vector<ActorRecord>> active_on(const std::string& node_name) override {
    std::vector<ActorRecord> records;
    const auto residents = residents_.find(node_name);
    if (residents == residents_.end()) return records;
    for (const ActorId& id : residents->second) records.push_back(actors_.at(id));
    return records;
  }
  Result<ActorCounts> count_active() override {
    ActorCounts counts;
    for (const auto& [id, record] : actors_) {
      if (record.state == ActorRecord::State::active) ++counts[process_of(record.node)];
    }
    return counts;
  }
  Result<ActorPage> named(const TitleWish& wanted) override {
    return page_of(ids_.begin(), ids_.end(),
                   [&](const ActorRecord& record) { return wanted.fits(record); });
  }
  Result<ActorPage> between(const ActorId& first, const ActorId& last) override {
    return page_of(ids_.lower_bound(first), ids_.upper_bound(last),
                   [](const ActorRecord&) { return true; });
  }
  Result<void> put(const ActorRecord& record) override {
    ActorRecord& place = actors_[record.id];
    if (place.epoch == 0) ids_.insert(record.id);
    if (place.state == ActorRecord::State::active) residents_[place.node.name].erase(record.id);
    if (record.state == ActorRecord::State::active) {
      residents_[record.node.name].insert(record.id);
    }
    place = record;
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

  bool is_meant(const ActorQuery& query, const ActorRecord& record) const {
    if (!query.type.empty() && record.type != query.type) return false;
    if (query.which == ActorQuery::Which::all) return true;
    if (record.state != ActorRecord::State::active) return false;
    if (query.which == ActorQuery::Which::active) return true;
    const auto node = nodes_.find(record.node.name);
    return node == nodes_.end() || !node->second.alive ||
           node->second.id.incarnation != record.node.incarnation;
  }

  template <class Fits>
  ActorPage page_of(std::set<ActorId>::const_iterator from, std::set<ActorId>::const_iterator to,
                    Fits fits) const {
    PageFiller page;
    for (; from != to; ++from) {
      const ActorRecord& record = actors_.at(*from);
      if (record.state != ActorRecord::State::active || !fits(record)) continue;
      if (!page.add(record)) break;
    }
    return page.take();
  }

  std::unordered_map<ActorId, ActorRecord> actors_;
  std::set<ActorId> ids_;                               // Of all of them.
  std::map<std::string, std::set<ActorId>> residents_;  // The active ones, by their node's name.
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
