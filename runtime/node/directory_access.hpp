// Access to the directory from any node: DirectoryService answers on the head, DirectoryClient asks
// from anywhere, over whatever carries a request (a link call, or on the head a direct one).
//
// Thread-safe. Answers come on the thread that carries them.
#pragma once

#include "runtime/cell/executor.hpp"
#include "runtime/directory/directory.hpp"
#include "runtime/link/link.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace omma {

class DirectoryService {
 public:
  // Engine calls may wait for a disk: they run on `executor`. Both must outlive the service.
  DirectoryService(Directory& directory, Executor& executor)
      : directory_(directory), executor_(executor) {}

  // True if the request is one of the directory's; then it is answered.
  bool handle(const Message& request, const Answer& answer);

 private:
  Result<Message> perform(const Message& request);

  Directory& directory_;
  Executor& executor_;
};

class DirectoryClient {
 public:
  template <class T>
  using Done = std::function<void(Result<T>)>;
  using Call = std::function<void(Message request, Answer answer)>;

  explicit DirectoryClient(Call call) : call_(std::move(call)) {}

  void actor(const ActorId& id, Done<std::optional<ActorRecord>> done) const;
  void compare_and_set(const RecordChange& change, Done<ChangeOutcome> done) const;
  void actors(Done<std::vector<ActorRecord>> done) const;
  void register_node(const NodeRecord& wanted, Done<NodeRecord> done) const;
  void nodes(Done<std::vector<NodeRecord>> done) const;
  void deregister_node(const NodeId& node, Done<bool> done) const;

 private:
  Call call_;
};

}  // namespace omma
