// Cells and strands as CAF actors, on its test scheduler.
#include "runtime/cell/caf_scheduler.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/caf_world.hpp"
#include "tests/support/puppet.hpp"

using namespace std::chrono_literals;

namespace omma::test {
namespace {

// Puppets in cells that reach each other by a table; each packet leaves a line in the trace.
struct CellWorld {
  CellWorld() : type(puppet_type(scripts)) {}
  ~CellWorld() {
    for (const auto& [id, cell] : cells) cell.stop();
    caf.settle();
  }

  class Port final : public CellPort {
   public:
    Port(CellWorld& world, Cell self) : world_(world), self_(std::move(self)) { ++world_.ports; }
    ~Port() override { --world_.ports; }
    Instant now() const override { return world_.caf.clock().now(); }
    WallTime wall_now() const override { return world_.caf.clock().wall_now(); }
    void send(Packet packet) override {
      world_.note(packet);
      const auto found = world_.cells.find(destination_of(packet));
      if (found != world_.cells.end()) found->second.put(std::move(packet));
    }
    void remember(std::shared_ptr<const StageSpec>) override {}
    void ask_directory(const ActorId& target) override {
      world_.trace.push_back("ask " + target.short_text());
    }
    void run(ExecutorKind, std::uint64_t job, Job work) override {
      self_.put(CellInput{CellInput::JobResult{job, work()}});
    }
    void keep(CellCheckpoint) override {}
    void retire() override { world_.trace.push_back("retire"); }
    void log(const std::string& text) override { world_.trace.push_back(text); }

   private:
    CellWorld& world_;
    Cell self_;
  };

  void begin(const Ref<Puppet>& who) {
    const Cell cell = caf.scheduler.spawn(
        {{who.id, who.spec->type, who.spec->name, who.spec->config, 1, 1},
         type,
         [this](const Cell& self) { return std::make_unique<Port>(*this, self); }});
    cells.emplace(who.id, cell);
    cell.put(CellInput{CellInput::FlushAcks{}});
    caf.settle();
  }
  void put(const Ref<Puppet>& in, std::function<void(Turn&)> run) {
    cells.at(in.id).put(CellInput{CellInput::Command{std::move(run)}});
  }
  void note(const Packet& packet) {
    std::ostringstream line;
    line << nanoseconds_of(caf.clock().now()) << ' ' << packet.index() << ' '
         << destination_of(packet).short_text();
    if (const auto* ack = std::get_if<Ack>(&packet)) {
      ++acks;
      line << ' ' << ack->next;
    } else if (const auto* envelope = std::get_if<Envelope>(&packet)) {
      ++envelopes;
      line << ' ' << envelope->sequence;
    }
    trace.push_back(line.str());
  }

