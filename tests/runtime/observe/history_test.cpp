#include "runtime/observe/history.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temporary_folder.hpp"

namespace omma {
namespace {

const NodeId self{"cloud", {1, 2}, 1};

ActorRecord record_of(std::uint64_t epoch) {
  ActorRecord record;
  record.id = ActorId::of("puppet", std::string_view("p"));
  record.type = "puppet";
  record.epoch = epoch;
  record.life = 1;
  record.state = ActorRecord::State::active;
  record.node = self;
  return record;
}

std::vector<nlohmann::json> lines_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

TEST_CASE("a history says who began it, and each event with its numbers") {
  const TemporaryFolder folder;
  const auto file = folder.path() / "history.jsonl";
  ManualClock clock;
  const auto history = History::open(file, self, clock);
  REQUIRE(history.ok());
  clock.advance(Duration(5));
  const ActorId peer = ActorId::of("puppet", std::string_view("q"));
  (*history)->begun(record_of(3), History::Beginning::moved,
                    {{{peer, 2, Channel::stream, 7}}, {{peer, 2, Channel::control, 1, 4}}});
  (*history)->kept(record_of(3).id, 3, 9, false);
  const auto lines = lines_of(file);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0]["e"] == "started");
  CHECK(lines[0]["node"] == "cloud");
  CHECK(lines[0]["incarnation"] == self.incarnation.text());
  CHECK(lines[1]["t"] == 1'000'000'005);
  CHECK(lines[1]["e"] == "begun");
  CHECK(lines[1]["how"] == "moved");
  CHECK(lines[1]["epoch"] == 3);
  CHECK(lines[1]["in"] == nlohmann::json::parse("[[\"" + peer.text() + "\",2,\"stream\",7]]"));
  CHECK(lines[1]["out"] == nlohmann::json::parse("[[\"" + peer.text() + "\",2,\"control\",1,4]]"));
  CHECK(lines[2]["saved"] == false);
  CHECK((*history)->lines_lost() == 0);
}

TEST_CASE("a later incarnation's history follows the earlier one's in the same file") {
  const TemporaryFolder folder;
  const auto file = folder.path() / "history.jsonl";
  const ManualClock clock;
  REQUIRE(History::open(file, self, clock).ok());
  NodeId again = self;
  again.incarnation.low = 77;
  REQUIRE(History::open(file, again, clock).ok());
  const auto lines = lines_of(file);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0]["incarnation"] != lines[1]["incarnation"]);
}

TEST_CASE("lines of a history that several threads write are whole") {
  const TemporaryFolder folder;
  const auto file = folder.path() / "history.jsonl";
  const SystemClock clock;
  const auto history = History::open(file, self, clock);
  REQUIRE(history.ok());
  std::vector<std::thread> threads;
  for (std::uint64_t epoch = 1; epoch <= 4; ++epoch) {
    threads.emplace_back([&, epoch] {
      for (int i = 0; i < 200; ++i) (*history)->thawed(record_of(epoch));
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(lines_of(file).size() == 801);  // And each one parsed.
}

TEST_CASE("a history that cannot be written names the file and why") {
  const ManualClock clock;
  const auto history = History::open("/nonexistent/history.jsonl", self, clock);
  REQUIRE(!history.ok());
  CHECK(history.error().code == Code::unavailable);
  CHECK(history.error().message.find("/nonexistent/history.jsonl") != std::string::npos);
}

}  // namespace
}  // namespace omma
