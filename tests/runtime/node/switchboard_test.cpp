#include "runtime/node/switchboard.hpp"

#include <catch2/catch.hpp>

#include "tests/support/caf_world.hpp"
#include "tests/support/puppet.hpp"

namespace omma::test {
namespace {

// Keeps what is posted.
class FakeHub final : public LinkHub {
 public:
  std::string listen_address() const override { return ""; }
  void set_peer(const std::string&, const std::string&) override {}
  void remove_peer(const std::string&) override {}
  void post(const std::string& peer, Packet packet) override {
    posted.emplace_back(peer, std::move(packet));
  }
  void call(const std::string&, Message, Duration, Answer) override {}
  LinkCounters counters() const override { return {}; }

  std::vector<std::pair<std::string, Packet>> posted;
};

class SilentPort final : public CellPort {
 public:
  explicit SilentPort(const Clock& clock) : clock_(clock) {}
  Instant now() const override { return clock_.now(); }
  WallTime wall_now() const override { return clock_.wall_now(); }
  void send(Packet) override {}
  void remember(std::shared_ptr<const StageSpec>) override {}
  void ask_directory(const ActorId&) override {}
  void run(ExecutorKind, std::uint64_t, Job) override {}
  void keep(CellCheckpoint) override {}
  void retire() override {}
  void log(const std::string&) override {}

 private:
  const Clock& clock_;
};

const ActorId near{1, 1};
const ActorId far{2, 2};
const ActorId unknown{3, 3};

struct World {
  World() : type(puppet_type(scripts)), switchboard(handlers()) { switchboard.attach(&hub); }
  ~World() {
    for (const auto& [id, cell] : switchboard.cells()) cell.stop();
    caf.settle();
  }
  Switchboard::Handlers handlers() {
    return {[this](const ActorId& target, const ActorId& asker) {
              unrouted.emplace_back(target, asker);
            },
            [this](const std::string& peer, const ActorId& target, const ActorId&) {
              strays.emplace_back(peer, target);
            }};
  }
  Cell live(const std::string& name) {
    const auto spec = puppet(name).spec;
    return caf.scheduler.spawn(
        {{near, spec->type, name, spec->config, 1, 1}, type, [this](const Cell&) {
           return std::make_unique<SilentPort>(caf.clock());
         }});
  }
  Packet packet(const ActorId& from, const ActorId& to) {
    Envelope envelope;
    envelope.stream = {from, to, Channel::control};
    envelope.lives.sender = 1;
    envelope.sequence = ++sequences[{from, to}];
    envelope.credit_bytes = 64;
    envelope.message = number_message(envelope.sequence);
    return envelope;
  }
  static Packet ack(const ActorId& from, const ActorId& to) {
    Ack ack;
    ack.stream = {to, from, Channel::control};
    return ack;
  }
  std::string way_to(const ActorId& id) {
    const auto route = switchboard.route(id);
    if (!route) return "none";
    const auto* remote = std::get_if<RemoteRoute>(&route->way);
    return remote != nullptr ? remote->node : "here";
  }

