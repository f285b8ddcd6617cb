#include "actors/detect_demand.hpp"

#include <catch2/catch.hpp>

#include "actors/stream_router.hpp"
#include "schemas/system.capnp.h"

namespace omma {
namespace {

Subscriber subscriber(std::uint64_t id, const std::string& camera, float rate, float motion) {
  Subscriber out;
  out.id = {1, id};
  out.form = Message::build<Subscribe>([&](Subscribe::Builder message) {
    auto request = message.initForm().initAs<DetectRequest>();
    request.initRouter().initCamera().setName(camera);
    request.setFramesPerSecondMax(rate);
    request.setMotionThreshold(motion);
  });
  return out;
}

StreamDemand taken_together(const std::vector<Subscriber>& subscribers) {
  const auto demands = DetectDemand().of(subscribers);
  REQUIRE(demands.size() == 1);
  return demands.begin()->second;
}

TEST_CASE("of one stream the highest rate and the lowest motion threshold are wanted") {
  const auto demand =
      taken_together({subscriber(1, "lobby", 5, 0.2F), subscriber(2, "lobby", 10, 0.1F),
                      subscriber(3, "lobby", 2, 0.3F)});
  CHECK(demand.frames_per_second_max == 10);
  CHECK(demand.motion_threshold == 0.1F);
  CHECK(demand.router.as<RouterConfig>().getCamera().getName() == "lobby");
}

TEST_CASE("every frame is more than any rate, whoever asks first") {
  const auto every = subscriber(1, "lobby", 0, 0);
  const auto some = subscriber(2, "lobby", 10, 0);
  CHECK(taken_together({every, some}).frames_per_second_max == 0);
  CHECK(taken_together({some, every}).frames_per_second_max == 0);
}

TEST_CASE("each stream is wanted for its own subscribers only") {
  const auto lobby = subscriber(1, "lobby", 5, 0);
  const auto yard = subscriber(2, "yard", 10, 0);
  DetectDemand demand;
  const auto both = demand.of({lobby, yard});
  REQUIRE(both.size() == 2);
  CHECK(both.at(demand.router_of(lobby)).frames_per_second_max == 5);
  CHECK(both.at(demand.router_of(yard)).frames_per_second_max == 10);
  CHECK(demand.of({yard}).size() == 1);
}

}  // namespace
}  // namespace omma
