#include "runtime/node/drain_account.hpp"

#include "runtime/base/limits.hpp"
#include "runtime/node/wire_records.hpp"

namespace omma {
namespace {

// Moved and kept have one half of a reply's records each.
constexpr std::size_t bytes_max = limits::listed_records_bytes_max / 2;
// Of an entry, beside its texts.
constexpr std::size_t fixed_bytes = 128;

}  // namespace

void DrainAccount::add(const MoveRecord& move) {
  ++moved_count_;
  const std::size_t bytes = fixed_bytes + move.type.size() + move.name.size() + move.from.size() +
                            move.to.size() + move.reason.size();
  if (moved_bytes_ + bytes > bytes_max) return;
  moved_bytes_ += bytes;
  moved_.push_back(move);
}

void DrainAccount::keep(const ActorRecord& actor, const std::string& why, bool tried) {
  ++kept_count_;
  tried_count_ += tried ? 1 : 0;
  const std::size_t bytes = fixed_bytes + actor.type.size() + actor.name.size() + why.size();
  if (kept_bytes_ + bytes > bytes_max) return;
  kept_bytes_ += bytes;
  kept_.push_back({actor.id, actor.type, actor.name, why, tried});
}

Message DrainAccount::report() const {
  return Message::build<wire::DrainReport>([&](wire::DrainReport::Builder out) {
    out.setMovedCount(static_cast<std::uint32_t>(moved_count_));
    out.setKeptCount(static_cast<std::uint32_t>(kept_count_));
    out.setTriedCount(static_cast<std::uint32_t>(tried_count_));
    auto moves = out.initMoved(static_cast<unsigned>(moved_.size()));
    for (unsigned i = 0; i < moves.size(); ++i) write(moves[i], moved_[i]);
    auto list = out.initKept(static_cast<unsigned>(kept_.size()));
    for (unsigned i = 0; i < list.size(); ++i) {
      write(list[i].initId(), kept_[i].id);
      list[i].setType(kept_[i].type);
      list[i].setName(kept_[i].name);
      list[i].setWhy(kept_[i].why);
      list[i].setTried(kept_[i].tried);
    }
  });
}

}  // namespace omma
