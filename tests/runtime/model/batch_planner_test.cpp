#include "runtime/model/batch_planner.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "runtime/base/random.hpp"

namespace omma {
namespace {

using namespace std::chrono_literals;

Instant at(Duration since_start) {
  return instant_of(0) + since_start;
}

ActorId stream(std::uint64_t number) {
  return ActorId{0, number};
}

BatchPlanner planner_of(std::size_t batch_frames_max, Duration wait_max = 20ms,
                        std::size_t frames_waiting_max = 64) {
  auto planner = BatchPlanner::create({batch_frames_max, wait_max, frames_waiting_max, 1});
  REQUIRE(planner.ok());
  return *std::move(planner);
}

std::vector<std::uint64_t> tickets(const BatchPlanner::Decision& decision) {
  std::vector<std::uint64_t> out;
  for (const WaitingFrame& frame : decision.run) out.push_back(frame.ticket);
  return out;
}

void add_every_frame(BatchPlanner& planner, std::uint64_t number, std::uint64_t ticket,
                     Duration when) {
  const auto dropped = planner.add(stream(number), StreamMode::every_frame, ticket, at(when));
  REQUIRE(dropped.ok());
  CHECK(dropped->empty());
}

TEST_CASE("nothing waiting means nothing to do and nobody to wake") {
  BatchPlanner planner = planner_of(4);
  const auto decision = planner.decide(at(0ms));
  CHECK(decision.run.empty());
  CHECK_FALSE(decision.wake_at.has_value());
}

TEST_CASE("a lone stream never waits, since nobody else is expected") {
  BatchPlanner planner = planner_of(4);
  add_every_frame(planner, 1, 10, 0ms);
  CHECK(tickets(planner.decide(at(0ms))) == std::vector<std::uint64_t>{10});
  CHECK(planner.frames_waiting() == 0);
}

TEST_CASE("a frame waits for the other open stream until its time is up") {
  BatchPlanner planner = planner_of(4);
  add_every_frame(planner, 1, 10, 0ms);
  add_every_frame(planner, 2, 20, 0ms);
  CHECK(tickets(planner.decide(at(0ms))) == std::vector<std::uint64_t>{10, 20});

  add_every_frame(planner, 1, 11, 5ms);
  const auto waiting = planner.decide(at(6ms));
  CHECK(waiting.run.empty());
  CHECK(waiting.wake_at == at(25ms));
  CHECK(planner.decide(at(25ms) - Duration(1)).run.empty());
  CHECK(tickets(planner.decide(at(25ms))) == std::vector<std::uint64_t>{11});
}

TEST_CASE("a deadline earlier than wait_max is kept, a later one changes nothing") {
  BatchPlanner planner = planner_of(4);
  add_every_frame(planner, 2, 20, 0ms);
  CHECK(planner.decide(at(0ms)).run.size() == 1);
  REQUIRE(planner.add(stream(1), StreamMode::every_frame, 10, at(0ms), at(7ms)).ok());
  CHECK(planner.decide(at(0ms)).wake_at == at(7ms));
  CHECK(planner.decide(at(7ms)).run.size() == 1);
  REQUIRE(planner.add(stream(1), StreamMode::every_frame, 11, at(10ms), at(1s)).ok());
  CHECK(planner.decide(at(10ms)).wake_at == at(30ms));
}

TEST_CASE("a closed stream is waited for no longer, and what it brought still runs") {
  BatchPlanner planner = planner_of(4);
  add_every_frame(planner, 1, 10, 0ms);
  add_every_frame(planner, 2, 20, 0ms);
  CHECK(planner.decide(at(0ms)).run.size() == 2);
  add_every_frame(planner, 1, 11, 1ms);
  CHECK(planner.decide(at(1ms)).run.empty());
  planner.close(stream(2));
  CHECK(tickets(planner.decide(at(1ms))) == std::vector<std::uint64_t>{11});

  add_every_frame(planner, 1, 12, 2ms);
  planner.close(stream(1));
  CHECK(tickets(planner.decide(at(2ms))) == std::vector<std::uint64_t>{12});
}

TEST_CASE("a stream that was closed with a frame waiting is forgotten once that has run") {
  BatchPlanner planner = planner_of(4);
  add_every_frame(planner, 1, 10, 0ms);
  CHECK(planner.decide(at(0ms)).run.size() == 1);
  add_every_frame(planner, 2, 20, 0ms);
  planner.close(stream(2));
  CHECK(tickets(planner.decide(at(20ms))) == std::vector<std::uint64_t>{20});
  add_every_frame(planner, 1, 11, 21ms);
  CHECK(tickets(planner.decide(at(21ms))) == std::vector<std::uint64_t>{11});
}

TEST_CASE("a full batch starts at once and takes no more than it may") {
  BatchPlanner planner = planner_of(2);
  add_every_frame(planner, 9, 90, 0ms);
  CHECK(planner.decide(at(0ms)).run.size() == 1);  // Stream 9 stays open and silent.
  for (std::uint64_t ticket = 1; ticket <= 5; ++ticket) add_every_frame(planner, 1, ticket, 1ms);
  CHECK(tickets(planner.decide(at(1ms))) == std::vector<std::uint64_t>{1, 2});
  CHECK(tickets(planner.decide(at(1ms))) == std::vector<std::uint64_t>{3, 4});
  const auto rest = planner.decide(at(1ms));
  CHECK(rest.run.empty());
  CHECK(rest.wake_at == at(21ms));
}

TEST_CASE("streams take turns and a flood of one does not keep the others waiting") {
  BatchPlanner planner = planner_of(4);
  for (std::uint64_t ticket = 100; ticket < 110; ++ticket) {
    add_every_frame(planner, 1, ticket, 0ms);
  }
  add_every_frame(planner, 2, 200, 1ms);
  add_every_frame(planner, 3, 300, 1ms);
  CHECK(tickets(planner.decide(at(1ms))) == std::vector<std::uint64_t>{100, 200, 300, 101});
  // The next batch begins after the stream that was served last.
  add_every_frame(planner, 2, 201, 2ms);
  add_every_frame(planner, 3, 301, 2ms);
  CHECK(tickets(planner.decide(at(2ms))) == std::vector<std::uint64_t>{201, 301, 102, 103});
}

TEST_CASE("with more streams than a batch holds, each is served within its share of batches") {
  BatchPlanner planner = planner_of(4);
  constexpr std::uint64_t streams = 10;
  for (std::uint64_t round = 0; round < 3; ++round) {
    for (std::uint64_t s = 1; s <= streams; ++s) add_every_frame(planner, s, s, 0ms);
  }
  std::map<std::uint64_t, std::size_t> last_batch;
  for (std::size_t batch = 0; planner.frames_waiting() > 0; ++batch) {
    for (const std::uint64_t s : tickets(planner.decide(at(20ms)))) {
      const auto before = last_batch.find(s);
      if (before != last_batch.end()) CHECK(batch - before->second <= 3);
      last_batch[s] = batch;
    }
  }
  CHECK(planner.frames_run() == 3 * streams);
}

TEST_CASE("in a live stream the newest frame wins and the older one is reported") {
  BatchPlanner planner = planner_of(8);
  add_every_frame(planner, 9, 90, 0ms);
  CHECK(planner.decide(at(0ms)).run.size() == 1);
  REQUIRE(planner.add(stream(1), StreamMode::live, 10, at(0ms)).ok());
  const auto dropped = planner.add(stream(1), StreamMode::live, 11, at(3ms));
  REQUIRE(dropped.ok());
  REQUIRE(dropped->size() == 1);
  CHECK(dropped->front().frame.ticket == 10);
  CHECK(dropped->front().reason == FrameDropReason::newer_frame);
  CHECK(planner.frames_dropped() == 1);
  // The newer frame has its own time to wait.
  CHECK(planner.decide(at(3ms)).wake_at == at(23ms));
  CHECK(tickets(planner.decide(at(23ms))) == std::vector<std::uint64_t>{11});
}

TEST_CASE("a full planner drops the oldest live frame and never one of an every-frame stream") {
  BatchPlanner planner = planner_of(8, 20ms, 3);
  add_every_frame(planner, 1, 10, 0ms);
  REQUIRE(planner.add(stream(2), StreamMode::live, 20, at(1ms)).ok());
  REQUIRE(planner.add(stream(3), StreamMode::live, 30, at(2ms)).ok());
  const auto dropped = planner.add(stream(1), StreamMode::every_frame, 11, at(3ms));
  REQUIRE(dropped.ok());
  REQUIRE(dropped->size() == 1);
  CHECK(dropped->front().frame.ticket == 20);
  CHECK(dropped->front().reason == FrameDropReason::planner_full);
}

TEST_CASE("a planner full of every-frame frames refuses the next and drops a live newcomer") {
  BatchPlanner planner = planner_of(8, 20ms, 2);
  add_every_frame(planner, 1, 10, 0ms);
  add_every_frame(planner, 1, 11, 0ms);
  const auto refused = planner.add(stream(1), StreamMode::every_frame, 12, at(1ms));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Code::overloaded);
  CHECK(refused.error().message.find("limit 2") != std::string::npos);
  const auto dropped = planner.add(stream(2), StreamMode::live, 20, at(1ms));
  REQUIRE(dropped.ok());
  REQUIRE(dropped->size() == 1);
  CHECK(dropped->front().frame.ticket == 20);
  CHECK(planner.frames_waiting() == 2);
}

TEST_CASE("options that cannot work are refused") {
  CHECK(BatchPlanner::create({0, 20ms, 64, 1}).error().code == Code::invalid_argument);
  CHECK(BatchPlanner::create({8, 20ms, 0, 1}).error().code == Code::invalid_argument);
  CHECK(BatchPlanner::create({8, 20ms, 64, 0}).error().code == Code::invalid_argument);
  CHECK(BatchPlanner::create({8, -1ms, 64, 1}).error().code == Code::invalid_argument);
  CHECK(BatchPlanner::create({limits::batch_frames_max + 1, 20ms, 64, 1}).error().code ==
        Code::over_limit);
}

// Streams of both kinds, arrivals, closings and idle moments at random.
TEST_CASE("every frame is run, dropped or waiting, in order within its stream, and in time") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    SeededRandom random(seed);
    const std::size_t batch_max = 1 + random.below(6);
    BatchPlanner planner = planner_of(batch_max, 10ms, 4 + random.below(12));
    std::uint64_t added = 0;
    std::uint64_t run = 0;
    std::uint64_t dropped_count = 0;
    std::map<ActorId, std::uint64_t> newest_run;
    Duration now{0};
    for (int step = 0; step < 300; ++step) {
      now += Duration(static_cast<std::int64_t>(random.below(4'000'000)));
      const ActorId id = stream(1 + random.below(5));
      if (random.chance(0.05)) {
        planner.close(id);
      } else if (random.chance(0.7)) {
        const StreamMode mode = id.low % 2 == 0 ? StreamMode::live : StreamMode::every_frame;
        const auto result = planner.add(id, mode, added + 1, at(now));
        if (!result) continue;  // Held back, not taken.
        ++added;
        dropped_count += result->size();
        for (const DroppedFrame& drop : *result) CHECK(drop.frame.stream.low % 2 == 0);
      } else {
        const auto decision = planner.decide(at(now));
        CHECK(decision.run.size() <= batch_max);
        if (decision.wake_at) CHECK(*decision.wake_at > at(now));
        if (decision.run.empty() && !decision.wake_at) CHECK(planner.frames_waiting() == 0);
        run += decision.run.size();
        for (const WaitingFrame& frame : decision.run) {
          CHECK(frame.ticket > newest_run[frame.stream]);
          newest_run[frame.stream] = frame.ticket;
        }
      }
      REQUIRE(added == run + dropped_count + planner.frames_waiting());
    }
    CHECK(planner.frames_run() == run);
    CHECK(planner.frames_dropped() == dropped_count);
  }
}

}  // namespace
}  // namespace omma
