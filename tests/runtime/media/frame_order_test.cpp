#include "runtime/media/frame_order.hpp"

#include <catch2/catch.hpp>

#include "runtime/base/limits.hpp"

namespace omma {
namespace {

TEST_CASE("timed pictures are numbered in the order they are shown") {
  FrameOrder order(0, true);
  // I0 P3 B1 B2: file order, shown at.
  order.sent(0, 0, true);
  order.sent(1, 300, false);
  order.sent(2, 100, false);
  CHECK(order.shown(0)->sequence == 0);
  order.sent(3, 200, false);
  CHECK(order.shown(2)->sequence == 1);
  CHECK(order.shown(3)->sequence == 2);
  CHECK(order.shown(1)->sequence == 3);
  CHECK(order.finish() == 0);
}

TEST_CASE("a timed picture that never comes leaves a gap in its place") {
  FrameOrder order(20, true);
  for (std::uint64_t i = 20; i < 25; ++i) order.sent(i, static_cast<std::int64_t>(i), false);
  CHECK(order.shown(20)->sequence == 20);
  const auto shown = order.shown(23);
  REQUIRE(shown.has_value());
  CHECK(shown->sequence == 23);
  CHECK(shown->missing == 2);
  CHECK(!order.shown(22).has_value());  // Its number has passed.
  CHECK(order.next_sequence() == 24);
  CHECK(order.finish() == 1);
}

TEST_CASE("untimed pictures are counted, and refused ones leave a gap") {
  FrameOrder order(0, false);
  order.sent(0, 0, true);
  order.sent(1, 0, false);
  CHECK(order.shown(0)->sequence == 0);
  CHECK(order.shown(1)->sequence == 1);
  order.sent(2, 0, false);
  order.refused(2);
  order.sent(3, 0, false);
  const auto shown = order.shown(3);
  CHECK(shown->sequence == 3);
  CHECK(shown->missing == 1);
}

TEST_CASE("untimed counting is put right at the next restart, without counting a gap twice") {
  FrameOrder order(0, false);
  for (std::uint64_t i = 0; i < 10; ++i) {
    order.sent(i, 0, i % 5 == 0);
    if (i == 2) order.refused(i);    // Known.
    if (i == 2 || i == 3) continue;  // 3 vanished without a word.
    const auto shown = order.shown(i);
    REQUIRE(shown.has_value());
    if (i == 4) CHECK(shown->sequence == 3);  // One behind, until
    if (i == 5) {                             // the restart.
      CHECK(shown->sequence == 5);
      CHECK(shown->missing == 1);
    }
  }
  CHECK(order.next_sequence() == 10);
  CHECK(order.finish() == 0);
}

TEST_CASE("pictures that wait past the limit are counted as lost, the oldest first") {
  FrameOrder order(0, true);
  const std::uint64_t sent = limits::undecoded_packets_max + 5;
  for (std::uint64_t i = 0; i < sent; ++i) order.sent(i, static_cast<std::int64_t>(i), false);
  CHECK(order.next_sequence() == 5);
  const auto shown = order.shown(5);
  CHECK(shown->sequence == 5);
  CHECK(shown->missing == 5);
}

}  // namespace
}  // namespace omma