  Scripts scripts;
  ActorType type;
  CafWorld caf;
  FakeHub hub;
  std::vector<std::pair<ActorId, ActorId>> unrouted;
  std::vector<std::pair<std::string, ActorId>> strays;
  std::map<std::pair<ActorId, ActorId>, std::uint64_t> sequences;
  Switchboard switchboard;
};

TEST_CASE("a packet goes to the cell here, to the peer, or is reported") {
  World world;
  world.switchboard.set_route(near, {LocalRoute{world.live("near")}, 1});
  world.switchboard.set_route(far, {RemoteRoute{"cloud"}, 1});
  world.switchboard.send(world.packet(far, near));
  world.switchboard.send(world.packet(near, far));
  world.switchboard.send(world.packet(near, unknown));
  world.switchboard.send(World::ack(far, near));  // To the sender of what it acknowledges.
  world.caf.settle();
  CHECK(world.scripts["near"].numbers() == numbers_up_to(1));
  REQUIRE(world.hub.posted.size() == 1);
  CHECK(world.hub.posted[0].first == "cloud");
  CHECK(world.unrouted == std::vector<std::pair<ActorId, ActorId>>{{unknown, near}});
  const auto counters = world.switchboard.counters();
  CHECK(counters.local == 2);
  CHECK(counters.remote == 1);
  CHECK(counters.unrouted == 1);
  CHECK(counters.strays == 0);
}

TEST_CASE("what is sent at once goes each its way, in order and none twice") {
  World world;
  world.switchboard.set_route(near, {LocalRoute{world.live("near")}, 1});
  world.switchboard.set_route(far, {RemoteRoute{"cloud"}, 1});
  std::vector<Packet> packets;
  for (int i = 0; i < 3; ++i) packets.push_back(world.packet(far, near));
  for (int i = 0; i < 2; ++i) packets.push_back(world.packet(near, far));
  packets.push_back(world.packet(far, near));
  packets.push_back(world.packet(near, unknown));
  for (int i = 0; i < 2; ++i) packets.push_back(world.packet(far, near));
  world.switchboard.send_all(std::move(packets));
  world.caf.settle();
  CHECK(world.scripts["near"].numbers() == numbers_up_to(6));
  REQUIRE(world.hub.posted.size() == 2);
  CHECK(std::get<Envelope>(world.hub.posted[0].second).sequence == 1);
  CHECK(std::get<Envelope>(world.hub.posted[1].second).sequence == 2);
  CHECK(world.unrouted == std::vector<std::pair<ActorId, ActorId>>{{unknown, near}});
  const auto counters = world.switchboard.counters();
  CHECK(counters.local == 6);
  CHECK(counters.remote == 2);
  CHECK(counters.unrouted == 1);
}

TEST_CASE("of what a peer sends at once each packet finds its actor or is a stray") {
  World world;
  world.switchboard.set_route(near, {LocalRoute{world.live("near")}, 1});
  const ActorId other{4, 4};
  std::vector<Packet> packets;
  packets.push_back(world.packet(far, near));
  packets.push_back(world.packet(other, near));  // Of the same run, from somebody else.
  packets.push_back(world.packet(far, unknown));
  packets.push_back(World::ack(far, unknown));
  packets.push_back(world.packet(far, near));
  world.switchboard.receive("cloud", std::move(packets));
  world.caf.settle();
  CHECK(world.scripts["near"].numbers().size() == 3);
  CHECK(world.way_to(far) == "cloud");
  CHECK(world.way_to(other) == "cloud");
  CHECK(world.strays == std::vector<std::pair<std::string, ActorId>>{{"cloud", unknown}});
}

TEST_CASE("a later epoch replaces a route, an earlier one does not") {
  World world;
  world.switchboard.set_route(far, {RemoteRoute{"first"}, 3});
  world.switchboard.set_route(far, {RemoteRoute{"stale"}, 2});
  CHECK(world.way_to(far) == "first");
  world.switchboard.set_route(far, {RemoteRoute{"again"}, 3});
  CHECK(world.way_to(far) == "again");
  world.switchboard.set_route(far, {RemoteRoute{"later"}, 4});
  CHECK(world.way_to(far) == "later");
  world.switchboard.erase_route_over(far, "first");
  CHECK(world.way_to(far) == "later");
  world.switchboard.erase_route_over(far, "later");
  CHECK(world.way_to(far) == "none");
  world.switchboard.set_route(far, {RemoteRoute{"first"}, 1});
  CHECK(world.way_to(far) == "first");
  world.switchboard.erase_route(far);
  CHECK(world.way_to(far) == "none");
}

TEST_CASE("a route to a cell here is not lost because a peer's name fits") {
  World world;
  world.switchboard.set_route(near, {LocalRoute{world.live("near")}, 1});
  world.switchboard.erase_route_over(near, "cloud");
  CHECK(world.way_to(near) == "here");
}

TEST_CASE("what comes from a peer shows the way back until the directory knows better") {
  World world;
  world.switchboard.set_route(near, {LocalRoute{world.live("near")}, 1});
  world.switchboard.receive("cloud", {world.packet(far, near)});
  world.caf.settle();
  CHECK(world.scripts["near"].numbers() == numbers_up_to(1));
  CHECK(world.way_to(far) == "cloud");
  CHECK(world.switchboard.route(far)->epoch == 0);
  world.switchboard.set_route(far, {RemoteRoute{"east"}, 1});
  world.switchboard.receive("cloud", {world.packet(far, near)});
  CHECK(world.way_to(far) == "east");
}

TEST_CASE("a peer's packet for an actor that is not here is a stray, an acknowledgement is not") {
  World world;
  world.switchboard.set_route(far, {RemoteRoute{"east"}, 1});
  world.switchboard.receive(
      "cloud", {world.packet(near, unknown), world.packet(near, far), World::ack(near, unknown)});
  CHECK(world.strays ==
        std::vector<std::pair<std::string, ActorId>>{{"cloud", unknown}, {"cloud", far}});
  CHECK(world.switchboard.counters().strays == 2);
  CHECK(world.hub.posted.empty());  // Nodes do not pass on for each other.
}

TEST_CASE("the cells here and the residents of a peer can be listed") {
  World world;
  world.switchboard.set_route(near, {LocalRoute{world.live("near")}, 1});
  world.switchboard.set_route(far, {RemoteRoute{"cloud"}, 7});
  world.switchboard.set_route(unknown, {RemoteRoute{"east"}, 8});
  REQUIRE(world.switchboard.cells().size() == 1);
  CHECK(world.switchboard.cells()[0].first == near);
  CHECK(world.switchboard.residents_of("cloud") ==
        std::unordered_map<ActorId, std::uint64_t>{{far, 7}});
}

}  // namespace
}  // namespace omma::test
