#include "runtime/node/fail_over_plan.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <vector>

#include "runtime/node/drain_plan.hpp"
#include "runtime/node/gateway.hpp"

using namespace std::chrono_literals;

namespace omma {
namespace {

// A wish is written into the configuration: "node|near_camera|role".
PlacementWish wish_in(std::span<const std::byte> config) {
  std::string text(reinterpret_cast<const char*>(config.data()), config.size());
  const std::size_t first = text.find('|');
  const std::size_t second = text.find('|', first + 1);
  return {text.substr(0, first), text.substr(first + 1, second - first - 1),
          text.substr(second + 1)};
}

ActorTypes some_types() {
  ActorTypes types;
  for (const char* name : {"camera", "router", "tracker", "recorder", gateway_type_name}) {
    ActorType type;
    type.name = name;
    type.wish = wish_in;
    if (type.name == "recorder") type.stays = "it writes a file there";
    if (type.name == gateway_type_name) type.stays = "clients are connected there";
    types.add(std::move(type));
  }
  return types;
}

NodeRecord node(const std::string& name, std::vector<std::string> roles, std::uint64_t life = 1) {
  return {.id = {name, {life, std::hash<std::string>()(name)}, life},
          .address = "unix:/" + name,
          .roles = std::move(roles)};
}

ActorRecord actor(const std::string& type, const std::string& name, const NodeRecord& home,
                  const std::string& wish) {
  ActorRecord record;
  record.id = ActorId::of(type, std::string_view(name));
  record.type = type;
  record.name = name;
  const auto* bytes = reinterpret_cast<const std::byte*>(wish.data());
  record.config.assign(bytes, bytes + wish.size());
  record.epoch = 1;
  record.state = ActorRecord::State::active;
  record.node = home.id;
  return record;
}

struct Cluster {
  Cluster() {
    nodes = {node("cam-a", {"camera"}), node("cam-b", {"camera"}), node("cloud", {"cloud"})};
  }
  void kill(const std::string& name) {
    for (NodeRecord& one : nodes) one.alive = one.alive && one.id.name != name;
  }
  void restart(const std::string& name) {
    for (NodeRecord& one : nodes) {
      if (one.id.name == name) one = node(name, one.roles, 2);
    }
  }
  std::vector<ActorRecord> orphans() const {
    std::vector<ActorRecord> lost;
    for (const ActorRecord& one : actors) {
      bool lives = false;
      for (const NodeRecord& home : nodes) {
        lives = lives || (home.alive && home.id.incarnation == one.node.incarnation);
      }
      if (!lives && one.state == ActorRecord::State::active) lost.push_back(one);
    }
    return lost;
  }
  std::vector<CountedNode> counted() const {
    std::vector<CountedNode> all;
    for (const NodeRecord& one : nodes) {
      all.push_back({one, 0});
      for (const ActorRecord& resident : actors) {
        all.back().actors += resident.node.incarnation == one.id.incarnation ? 1 : 0;
      }
    }
    return all;
  }
  // What the directory says, dead or not.
  Homes homes() const {
    Homes known;
    for (const ActorRecord& one : actors) known[one.id] = one.node.name;
    return known;
  }
  // "tracker/x -> cloud", "gateway/x ends", "recorder/x waits".
  std::vector<std::string> step() {
    const auto lost = orphans();
    const auto counts = counted();
    const Homes cameras = homes();
    const FailOverPlan::Situation now_known{
        lost, counts, cameras, [](const std::string&) { return limits::actors_per_node_max; },
        [this](const NodeId&) { return may_still_work; }};
    std::vector<std::string> steps;
    for (const FailOverPlan::Step& one : plan.begin(now_known, now)) {
      const std::string title = one.actor.type + "/" + one.actor.name;
      switch (one.kind) {
        case FailOverPlan::Step::Kind::revive:
          steps.push_back(title + " -> " + one.to.id.name);
          break;
        case FailOverPlan::Step::Kind::end:
          steps.push_back(title + " ends");
          break;
        case FailOverPlan::Step::Kind::wait:
          steps.push_back(title + " waits");
          break;
      }
    }
    return steps;
  }
  // The revival was done: the directory has it.
  void settle(const std::string& type, const std::string& name, const std::string& home) {
    for (ActorRecord& one : actors) {
      if (one.type != type || one.name != name) continue;
      for (const NodeRecord& target : nodes) {
        if (target.id.name == home) one.node = target.id;
      }
      ++one.epoch;
      plan.on_done(one.id, now);
    }
  }

