#include "runtime/observe/hop_ring.hpp"

#include <algorithm>
#include <map>

#include "runtime/base/check.hpp"

namespace omma {

HopRing::HopRing(std::size_t hops_max)
    : hops_max_(hops_max), slots_(std::make_unique<Slot[]>(hops_max)) {
  OMMA_CHECK(hops_max >= 1, hops_max);
}

HopRing::Words HopRing::pack(const TraceHop& hop) {
  const auto ns = [](Instant when) { return static_cast<std::uint64_t>(nanoseconds_of(when)); };
  const auto kind = static_cast<std::uint64_t>(hop.kind);
  const auto channel = static_cast<std::uint64_t>(hop.channel);
  return {hop.trace.origin, hop.trace.sequence, hop.actor.high, hop.actor.low,
          hop.peer.high,    hop.peer.low,       hop.sequence,   kind | channel << 8,
          ns(hop.queued),   ns(hop.begun),      ns(hop.ended),  hop.bytes};
}

TraceHop HopRing::unpack(const Words& words) {
  const auto when = [](std::uint64_t ns) { return instant_of(static_cast<std::int64_t>(ns)); };
  return {.trace = {words[0], words[1]},
          .actor = {words[2], words[3]},
          .peer = {words[4], words[5]},
          .sequence = words[6],
          .kind = static_cast<TraceHop::Kind>(words[7] & 0xff),
          .channel = static_cast<Channel>(words[7] >> 8 & 0xff),
          .queued = when(words[8]),
          .begun = when(words[9]),
          .ended = when(words[10]),
          .bytes = words[11]};
}

void HopRing::add(const TraceHop& hop) {
  const std::uint64_t number = added_.fetch_add(1, std::memory_order_relaxed) + 1;
  Slot& slot = slots_[number % hops_max_];
  std::uint64_t version = slot.version.load(std::memory_order_relaxed);
  // A slot that is being written, or was taken by a whole round later, is left alone.
  if ((version & 1) != 0 || version > 2 * number ||
      !slot.version.compare_exchange_strong(version, 2 * number - 1, std::memory_order_acquire)) {
    lost_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  std::atomic_thread_fence(std::memory_order_release);
  const Words content = pack(hop);
  for (std::size_t i = 0; i < words; ++i) {
    slot.content[i].store(content[i], std::memory_order_relaxed);
  }
  slot.version.store(2 * number, std::memory_order_release);
}

bool HopRing::read(std::uint64_t number, TraceHop& hop) const {
  const Slot& slot = slots_[number % hops_max_];
  if (slot.version.load(std::memory_order_acquire) != 2 * number) return false;
  Words content;
  for (std::size_t i = 0; i < words; ++i) {
    content[i] = slot.content[i].load(std::memory_order_relaxed);
  }
  std::atomic_thread_fence(std::memory_order_acquire);
  if (slot.version.load(std::memory_order_relaxed) != 2 * number) return false;
  hop = unpack(content);
  return true;
}

void HopRing::each(const std::function<void(const TraceHop&)>& visit) const {
  const std::uint64_t last = added_.load(std::memory_order_acquire);
  const std::uint64_t first = last > hops_max_ ? last - hops_max_ + 1 : 1;
  TraceHop hop;
  for (std::uint64_t number = first; number <= last; ++number) {
    if (read(number, hop)) visit(hop);
  }
}

std::vector<TraceHop> HopRing::of(TraceId trace, std::size_t count_max) const {
  std::vector<TraceHop> found;
  each([&](const TraceHop& hop) {
    if (hop.trace == trace) found.push_back(hop);
  });
  if (found.size() > count_max) {
    found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(count_max));
  }
  return found;
}

std::vector<HopRing::Extent> HopRing::extents(std::size_t count_max) const {
  std::map<TraceId, Extent> by_trace;
  each([&](const TraceHop& hop) {
    const auto [found, fresh] =
        by_trace.try_emplace(hop.trace, Extent{hop.trace, hop.queued, hop.ended});
    if (fresh) return;
    found->second.first = std::min(found->second.first, hop.queued);
    found->second.last = std::max(found->second.last, hop.ended);
  });
  std::vector<Extent> all;
  for (const auto& [trace, extent] : by_trace) all.push_back(extent);
  std::sort(all.begin(), all.end(),
            [](const Extent& a, const Extent& b) { return a.last > b.last; });
  if (all.size() > count_max) all.resize(count_max);
  return all;
}

HopRing::Counters HopRing::counters() const {
  const std::uint64_t added = added_.load(std::memory_order_relaxed);
  return {added, added > hops_max_ ? added - hops_max_ : 0, lost_.load(std::memory_order_relaxed)};
}

}  // namespace omma
