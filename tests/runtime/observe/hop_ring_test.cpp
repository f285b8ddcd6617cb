#include "runtime/observe/hop_ring.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>

using namespace std::chrono_literals;

namespace omma::test {
namespace {

TraceHop hop_of(TraceId trace, std::uint64_t number) {
  return {.trace = trace,
          .actor = {number, number + 1},
          .peer = {number + 2, number + 3},
          .sequence = number + 4,
          .kind = TraceHop::Kind::departure,
          .channel = Channel::fresh,
          .queued = instant_of(static_cast<std::int64_t>(number)),
          .begun = instant_of(static_cast<std::int64_t>(number) + 10),
          .ended = instant_of(static_cast<std::int64_t>(number) + 20),
          .bytes = number + 5};
}

}  // namespace

TEST_CASE("a frame's hops come back whole and in their order, without those of other frames") {
  HopRing ring(8);
  const TraceHop first = hop_of({1, 7}, 100);
  const TraceHop second = hop_of({1, 7}, 200);
  ring.add(first);
  ring.add(hop_of({1, 8}, 300));
  ring.add(hop_of({2, 7}, 400));
  ring.add(second);
  CHECK(ring.of({1, 7}, 100) == std::vector<TraceHop>{first, second});
  CHECK(ring.of({1, 7}, 1) == std::vector<TraceHop>{second});
  CHECK(ring.of({3, 7}, 100).empty());
}

TEST_CASE("a full ring lets the oldest hops go and counts them") {
  HopRing ring(4);
  for (std::uint64_t i = 0; i < 10; ++i) ring.add(hop_of({1, 1}, i));
  const std::vector<TraceHop> kept = ring.of({1, 1}, 100);
  REQUIRE(kept.size() == 4);
  CHECK(kept.front() == hop_of({1, 1}, 6));
  CHECK(kept.back() == hop_of({1, 1}, 9));
  CHECK(ring.counters().added == 10);
  CHECK(ring.counters().overwritten == 6);
  CHECK(ring.counters().lost == 0);
}

TEST_CASE("an extent spans a frame's hops, and the frames that ended last come first") {
  HopRing ring(16);
  ring.add(hop_of({1, 1}, 50));
  ring.add(hop_of({1, 2}, 500));
  ring.add(hop_of({1, 1}, 90));
  const auto extents = ring.extents(10);
  REQUIRE(extents.size() == 2);
  CHECK(extents[0].trace == TraceId{1, 2});
  CHECK(extents[1].trace == TraceId{1, 1});
  CHECK(extents[1].first == instant_of(50));
  CHECK(extents[1].last == instant_of(110));
  CHECK(ring.extents(1).size() == 1);
}

TEST_CASE("many threads write and one reads, and no hop is ever seen in part") {
  HopRing ring(64);
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> broken{0};
  std::thread reader([&] {
    while (!done) {
      for (const TraceHop& hop : ring.of({1, 1}, 64)) {
        if (!(hop == hop_of({1, 1}, hop.actor.high))) ++broken;
      }
    }
  });
  constexpr std::uint64_t each = 20'000;
  std::vector<std::thread> writers;
  for (std::uint64_t writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&ring, writer] {
      for (std::uint64_t i = 0; i < each; ++i) ring.add(hop_of({1, 1}, writer * each + i));
    });
  }
  for (std::thread& writer : writers) writer.join();
  done = true;
  reader.join();
  CHECK(broken == 0);
  CHECK(ring.counters().added == 4 * each);
  CHECK(ring.of({1, 1}, 64).size() <= 64);
}

}  // namespace omma::test
