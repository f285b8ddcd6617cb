#include "runtime/cell/turn_watch.hpp"

#include <atomic>
#include <cstdio>
#include <utility>

#include "runtime/base/limits.hpp"

namespace omma {

// Written by its own thread, read by the watcher. The count is odd while a turn runs; a reader that
// finds the same count before and after has read one turn's fields.
struct TurnWatch::Slot {
  std::atomic<std::uint64_t> count{0};
  std::atomic<std::uint64_t> actor_high{0};
  std::atomic<std::uint64_t> actor_low{0};
  std::atomic<std::uint64_t> number{0};
  std::atomic<TurnCause> cause{TurnCause::other};
};

struct TurnWatch::Slots {
  std::mutex mutex;
  std::vector<std::unique_ptr<Slot>> all;
};

struct TurnWatch::Seen {
  std::uint64_t count = 0;
  Instant since{};
  Duration told{0};  // How long it ran when it was last told of; 0: never.
  LongTurn turn;
};

namespace {

std::string text_of(TurnCause cause, std::uint64_t number) {
  char hex[17];
  std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(number));
  switch (cause) {
    case TurnCause::message:
      return "a message of type 0x" + std::string(hex);
    case TurnCause::timer:
      return "timer " + std::to_string(number);
    case TurnCause::job:
      return "a job's result of type 0x" + std::string(hex);
    case TurnCause::other:
      break;
  }
  return "a turn of its own";
}

}  // namespace

TurnWatch::TurnWatch() : slots_(std::make_shared<Slots>()) {}
TurnWatch::~TurnWatch() = default;

void TurnWatch::enter(const ActorId& actor, std::string name) {
  const std::lock_guard lock(mutex_);
  Name& known = names_[actor];
  known.text = std::move(name);
  ++known.lives;
}

void TurnWatch::leave(const ActorId& actor) {
  const std::lock_guard lock(mutex_);
  const auto known = names_.find(actor);
  if (known != names_.end() && --known->second.lives == 0) names_.erase(known);
}

// A thread keeps the slots that its slot is among, so no later watch can be taken for this one.
TurnWatch::Slot& TurnWatch::own_slot() {
  thread_local std::shared_ptr<Slots> slots;
  thread_local Slot* slot = nullptr;
  if (slots != slots_) {
    const std::lock_guard lock(slots_->mutex);
    slot = slots_->all.emplace_back(std::make_unique<Slot>()).get();
    slots = slots_;
  }
  return *slot;
}

void TurnWatch::begin(const ActorId& actor, TurnCause cause, std::uint64_t number) {
  Slot& slot = own_slot();
  slot.actor_high.store(actor.high, std::memory_order_relaxed);
  slot.actor_low.store(actor.low, std::memory_order_relaxed);
  slot.number.store(number, std::memory_order_relaxed);
  slot.cause.store(cause, std::memory_order_relaxed);
  slot.count.store(slot.count.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

void TurnWatch::end() {
  Slot& slot = own_slot();
  slot.count.store(slot.count.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

std::vector<LongTurn> TurnWatch::look(Instant now) {
  std::vector<LongTurn> news;
  const std::lock_guard slots_lock(slots_->mutex);
  const std::lock_guard lock(mutex_);
  for (const auto& slot : slots_->all) {
    Seen& seen = seen_[slot.get()];
    const std::uint64_t count = slot->count.load(std::memory_order_acquire);
    const bool runs = count % 2 == 1;
    if (count != seen.count) {
      if (seen.told > Duration(0)) {
        seen.turn.ended = true;
        news.push_back(seen.turn);
      }
      seen = Seen{.count = count, .since = now, .told = Duration(0), .turn = {}};
      continue;
    }
    if (!runs) continue;
    const Duration running = now - seen.since;
    if (running < limits::turn_alarm_after) continue;
    if (seen.told == Duration(0)) {
      seen.turn.actor = {slot->actor_high, slot->actor_low};
      seen.turn.name = name_of(seen.turn.actor);
      seen.turn.doing = text_of(slot->cause, slot->number);
      // It ended while we read, and what was read may be of the next.
      if (slot->count.load(std::memory_order_acquire) != count) continue;
    }
    seen.turn.running = running;
    if (running < 2 * seen.told) continue;
    seen.told = running;
    news.push_back(seen.turn);
  }
  return news;
}

std::vector<LongTurn> TurnWatch::long_turns() const {
  std::vector<LongTurn> turns;
  const std::lock_guard lock(mutex_);
  for (const auto& [slot, seen] : seen_) {
    if (seen.told > Duration(0)) turns.push_back(seen.turn);
  }
  return turns;
}

std::string TurnWatch::name_of(const ActorId& actor) const {
  const auto known = names_.find(actor);
  return known == names_.end() ? "actor " + actor.short_text() : known->second.text;
}

}  // namespace omma
