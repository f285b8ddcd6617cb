// Time as types. Nothing below runtime/node reads a clock by itself: it is handed a Clock, so that
// a whole cluster can run in virtual time.
#pragma once

#include <chrono>
#include <cstdint>

namespace omma {

using Duration = std::chrono::nanoseconds;

// Steady time of one node, for deadlines and intervals; its zero means nothing.
struct SteadyTimeline {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<SteadyTimeline>;
  static constexpr bool is_steady = true;
};
using Instant = SteadyTimeline::time_point;

// Nanoseconds since the Unix epoch by some machine's clock; only ever shown, or compared with
// times of the same machine.
struct WallTimeline {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<WallTimeline>;
  static constexpr bool is_steady = false;
};
using WallTime = WallTimeline::time_point;

constexpr std::int64_t nanoseconds_of(Instant t) {
  return t.time_since_epoch().count();
}
constexpr std::int64_t nanoseconds_of(WallTime t) {
  return t.time_since_epoch().count();
}
constexpr Instant instant_of(std::int64_t ns) {
  return Instant(Duration(ns));
}
constexpr WallTime wall_time_of(std::int64_t ns) {
  return WallTime(Duration(ns));
}

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  virtual WallTime wall_now() const = 0;
};

// The machine's clocks.
class SystemClock final : public Clock {
 public:
  Instant now() const override;
  WallTime wall_now() const override;
};

// A clock that a test moves. Not thread-safe.
class ManualClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  WallTime wall_now() const override { return WallTime(now_.time_since_epoch()); }
  void advance(Duration by) { now_ += by; }

 private:
  Instant now_ = instant_of(1'000'000'000);
};

}  // namespace omma
