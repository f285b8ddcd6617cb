#include "runtime/cell/replay_log.hpp"

namespace omma {

void ReplayLog::set_snapshot(Message state) {
  snapshot_ = std::move(state);
  entries_.clear();
  bytes_ = 0;
}

void ReplayLog::record(const Input& input, Turn::Context context) {
  bytes_ += input.envelope.message.size_bytes();
  entries_.push_back({input.kind, input.id, input.details, std::move(context)});
}

Input ReplayLog::Entry::input() const {
  Input again = Input::of(kind, id);
  again.details = details;
  again.envelope.message = context.message;
  return again;
}

}  // namespace omma
