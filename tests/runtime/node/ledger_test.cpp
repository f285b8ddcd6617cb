// The ledger's laws over whole pipelines: what cells count must add up, whatever is lost.
#include <catch2/catch.hpp>

#include <chrono>

#include "runtime/node/host.hpp"
#include "tests/runtime/cell/puppet_world.hpp"

namespace omma::test {
namespace {

const auto camera = puppet("camera");
const auto middle = puppet("middle");
const auto last = puppet("last");

// camera -> middle, which filters, fails, holds or hands on by chance -> last.
struct Pipeline : PuppetWorld {
  explicit Pipeline(std::uint64_t seed) : random(seed) {
    scripts["camera"].on_number = [](PuppetBody& body, std::uint64_t value, Turn& turn) {
      turn.captured("lobby", value);
      if (value % 17 == 0) return turn.filtered("too dark");
      body.out.publish(turn, number(value));
    };
    Script& script = scripts["middle"];
    script.on_number = [this](PuppetBody& body, std::uint64_t value, Turn& turn) {
      switch (turn.random().below(6)) {
        case 0:
          return turn.filtered("dull");
        case 1:
          return turn.failed("blurred");
        case 2:
          held.push_back(turn.hold());
          turn.set_timer(1, std::chrono::milliseconds(50));
          return;
        case 3:
          throw std::runtime_error("always for this turn");
        default:
          body.out.publish(turn, number(value));
          body.numbers.push_back(value);
      }
    };
    script.on_timer = [this](PuppetBody&, std::uint64_t, Turn& turn) {
      for (const HeldMessage& message : held) turn.release(message, Fate::filtered, "late");
      held.clear();
    };
    script.on_resume = [this](PuppetBody&, Turn&) { held.clear(); };
    lose = [this](const Packet& packet) {
      const auto* envelope = std::get_if<Envelope>(&packet);
      const bool from_test = envelope != nullptr && envelope->stream.sender == ActorId{0, 1};
      return !from_test && random.chance(loss);
    };
  }
  Accounts accounts() {
    std::vector<Accounts> all;
    for (const ActorId& id : ids()) all.push_back(accounts_of(find(id)->report()));
    Accounts merged = merge(all);
    // The test's own messages have a receiver only.
    std::erase_if(merged.edges, [](const EdgeAccount& edge) {
      return edge.stream.sender == ActorId{0, 1};
    });
    return merged;
  }

  SeededRandom random;
  double loss = 0;
  std::vector<HeldMessage> held;
};

std::string text_of(const std::vector<Violation>& violations) {
  std::string text;
  for (const Violation& v : violations) text += v.law + " / " + v.what + " / " + v.numbers + "\n";
  return text;
}

const StageAccount& stage_of(const Accounts& accounts, const ActorId& id) {
  for (const StageAccount& stage : accounts.stages) {
    if (stage.id == id) return stage;
  }
  FAIL("no such stage");
  std::abort();
}

TEST_CASE("the ledger's laws hold at any time, and exactly when all is quiet") {
  const std::uint64_t seed = GENERATE(range(1u, 13u));
  const bool reliable = GENERATE(true, false);
  INFO("seed " << seed << (reliable ? ", reliable" : ", fresh"));
  Pipeline world(seed);
  const auto options = [&](std::uint64_t messages) {
    return reliable ? reliably(messages * small_message_bytes)
                    : freshly(messages * small_message_bytes, 3);
  };
  world.subscribe(middle, camera, options(8));
  world.subscribe(last, middle, options(4));
  world.loss = 0.15;
  for (std::uint64_t i = 1; i <= 200; ++i) {
    world.send_number(camera, i);
    if (world.random.chance(0.3)) {
      world.advance(std::chrono::milliseconds(world.random.below(300)));
    }
    const auto violations = ledger_check(world.accounts(), false);
    INFO(text_of(violations));
    REQUIRE(violations.empty());
  }
  world.advance(std::chrono::minutes(5));
  world.loss = 0;
  world.advance(std::chrono::minutes(1));

  const Accounts accounts = world.accounts();
  const auto violations = ledger_check(accounts, true);
  INFO(text_of(violations));
  CHECK(violations.empty());
  REQUIRE(accounts.cameras.size() == 1);
  CHECK(accounts.cameras[0].captured == 200);
  const StageFlow own = stage_of(accounts, camera.id).by_origin.at(camera.id.low);
  CHECK(own.received == 200);
  CHECK(own.filtered.at("too dark") == 200 / 17);
  const StageFlow flow = stage_of(accounts, middle.id).by_origin.at(camera.id.low);
  CHECK(flow.held == 0);
  CHECK(flow.filtered.at("dull") > 0);
  CHECK(flow.filtered.at("late") > 0);
  CHECK(flow.failed.at("blurred") > 0);
  CHECK(flow.failed.at("turn threw") > 0);
  if (!reliable) return;
  CHECK(flow.received == own.emitted);
  const auto handed_on = world.scripts["middle"].numbers();
  CHECK(flow.emitted == handed_on.size());
  CHECK(world.scripts["last"].numbers() == handed_on);
}

TEST_CASE("the accounts of a camera's ways name where each frame ended") {
  Pipeline world(1);
  world.subscribe(middle, camera, reliably());
  for (std::uint64_t i = 1; i <= 100; ++i) world.send_number(camera, i);
  world.advance(std::chrono::seconds(1));
  const Accounts accounts = world.accounts();
  std::uint64_t frames = 0;
  const auto paths = paths_of(accounts, accounts.cameras.at(0));
  REQUIRE(paths.size() == 1);
  for (const Ending& ending : paths[0].endings) frames += ending.frames;
  CHECK(frames == 100);
}

}  // namespace
}  // namespace omma::test