  const ActorTypes types = some_types();
  FailOverPlan plan{types};
  std::vector<NodeRecord> nodes;
  std::vector<ActorRecord> actors;
  bool may_still_work = false;
  Instant now = instant_of(1'000'000'000);
};

using Steps = std::vector<std::string>;

TEST_CASE("what lived on a dead node goes on where its type wishes, cameras first") {
  Cluster cluster;
  const NodeRecord home = cluster.nodes[0];
  cluster.actors = {actor("router", "r", home, "cam-a|x|camera"),
                    actor("camera", "x", home, "cam-a||camera"),
                    actor("tracker", "t", home, "||cloud"),
                    actor("tracker", "other", cluster.nodes[2], "||cloud")};
  cluster.kill("cam-a");
  CHECK(cluster.step() == Steps{"camera/x -> cam-b", "tracker/t -> cloud", "router/r -> cam-b"});
  CHECK(cluster.plan.open() == 3);
  CHECK(cluster.step().empty());  // All under way.
  cluster.settle("camera", "x", "cam-b");
  cluster.settle("tracker", "t", "cloud");
  CHECK(cluster.plan.open() == 1);
  CHECK(cluster.step().empty());
}

TEST_CASE("a node that came back as a new process is as good as any other") {
  Cluster cluster;
  cluster.actors = {actor("camera", "x", cluster.nodes[0], "cam-a||camera")};
  cluster.restart("cam-a");
  CHECK(cluster.step() == Steps{"camera/x -> cam-a"});
}

TEST_CASE("an actor that follows a camera goes where the camera is being revived") {
  Cluster cluster;
  cluster.actors = {actor("camera", "x", cluster.nodes[0], "cam-a||camera"),
                    actor("router", "r", cluster.nodes[0], "|x|camera")};
  cluster.nodes.push_back(node("cam-c", {"camera"}));
  cluster.nodes[1].roles = {"spare"};
  cluster.kill("cam-a");
  CHECK(cluster.step() == Steps{"camera/x -> cam-c", "router/r -> cam-c"});
}

TEST_CASE("what belonged to the dead process ends, what no node will do for waits") {
  Cluster cluster;
  const NodeRecord home = cluster.nodes[0];
  cluster.actors = {actor(gateway_type_name, "g", home, "cam-a||"),
                    actor("recorder", "film", home, "cam-a||camera"),
                    actor("tracker", "t", home, "||gpu")};
  cluster.kill("cam-a");
  CHECK(cluster.step() == Steps{"gateway/g ends", "recorder/film ends", "tracker/t waits"});
  CHECK(cluster.step().empty());  // Said once.
  cluster.nodes[1].roles = {"gpu"};
  CHECK(cluster.step() == Steps{"tracker/t -> cam-b"});
}

TEST_CASE("nothing is done while the old node may still be at work") {
  Cluster cluster;
  cluster.actors = {actor("tracker", "t", cluster.nodes[0], "||cloud")};
  cluster.kill("cam-a");
  cluster.may_still_work = true;
  CHECK(cluster.step().empty());
  cluster.may_still_work = false;
  CHECK(cluster.step() == Steps{"tracker/t -> cloud"});
}

TEST_CASE("a revival that failed comes again later, each time later, elsewhere if it can") {
  Cluster cluster;
  cluster.nodes.push_back(node("cloud-2", {"cloud"}));
  cluster.actors = {actor("tracker", "t", cluster.nodes[0], "||cloud")};
  cluster.kill("cam-a");
  const ActorId id = cluster.actors[0].id;
  CHECK(cluster.step() == Steps{"tracker/t -> cloud"});
  cluster.plan.on_failed(id, "cloud", cluster.now);
  CHECK(cluster.plan.open() == 0);
  CHECK(cluster.step().empty());
  cluster.now += 250ms;
  CHECK(cluster.step() == Steps{"tracker/t -> cloud-2"});
  cluster.plan.on_failed(id, "cloud-2", cluster.now);
  cluster.now += 499ms;
  CHECK(cluster.step().empty());
  cluster.now += 1ms;
  CHECK(cluster.step() == Steps{"tracker/t -> cloud"});
  for (int i = 0; i < 20; ++i) cluster.plan.on_failed(id, "cloud", cluster.now);
  cluster.now += 10s;
  CHECK(cluster.step().size() == 1);  // Never later than that.
}

TEST_CASE("only so many are revived at a time") {
  Cluster cluster;
  for (std::size_t i = 0; i < limits::fail_overs_open_max + 10; ++i) {
    cluster.actors.push_back(
        actor("tracker", "t" + std::to_string(i), cluster.nodes[0], "||cloud"));
  }
  cluster.kill("cam-a");
  CHECK(cluster.step().size() == limits::fail_overs_open_max);
  CHECK(cluster.step().empty());
  cluster.settle("tracker", "t0", "cloud");
  CHECK(cluster.step().size() == 1);
}

TEST_CASE("a list of orphans from before a revival does not begin it again") {
  Cluster cluster;
  cluster.actors = {actor("tracker", "t", cluster.nodes[0], "||cloud")};
  cluster.kill("cam-a");
  REQUIRE(cluster.step().size() == 1);
  cluster.plan.on_done(cluster.actors[0].id, cluster.now);  // Yet it is still listed.
  CHECK(cluster.step().empty());
  ++cluster.actors[0].epoch;  // Lost again, with the node that had revived it.
  CHECK(cluster.step().size() == 1);
}

TEST_CASE("many orphans are spread over the nodes that will do") {
  Cluster cluster;
  cluster.nodes.push_back(node("cloud-2", {"cloud"}));
  for (int i = 0; i < 10; ++i) {
    cluster.actors.push_back(
        actor("tracker", "t" + std::to_string(i), cluster.nodes[0], "||cloud"));
  }
  cluster.kill("cam-a");
  std::map<std::string, int> on;
  for (const std::string& step : cluster.step()) ++on[step.substr(step.rfind(' ') + 1)];
  CHECK(on == std::map<std::string, int>{{"cloud", 5}, {"cloud-2", 5}});
}

// --- Drains ---

TEST_CASE("a drain moves what may move, camera first, and says why the others stay") {
  Cluster cluster;
  cluster.nodes[0].cordoned = true;
  cluster.nodes.push_back(
      node("cam-c", {"camera"}));  // As good for the router, but for its camera.
  const NodeRecord home = cluster.nodes[0];
  cluster.actors = {actor("router", "r", home, "|x|camera"),
                    actor("camera", "x", home, "cam-a||camera"),
                    actor("tracker", "pinned", home, "||cloud"),
                    actor("recorder", "film", home, "|x|camera"),
                    actor("tracker", "gpu", home, "||gpu"),
                    actor("strange", "s", home, "||cloud"),
                    actor("tracker", "elsewhere", cluster.nodes[2], "||cloud")};
  std::vector<std::string> steps;
  DrainView view{cluster.counted(), cluster.actors, {cluster.actors[2].id}, cluster.homes()};
  view.actors.pop_back();
  for (const DrainStep& step : plan_drain(
           view, cluster.types, [](const std::string&) { return limits::actors_per_node_max; })) {
    steps.push_back(step.actor.type + "/" + step.actor.name + " " +
                    (step.to.empty() ? "stays: " + step.why : "-> " + step.to));
  }
  REQUIRE(steps.size() == 6);
  CHECK(steps[0] == "camera/x -> cam-b");
  CHECK(steps[1] ==
        "tracker/pinned stays: tracker/pinned is pinned to node 'cam-a'; end that with "
        "omma pin tracker/pinned --off");
  CHECK(steps[2].find("tracker/gpu stays: no node that takes any has the role 'gpu'") == 0);
  CHECK(steps[3] ==
        "strange/s stays: this node knows no actor type 'strange'; all nodes must run "
        "the same build");
  CHECK(steps[4] == "router/r -> cam-b");
  CHECK(steps[5] ==
        "recorder/film stays: recorder/film stays on node 'cam-a': it writes a file there");
}

TEST_CASE("a drain goes back to where a move came to nothing only if no other node will do") {
  Cluster cluster;
  cluster.nodes[0].cordoned = true;
  cluster.actors = {actor("tracker", "t", cluster.nodes[0], "||cloud")};
  const auto target = [&] {
    DrainView view{cluster.counted(), cluster.actors, {}, {}};
    view.avoid[cluster.actors[0].id] = "cloud";
    const auto steps = plan_drain(view, cluster.types,
                                  [](const std::string&) { return limits::actors_per_node_max; });
    return steps.at(0).to;
  };
  CHECK(target() == "cloud");
  cluster.nodes.push_back(node("cloud-2", {"cloud"}));
  CHECK(target() == "cloud-2");
}

}  // namespace
}  // namespace omma
