// HopRing: a node's latest hops in fixed memory. When it is full the oldest go, counted.
//
// A slot is written by one thread at a time, which claims it; a reader takes a slot's content only
// if nobody wrote meanwhile. So a writer never waits: should it meet a slot that another one is
// still writing, a whole round behind, its hop is counted as lost.
//
// Thread-safe; add() neither blocks nor allocates.
#pragma once

#include "runtime/protocol/hop.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace omma {

class HopRing final : public HopSink {
 public:
  struct Counters {
    std::uint64_t added = 0;
    std::uint64_t overwritten = 0;  // The oldest, for newer ones.
    std::uint64_t lost = 0;         // Their slot was being written.
  };
  // What is known of one frame's time here.
  struct Extent {
    TraceId trace;
    Instant first{};
    Instant last{};
  };

  // At least 1.
  explicit HopRing(std::size_t hops_max);

  void add(const TraceHop& hop) override;
  // Of one frame, as they were added, the latest `count_max`.
  std::vector<TraceHop> of(TraceId trace, std::size_t count_max) const;
  // Of the frames that ended last, at most so many.
  std::vector<Extent> extents(std::size_t count_max) const;
  Counters counters() const;
  std::size_t capacity() const { return hops_max_; }

 private:
  static constexpr std::size_t words = 12;
  using Words = std::array<std::uint64_t, words>;
  // version: 0 never written; odd while it is written; else twice the hop's number (from 1).
  struct Slot {
    std::atomic<std::uint64_t> version{0};
    std::array<std::atomic<std::uint64_t>, words> content{};
  };

  static Words pack(const TraceHop& hop);
  static TraceHop unpack(const Words& words);
  // The hop with this number, unless it is gone or being written.
  bool read(std::uint64_t number, TraceHop& hop) const;
  void each(const std::function<void(const TraceHop&)>& visit) const;

  const std::size_t hops_max_;
  const std::unique_ptr<Slot[]> slots_;
  std::atomic<std::uint64_t> added_{0};
  std::atomic<std::uint64_t> lost_{0};
};

}  // namespace omma
