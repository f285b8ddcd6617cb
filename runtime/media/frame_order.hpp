// Which number a decoded picture has. A source counts its coded pictures in the order they are
// shown; a decoder gives them later and in another order than it reads them, and a damaged one may
// never come out. FrameOrder is told of both sides and so knows every number and every gap.
//
// A pure class: no FFmpeg, no I/O. Not thread-safe; one owner.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>

namespace omma {

class FrameOrder {
 public:
  // The first packet sent will be number `first_index` of the file, and every packet before it is
  // shown before it. `timed`: packets carry the time at which they are shown.
  FrameOrder(std::uint64_t first_index, bool timed);

  // A packet goes to the decoder, in file order. `restarts`: nothing from it on refers to, or is
  // shown before, anything earlier (an IDR picture of H.264).
  void sent(std::uint64_t index, std::int64_t shown_at, bool restarts);
  // The decoder refused the packet sent last.
  void refused(std::uint64_t index);

  struct Shown {
    std::uint64_t sequence = 0;
    std::uint64_t missing = 0;  // Pictures just before it that never came out.
  };
  // The decoder gave the picture of this packet. nullopt when that number has passed already: a
  // second picture from one packet, or one out of order.
  std::optional<Shown> shown(std::uint64_t index);

  // The decoder is drained: how many pictures at the end never came out.
  std::uint64_t finish();

  // The number of the next picture to come out.
  std::uint64_t next_sequence() const { return next_; }

 private:
  std::optional<Shown> shown_timed(std::uint64_t index);
  std::optional<Shown> shown_untimed(std::uint64_t index);

  const bool timed_;
  std::uint64_t next_;
  std::uint64_t sent_end_;  // One past the last packet sent.
  std::uint64_t missing_ = 0;
  // Timed: packets sent whose pictures are still to come, by (time, index).
  std::set<std::pair<std::int64_t, std::uint64_t>> waiting_;
  // Untimed: pictures come out by count, put right at every restart.
  std::set<std::uint64_t> restarts_;
  std::set<std::uint64_t> refused_;
};

}  // namespace omma
