#include "runtime/node/checkpoint_keeper.hpp"

#include <utility>

#include "runtime/base/limits.hpp"

namespace omma {

void CheckpointKeeper::keep(Wanted wanted) {
  waiting_.push_back(std::move(wanted));
  if (!saving_) save_batch();
}

void CheckpointKeeper::save_batch() {
  std::vector<Wanted> batch;
  std::vector<Checkpoint> checkpoints;
  std::size_t bytes = 0;
  while (!waiting_.empty() && batch.size() < limits::checkpoints_per_batch_max) {
    const std::size_t more = waiting_.front().checkpoint.state.size();
    if (!batch.empty() && bytes + more > limits::checkpoint_batch_bytes_max / 2) break;
    bytes += more;
    checkpoints.push_back(waiting_.front().checkpoint);
    batch.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  if (batch.empty()) return;
  saving_ = true;
  directory_.save_checkpoints(
      self_, checkpoints,
      [this, post = post_, batch = std::move(batch)](Result<std::vector<Result<void>>> saved) {
        post([this, batch, saved = std::move(saved)] { on_saved(batch, saved); });
      });
}

void CheckpointKeeper::on_saved(std::vector<Wanted> batch,
                                const Result<std::vector<Result<void>>>& saved) {
  saving_ = false;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (!saved) {
      batch[i].done(saved.error());
    } else if (i < saved->size()) {
      batch[i].done((*saved)[i]);
    } else {
      batch[i].done(Error{Code::internal, "the directory answered for too few checkpoints"});
    }
  }
  if (!saving_) save_batch();
}

}  // namespace omma
