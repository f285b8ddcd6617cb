#include "runtime/cell/turn_watch.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <thread>

#include "runtime/base/limits.hpp"

using namespace std::chrono_literals;

namespace omma {
namespace {

constexpr ActorId east{1, 2};

std::vector<std::int64_t> told_ms(TurnWatch& watch, Instant begin, std::initializer_list<int> at) {
  std::vector<std::int64_t> told;
  for (const int ms : at) {
    for (const LongTurn& turn : watch.look(begin + std::chrono::milliseconds(ms))) {
      told.push_back(turn.running / 1ms);
    }
  }
  return told;
}

}  // namespace

TEST_CASE(
    "a turn that stays is named once it is past the limit, and again each time twice as late") {
  TurnWatch watch;
  watch.enter(east, "tracker 'east'");
  const Instant begin = instant_of(0);
  watch.begin(east, TurnCause::timer, 7);
  CHECK(watch.look(begin).empty());
  CHECK(watch.look(begin + limits::turn_alarm_after - 1ms).empty());
  CHECK(watch.long_turns().empty());
  const auto first = watch.look(begin + limits::turn_alarm_after);
  REQUIRE(first.size() == 1);
  CHECK(first[0].actor == east);
  CHECK(first[0].name == "tracker 'east'");
  CHECK(first[0].doing == "timer 7");
  CHECK(first[0].running == limits::turn_alarm_after);
  CHECK_FALSE(first[0].ended);
  CHECK(told_ms(watch, begin, {1250, 1500, 2000, 2250, 3000, 4000, 7000, 8000}) ==
        std::vector<std::int64_t>{2000, 4000, 8000});
  REQUIRE(watch.long_turns().size() == 1);
  CHECK(watch.long_turns()[0].running == 8s);
}

TEST_CASE("the end of a turn that took too long is told once") {
  TurnWatch watch;
  watch.enter(east, "tracker 'east'");
  watch.begin(east, TurnCause::message, 0xabc);
  static_cast<void>(watch.look(instant_of(0)));
  REQUIRE(watch.look(instant_of(0) + 3s).size() == 1);
  watch.end();
  const auto news = watch.look(instant_of(0) + 3250ms);
  REQUIRE(news.size() == 1);
  CHECK(news[0].ended);
  CHECK(news[0].running == 3s);
  CHECK(news[0].doing == "a message of type 0x0000000000000abc");
  CHECK(watch.look(instant_of(0) + 4s).empty());
  CHECK(watch.long_turns().empty());
}

TEST_CASE("turns that come and go are nobody's business, however long an actor is busy") {
  TurnWatch watch;
  for (int i = 0; i < 100; ++i) {
    watch.begin(east, TurnCause::message, 1);
    CHECK(watch.look(instant_of(0) + i * 250ms).empty());
    watch.end();
  }
}

TEST_CASE("each thread's turn is watched by itself") {
  TurnWatch watch;
  const ActorId west{3, 4};
  watch.enter(east, "tracker 'east'");
  watch.begin(east, TurnCause::other, 0);
  std::thread([&] { watch.begin(west, TurnCause::job, 5); }).join();
  static_cast<void>(watch.look(instant_of(0)));
  const auto turns = watch.look(instant_of(0) + 1s);
  REQUIRE(turns.size() == 2);
  CHECK(turns[0].name == "tracker 'east'");
  CHECK(turns[1].name == "actor " + west.short_text());  // It never said its name.
}

TEST_CASE("an actor that comes back before its earlier cell has gone keeps its name") {
  TurnWatch watch;
  watch.enter(east, "tracker 'east'");
  watch.enter(east, "tracker 'east'");
  watch.leave(east);
  watch.begin(east, TurnCause::other, 0);
  static_cast<void>(watch.look(instant_of(0)));
  CHECK(watch.look(instant_of(0) + 1s).at(0).name == "tracker 'east'");
}

}  // namespace omma
