// Access to the directory from any node: DirectoryService answers on the head, DirectoryClient asks
// from anywhere, over whatever carries a request (a link call, or on the head a direct one).
//
// Thread-safe. Answers come on the thread that carries them.
#pragma once

#include "runtime/cell/executor.hpp"
#include "runtime/directory/directory.hpp"
#include "runtime/link/link.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace omma {

// The reply to ListNodes.
Message node_list(std::span<const CountedNode> nodes);

// Group commit: the requests that came while the last transaction was written make up the next, so
// that a disk which takes a millisecond a commit carries thousands of changes a second, and one
// request alone waits for nobody.
class DirectoryService {
 public:
  struct Counters {
    std::uint64_t requests = 0;      // Taken in.
    std::uint64_t refused = 0;       // Too many waited, or too much.
    std::uint64_t transactions = 0;  // Each for all that waited when it began.
    std::uint64_t largest = 0;       // Requests in one transaction.
  };

  // Engine calls may wait for a disk: they run on `executor`, one job at a time. Both must outlive
  // the service, or the executor have ended.
  DirectoryService(Directory& directory, Executor& executor)
      : directory_(directory), executor_(executor) {}

  // True if the request is one of the directory's; then it is answered, once what it did is on the
  // disk. overloaded past limits::directory_requests_waiting_max or directory_bytes_waiting_max.
  bool handle(const Message& request, const Answer& answer);

  Counters counters() const;

 private:
  struct Waiting {
    Message request;
    Answer answer;
  };

  Result<Message> serve_all();
  void serve(std::vector<Waiting> batch);
  std::vector<Waiting> take_waiting();
  void refuse_all(const Error& error);

  Directory& directory_;
  Executor& executor_;
  mutable std::mutex mutex_;  // Around what follows.
  std::vector<Waiting> waiting_;
  std::size_t bytes_waiting_ = 0;
  bool serving_ = false;
  Counters counters_;
};

class DirectoryClient {
 public:
  template <class T>
  using Done = std::function<void(Result<T>)>;
  using Call = std::function<void(Message request, Answer answer)>;

  explicit DirectoryClient(Call call) : call_(std::move(call)) {}

  // As in Directory, whose comments say what each does and refuses.
  void actor(const ActorId& id, Done<std::optional<ActorRecord>> done) const;
  void compare_and_set(const RecordChange& change, Done<ChangeOutcome> done) const;
  // A page; `query.count_max` does not travel.
  void actors(const ActorQuery& query, Done<ActorPage> done) const;
  // All pages, one after the other: those of one node, or those that a lost node leaves behind.
  // Never all of the cluster.
  void all_actors(const ActorQuery& query, Done<std::vector<ActorRecord>> done) const;
  void candidates(const std::string& wanted, Done<ActorPage> done) const;
  // The names of the nodes on which these live; those that live nowhere are left out. Any number of
  // them; the other takes limits::actors_per_page_max.
  void find_homes(std::span<const ActorId> ids, Done<std::map<ActorId, std::string>> done) const;
  void homes(const std::set<ActorId>& ids, Done<std::map<ActorId, std::string>> done) const;

  void register_node(const NodeRecord& wanted, Done<NodeRecord> done) const;
  void nodes(Done<std::vector<NodeRecord>> done) const;
  void counted_nodes(Done<std::vector<CountedNode>> done) const;
  void deregister_node(const NodeId& node, Done<bool> done) const;
  void mark_dead(const NodeId& node, Done<NodeRecord> done) const;
  void set_cordoned(const std::string& node_name, bool cordoned, Done<NodeRecord> done) const;

  void set_pinned(const ActorId& id, bool pinned, Done<bool> done) const;
  void pinned(Done<std::vector<ActorId>> done) const;

  // One answer a checkpoint, in their order. A batch over limits::checkpoints_per_batch_max or
  // checkpoint_batch_bytes_max is refused before it travels.
  void save_checkpoints(const NodeId& by, const std::vector<Checkpoint>& checkpoints,
                        Done<std::vector<Result<void>>> done) const;
  void checkpoint(const ActorId& id, Done<std::optional<Checkpoint>> done) const;

  void append_move(const MoveRecord& move, Done<bool> done) const;
  // At most limits::moves_per_reply_max.
  void moves(std::size_t count_max, Done<std::vector<MoveRecord>> done) const;

 private:
  Call call_;
};

}  // namespace omma
