// CheckpointKeeper: gathers what this node's cells want kept and saves it with the directory, many
// at a time: while one batch is on its way the next gathers. A cell has at most one here.
//
// All calls come on the host's strand.
#pragma once

#include "runtime/cell/cell_core.hpp"
#include "runtime/node/directory_access.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

namespace omma {

class CheckpointKeeper {
 public:
  struct Wanted {
    Checkpoint checkpoint;
    std::function<void(const Result<void>&)> done;
  };
  // `post` runs a task on the strand.
  CheckpointKeeper(NodeId self, const DirectoryClient& directory,
                   std::function<void(std::function<void()>)> post)
      : self_(std::move(self)), directory_(directory), post_(std::move(post)) {}

  void keep(Wanted wanted);

 private:
  void save_batch();
  void on_saved(std::vector<Wanted> batch, const Result<std::vector<Result<void>>>& saved);

  const NodeId self_;
  const DirectoryClient& directory_;
  std::function<void(std::function<void()>)> post_;
  std::deque<Wanted> waiting_;
  bool saving_ = false;
};

}  // namespace omma
