// The actors in virtual time: three nodes in this one thread, one of which is killed. Takes no
// longer than the work itself, whatever the clock in the test says.
#include "my_app.hpp"

#include <omma/testkit.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace my_app {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t beats = 20;

// Stands for whoever runs the app: hears its rows.
class Listener final : public omma::Actor {
 public:
  static constexpr const char* type_name = "listener";
  using Config = MyAppConfig;  // Of whom it listens to.
  using Accepts = omma::Accepts<omma::ResultRow>;
  using Publishes = omma::Publishes<>;
  static std::string title(Config::Reader) { return "listener"; }
  static omma::PlacementWish wish(Config::Reader) { return {}; }

  Listener(Config::Reader config, std::vector<std::string>& heard)
      : config_(omma::Message::copy_of<Config>(config)), heard_(heard) {}

  void on_start(omma::Turn& turn) override {
    omma::SubscribeOptions options;
    options.delivery = omma::DeliveryClass::reliable;
    turn.subscribe<omma::ResultRow>(turn.stage_of<MyApp>(config_.as<Config>()), options);
  }
  void on(omma::ResultRow::Reader row, omma::Turn&) {
    std::string text = row.getKind();
    for (auto field : row.getFields()) {
      text.append(" ").append(field.getName().cStr()).append("=");
      text.append(std::to_string(field.getValue().getInteger()));
    }
    heard_.push_back(text);
  }

 private:
  const omma::Message config_;
  std::vector<std::string>& heard_;
};

void describe(MyAppConfig::Builder config) {
  auto pulse = config.initPulse();
  pulse.setName("heart");
  pulse.setPeriodMs(100);
  pulse.setBeats(beats);
}

std::vector<std::string> run(std::uint64_t seed, bool with_crash) {
  std::vector<std::string> heard;
  omma::SimCluster cluster({.seed = seed,
                            .nodes = {{.name = "head", .roles = {"head"}},
                                      {.name = "east", .roles = {"cloud"}},
                                      {.name = "west", .roles = {"cloud"}}},
                            .types =
                                [&](const omma::NodeId&) {
                                  omma::ActorTypes types;
                                  types.add(omma::actor_type<Pulse>());
                                  types.add(omma::actor_type<MyApp>());
                                  types.add(omma::actor_type<Listener>([&](auto config) {
                                    return std::make_unique<Listener>(config, heard);
                                  }));
                                  return types;
                                },
                            .lease = omma::LeaseTimes{.ttl = 2s}});
  cluster.start();
  const auto listener = omma::Turn::make_stage_ref<Listener>(describe);
  const auto my_app = omma::Turn::make_stage_ref<MyApp>(describe);
  if (!cluster.activate("head", *listener.spec)) return {};
  cluster.advance(1s);
  if (with_crash) cluster.crash(cluster.record(my_app.id).node.name);  // As by kill -9.
  cluster.advance(30s);
  return heard;
}

}  // namespace
}  // namespace my_app

int main() {
  const auto undisturbed = my_app::run(1, false);
  if (undisturbed.size() != my_app::beats + 1 || undisturbed.back() != "end sum=210") {
    std::printf("%zu rows without a crash, the last is '%s'\n", undisturbed.size(),
                undisturbed.empty() ? "" : undisturbed.back().c_str());
    return 1;
  }
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    if (my_app::run(seed, true) == undisturbed) continue;
    std::printf("seed %llu: a crash changed the rows\n", static_cast<unsigned long long>(seed));
    return 1;
  }
  std::puts("20 crashes, and the rows are those of a run without");
  return 0;
}
