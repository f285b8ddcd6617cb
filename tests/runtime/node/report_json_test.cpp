#include "runtime/node/report_json.hpp"

#include <catch2/catch.hpp>

namespace omma {
namespace {

Accounts some_accounts() {
  const ActorId camera{0xffff'ffff'ffff'ffff, 0x0123'4567'89ab'cdef};
  const ActorId stage{0, 7};
  EdgeAccount edge;
  edge.stream = {camera, stage, Channel::fresh};
  edge.sent = 10;
  edge.dropped = {{"newer came", 2}, {"expired", 1}};
  edge.received = 6;
  edge.in_flight = 1;
  edge.by_origin[camera.low] = {9, 3, 5, 1};
  edge.by_origin[0] = {1, 0, 1, 0};
  StageAccount account;
  account.id = stage;
  account.type = "tracker";
  account.name = "lobby's \"tracker\"\n";
  account.ends_frames = true;
  account.by_origin[0xffff'ffff'ffff'ffff] = {6, 3, {{"motion", 1}}, {{"turn threw", 1}}, 1};
  Accounts accounts;
  accounts.edges = {edge};
  accounts.stages = {account};
  accounts.cameras = {{camera.low, "lobby", 10}};
  return accounts;
}

void check_equal(const StageFlow& a, const StageFlow& b) {
  CHECK(a.received == b.received);
  CHECK(a.emitted == b.emitted);
  CHECK(a.filtered == b.filtered);
  CHECK(a.failed == b.failed);
  CHECK(a.held == b.held);
}

TEST_CASE("accounts are read back as they were written") {
  const Accounts out = some_accounts();
  const Result<Accounts> in = accounts_from_json(to_json(out));
  REQUIRE(in.ok());
  REQUIRE(in->edges.size() == 1);
  const EdgeAccount& edge = in->edges[0];
  CHECK(edge.stream == out.edges[0].stream);
  CHECK(edge.sent == 10);
  CHECK(edge.dropped == out.edges[0].dropped);
  CHECK(edge.received == 6);
  CHECK(edge.in_flight == 1);
  REQUIRE(edge.by_origin.size() == 2);
  const EdgeFlow& flow = edge.by_origin.at(out.cameras[0].origin);
  CHECK(flow.sent == 9);
  CHECK(flow.dropped == 3);
  CHECK(flow.received == 5);
  CHECK(flow.in_flight == 1);
  REQUIRE(in->stages.size() == 1);
  CHECK(in->stages[0].id == out.stages[0].id);
  CHECK(in->stages[0].type == "tracker");
  CHECK(in->stages[0].name == out.stages[0].name);
  CHECK(in->stages[0].ends_frames);
  REQUIRE(in->stages[0].by_origin.size() == 1);
  const auto& [origin, stage] = *in->stages[0].by_origin.begin();
  CHECK(origin == 0xffff'ffff'ffff'ffff);
  check_equal(stage, out.stages[0].by_origin.at(origin));
  REQUIRE(in->cameras.size() == 1);
  CHECK(in->cameras[0].origin == out.cameras[0].origin);
  CHECK(in->cameras[0].name == "lobby");
  CHECK(in->cameras[0].captured == 10);
  CHECK(to_json(*in) == to_json(out));
}

TEST_CASE("no accounts are read back as none") {
  const auto in = accounts_from_json(to_json(Accounts{}));
  REQUIRE(in.ok());
  CHECK(in->edges.empty());
  CHECK(in->stages.empty());
  CHECK(in->cameras.empty());
}

TEST_CASE("a text that is no account is corrupt, whatever it is") {
  const std::string good = to_json(some_accounts());
  std::vector<std::string> bad = {"", "null", "[]", "{}", "{\"edges\":3}", good + "x"};
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"\"channel\":2", "\"channel\":3"},
           {"\"channel\":2", "\"channel\":-1"},
           {"\"sent\":10", "\"sent\":\"10\""},
           {"ffffffffffffffff0123456789abcdef", "ffff"},
           {"ffffffffffffffff0123456789abcdef", "no hexadecimal digits at all...."}}) {
    std::string changed = good;
    REQUIRE(changed.find(from) != std::string::npos);
    changed.replace(changed.find(from), from.size(), to);
    bad.push_back(changed);
  }
  for (std::size_t cut = 1; cut < good.size(); cut += 7) bad.push_back(good.substr(0, cut));
  for (const std::string& text : bad) {
    INFO(text);
    const auto in = accounts_from_json(text);
    REQUIRE_FALSE(in.ok());
    CHECK(in.error().code == Code::corrupt);
  }
}

TEST_CASE("a node's report names its actors and their troubles, whatever bytes these hold") {
  NodeReport report;
  report.node = {"cloud", {1, 2}, 3};
  CellReport cell;
  cell.id = {1, 2};
  cell.type = "tracker";
  cell.name = "lobby";
  cell.health.turns = 41;
  cell.health.last_errors = {"not text: \xff\xfe"};
  Streams::OutAccount out;
  out.in_flight = 4;
  out.in_flight_bytes = 400;
  cell.out = {out, out};
  report.cells = {cell};
  report.silent_cells = 2;
  const std::string json = to_json(report);
  for (const char* part :
       {"\"node\":\"cloud\"", "\"name\":\"lobby\"", "\"turns\":41", "\"in_flight\":8",
        "\"in_flight_bytes\":800", "\"silent_actors\":2", "not text: "}) {
    INFO(part);
    CHECK(json.find(part) != std::string::npos);
  }
}

}  // namespace
}  // namespace omma
