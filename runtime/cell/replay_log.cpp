#include "runtime/cell/replay_log.hpp"

namespace omma {

void ReplayLog::set_snapshot(Message state) {
  snapshot_ = std::move(state);
  entries_.clear();
  bytes_ = 0;
}

void ReplayLog::record(Input input, Turn::Context context) {
  bytes_ += input.envelope.message.size_bytes();
  entries_.push_back({std::move(input), std::move(context)});
}

}  // namespace omma