  Scripts scripts;
  ActorType type;
  std::map<ActorId, Cell> cells;
  std::vector<std::string> trace;
  std::size_t acks = 0;
  std::size_t envelopes = 0;
  int ports = 0;
  CafWorld caf;
};

const auto a = puppet("a");
const auto b = puppet("b");

TEST_CASE("cells send each other messages and acknowledge many at once") {
  CellWorld world;
  world.begin(a);
  world.begin(b);
  world.put(a, [](Turn& turn) {
    for (std::uint64_t i = 1; i <= 1000; ++i) turn.send<Number>(b, number(i));
  });
  world.caf.settle();
  CHECK(world.scripts["b"].numbers() == numbers_up_to(1000));
  CHECK(world.envelopes == 1000);
  CHECK(world.acks >= 1);
  CHECK(world.acks <= 20);
}

TEST_CASE("a cell wakes up in time for its timers, the earlier of two first") {
  CellWorld world;
  std::vector<std::pair<std::uint64_t, Duration>> fired;
  world.begin(a);
  const Instant begin = world.caf.clock().now();
  world.scripts["a"].on_timer = [&](PuppetBody&, std::uint64_t timer, Turn& turn) {
    fired.push_back({timer, turn.now() - begin});
    if (timer == 3) turn.set_timer(4, 1ms);
  };
  world.put(a, [](Turn& turn) { turn.set_timer(1, 50ms); });
  world.caf.settle();
  world.put(a, [](Turn& turn) {  // Earlier than the wake-up that is on its way.
    turn.set_timer(2, 10ms);
    turn.set_timer(3, 20ms);
  });
  world.caf.advance(1s);
  CHECK(fired == std::vector<std::pair<std::uint64_t, Duration>>{
                     {2, 10ms}, {3, 20ms}, {4, 21ms}, {1, 50ms}});
  CHECK_FALSE(world.caf.next_delayed().has_value());
}

TEST_CASE("a cell whose message is not acknowledged probes and asks the directory") {
  CellWorld world;
  world.begin(a);
  world.put(a, [](Turn& turn) { turn.send<Number>(b, number(1)); });
  world.caf.advance(limits::resend_after * 20);
  const std::string asked = "ask " + b.id.short_text();
  CHECK(std::count(world.trace.begin(), world.trace.end(), asked) >= 1);
  world.begin(b);
  world.caf.advance(limits::resend_after_max * 2);
  CHECK(world.scripts["b"].numbers() == numbers_up_to(1));
}

TEST_CASE("a stopped cell acknowledges what it did, ends, and ignores what comes after") {
  CellWorld world;
  world.begin(a);
  world.begin(b);
  world.put(a, [](Turn& turn) { turn.send<Number>(b, number(1)); });
  world.cells.at(b.id).stop();
  world.put(b, [](Turn&) { FAIL("a turn after the end"); });
  CHECK(world.ports == 2);
  world.caf.settle();
  CHECK(world.ports == 1);
  CHECK(world.scripts["b"].live == nullptr);
}

TEST_CASE("a cell that is stopped before anything else still lets go of its port") {
  CellWorld world;
  const Cell cell = world.caf.scheduler.spawn(
      {{a.id, "puppet", "a", a.spec->config, 1, 1}, world.type, [&](const Cell& self) {
         return std::make_unique<CellWorld::Port>(world, self);
       }});
  cell.stop();
  world.caf.settle();
  CHECK(world.ports == 0);
}

TEST_CASE("a report is given in between turns") {
  CellWorld world;
  world.begin(a);
  std::optional<CellReport> report;
  world.put(a, [](Turn& turn) { turn.send<Number>(b, number(1)); });
  world.cells.at(a.id).put(
      CellInput{CellInput::ReportWanted{[&](CellReport given) { report = std::move(given); }}});
  world.caf.settle();
  REQUIRE(report.has_value());
  CHECK(report->health.turns == 2);
  CHECK(report->out.at(0).in_flight == 1);
}

TEST_CASE("the same calls give the same trace") {
  const auto run = [] {
    CellWorld world;
    world.begin(a);
    world.begin(b);
    world.scripts["b"].on_number = [](PuppetBody& body, std::uint64_t value, Turn& turn) {
      body.numbers.push_back(value);
      if (turn.random().chance(0.5)) turn.send<Number>(a, number(value));
      turn.set_timer(value, std::chrono::microseconds(turn.random().below(1000)));
    };
    world.scripts["b"].on_timer = [](PuppetBody& body, std::uint64_t timer, Turn& turn) {
      turn.run([timer] { return Result<Message>(number_message(timer + 1000)); });
      body.numbers.push_back(timer);
    };
    for (std::uint64_t i = 1; i <= 50; ++i) {
      world.put(a, [i](Turn& turn) { turn.send<Number>(b, number(i)); });
      world.caf.advance(100us);
    }
    world.caf.advance(1s);
    return world.trace;
  };
  const auto first = run();
  CHECK(first.size() > 100);
  CHECK(first == run());
}

TEST_CASE("a strand runs its tasks in order, and delayed ones in time") {
  CafWorld world;
  std::vector<std::string> order;
  Strand strand(world.scheduler);
  strand.post_after(20ms, [&] { order.push_back("later"); });
  strand.post_after(10ms, [&] { order.push_back("soon"); });
  strand.post([&] {
    order.push_back("first");
    strand.post([&] { order.push_back("third"); });
  });
  strand.post([&] { order.push_back("second"); });
  CHECK(order.empty());
  world.settle();
  CHECK(order == std::vector<std::string>{"first", "second", "third"});
  world.advance(15ms);
  CHECK(order.back() == "soon");
  world.advance(15ms);
  CHECK(order.back() == "later");
}

TEST_CASE("nothing of a strand runs after it has gone") {
  CafWorld world;
  unsigned ran = 0;
  {
    Strand strand(world.scheduler);
    strand.post([&] { ++ran; });
    world.settle();
    strand.post([&] { ++ran; });
    strand.post_after(10ms, [&] { ++ran; });
  }
  world.advance(20ms);
  CHECK(ran == 1);
}

TEST_CASE("closing a strand waits for the task that runs") {
  caf::actor_system_config config;
  configure_cells(config, 1, false);
  caf::actor_system system(config);
  CafScheduler scheduler(system);
  Strand strand(scheduler);
  std::promise<void> begun;
  std::atomic<bool> finished{false};
  strand.post([&] {
    begun.set_value();
    std::this_thread::yield();
    finished = true;
  });
  begun.get_future().wait();
  strand.close();
  CHECK(finished);
}

}  // namespace
}  // namespace omma::test
