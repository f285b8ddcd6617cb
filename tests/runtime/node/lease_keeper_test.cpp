#include "runtime/node/lease_keeper.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <vector>

#include "schemas/control.capnp.h"
#include "tests/support/caf_world.hpp"

using namespace std::chrono_literals;

namespace omma::test {
namespace {

const LeaseTimes times{6s, 1s};
const NodeId east{"east", {1, 1}, 1};

Message granted(Duration ttl, const std::string& lost, std::int64_t time_ns) {
  return Message::build<wire::LeaseGranted>([&](wire::LeaseGranted::Builder out) {
    out.setTtlNs(static_cast<std::uint64_t>(ttl.count()));
    out.setHoldNs(1'000'000'000);
    if (!lost.empty()) out.initLost(1)[0].setName(lost);
    out.setReceivedNs(time_ns);
    out.setAnsweredNs(time_ns);
  });
}

// A keeper, with a head that answers as it is told.
struct KeptNode {
  enum class Head { answers, is_silent, is_down, calls_it_dead };

  KeptNode() {
    auto made = make_log({.text_to_terminal = false}, caf.clock());
    REQUIRE(made.ok());
    log = *made;
    keeper = std::make_unique<LeaseKeeper>(
        east, times, caf.clock().now(),
        LeaseKeeperServices{caf.scheduler, caf.clock(), *log,
                            [this](const Message& request, Duration, const Answer& answer) {
                              ask(request, answer);
                            },
                            [this](Duration, const std::function<void(bool)>& answer) {
                              ++knocks;
                              answer(head == Head::is_down);
                            },
                            [this](Instant until) { may_work_until = until; },
                            [this](bool now_fenced) {
                              fenced = now_fenced;
                              events.push_back(now_fenced ? "fenced" : "free");
                            },
                            [this](const std::vector<NodeId>& nodes) {
                              for (const NodeId& node : nodes) lost.push_back(node.name);
                            },
                            [this](const Error& why) {
                              events.push_back("dead");
                              REQUIRE(why.code == Code::conflict);
                            }});
    keeper->begin();
    caf.settle();
  }
  void ask(const Message& request, const Answer& answer) {
    REQUIRE(request.is<wire::RenewLease>());
    CHECK(request.as<wire::RenewLease>().getNode().getIncarnationLow() == 1);
    ++asked;
    switch (head) {
      case Head::answers:
        return answer(granted(ttl, head_says_lost, head_time()));
      case Head::calls_it_dead:
        return answer(Error{Code::conflict, "node east is declared dead"});
      case Head::is_silent:
      case Head::is_down:
        return answer(Error{Code::unavailable, "no answer"});
    }
  }
  // By the head's clock; 0: it does not say.
  std::int64_t head_time() {
    return head_clock_ahead ? nanoseconds_of(caf.clock().now() + *head_clock_ahead) : 0;
  }
  bool may_work() const { return !fenced && caf.clock().now() < may_work_until; }

  CafWorld caf;
  std::shared_ptr<Log> log;
  Head head = Head::answers;
  std::optional<Duration> head_clock_ahead;
  Duration ttl = 6s;
  std::string head_says_lost;
  Instant may_work_until{};
  bool fenced = false;
  std::size_t asked = 0;
  std::size_t knocks = 0;
  std::vector<std::string> events;
  std::vector<std::string> lost;
  std::unique_ptr<LeaseKeeper> keeper;
};

TEST_CASE("while the head answers the node works, and asks four times a lease") {
  KeptNode node;
  CHECK(node.asked == 1);
  for (int i = 0; i < 120; ++i) {
    node.caf.advance(500ms);
    REQUIRE(node.may_work());
  }
  CHECK(node.asked == 41);
  CHECK(node.knocks == 0);
  CHECK(node.events.empty());
  CHECK(node.keeper->counters().granted == 41);
}

TEST_CASE("without an answer the node stands still in time, and goes on when the head is back") {
  KeptNode node;
  node.caf.advance(10s);
  node.head = KeptNode::Head::is_silent;
  node.caf.advance(2400ms);  // The last grant was asked for at 9 s.
  CHECK(node.may_work());
  node.caf.advance(600ms + 1ms);
  CHECK_FALSE(node.may_work());
  CHECK(node.events == std::vector<std::string>{"fenced"});
  CHECK(node.knocks > 0);
  node.caf.advance(60s);
  CHECK(node.events == std::vector<std::string>{"fenced"});
  node.head = KeptNode::Head::answers;
  node.caf.advance(1500ms);
  CHECK(node.may_work());
  CHECK(node.events == std::vector<std::string>{"fenced", "free"});
  CHECK(node.keeper->counters().in_doubt == 1);
}

TEST_CASE("while no head runs the node works on") {
  KeptNode node;
  node.head = KeptNode::Head::is_down;
  for (int i = 0; i < 120; ++i) {
    node.caf.advance(500ms);
    REQUIRE(node.may_work());
  }
  CHECK(node.keeper->counters().head_down > 10);
  CHECK(node.events.empty());
}

TEST_CASE("a head that goes down when the lease is in doubt proves nothing any more") {
  KeptNode node;
  node.head = KeptNode::Head::is_silent;
  node.caf.advance(5s);
  CHECK_FALSE(node.may_work());
  node.head = KeptNode::Head::is_down;
  node.caf.advance(60s);
  CHECK_FALSE(node.may_work());
  node.head = KeptNode::Head::answers;
  node.caf.advance(2s);
  CHECK(node.may_work());
}

TEST_CASE("a node that is declared dead is told once, stands still and asks no more") {
  KeptNode node;
  node.head = KeptNode::Head::calls_it_dead;
  node.caf.advance(2s);
  CHECK(node.events == std::vector<std::string>{"fenced", "dead"});
  const std::size_t asked = node.asked;
  node.head = KeptNode::Head::answers;
  node.caf.advance(60s);
  CHECK(node.asked == asked);
  CHECK(node.events == std::vector<std::string>{"fenced", "dead"});
}

TEST_CASE("the head's length of a lease counts, not the node's own") {
  KeptNode node;
  node.ttl = 1200ms;
  node.caf.advance(2s);
  node.head = KeptNode::Head::is_silent;
  node.caf.advance(801ms);
  CHECK_FALSE(node.may_work());
}

TEST_CASE("with a renewal comes word of the others that are dead") {
  KeptNode node;
  CHECK(node.lost.empty());
  node.head_says_lost = "west";
  node.caf.advance(1500ms);
  CHECK(node.lost == std::vector<std::string>{"west"});
}

TEST_CASE("the head's clock is known from the renewals, if it tells the time") {
  KeptNode node;
  node.caf.advance(2s);
  CHECK_FALSE(node.keeper->head_clock());
  node.head_clock_ahead = 90s;
  node.caf.advance(2s);
  const auto clock = node.keeper->head_clock();
  REQUIRE(clock);
  CHECK(clock->ahead == 90s);
  CHECK(clock->error < 1ms);
}

TEST_CASE("after close nothing is asked or told") {
  KeptNode node;
  node.keeper->close();
  const std::size_t asked = node.asked;
  node.caf.advance(60s);
  CHECK(node.asked == asked);
  CHECK(node.events.empty());
}

}  // namespace
}  // namespace omma::test
