#include "actors/model_shard.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>

#include "tests/actors/pipeline_world.hpp"

namespace omma::test {
namespace {

using namespace std::chrono_literals;

SubscribeOptions request(const char* camera, float score_min = 0,
                         CaptureMode mode = CaptureMode::EVERY_FRAME,
                         Pace pace = Pace::AS_FAST_AS_POSSIBLE) {
  SubscribeOptions options;
  options.delivery = mode == CaptureMode::LIVE ? DeliveryClass::fresh : DeliveryClass::reliable;
  options.form = Message::build<DetectRequest>([&](DetectRequest::Builder out) {
    fill_camera(out.initRouter().initCamera(), camera, mode, pace);
    out.setScoreMin(score_min);
  });
  return options;
}

TEST_CASE("a shard looks at every frame of a stream, in order") {
  PipelineWorld world;
  const auto shard = world.shard();
  world.subscribe<Detections>(world.probe("sink"), shard, request("lobby"));
  world.settle();
  world.advance(1s);

  const auto& notes = world.notes["sink"];
  const auto sequences = notes.sequences<Detections>();
  REQUIRE(sequences.size() == 40);
  for (std::uint64_t i = 0; i < 40; ++i) CHECK(sequences[i] == i);
  CHECK(notes.ends<Detections>() == 1);
  CHECK(notes.messages.back().as<Detections>().getTag().getSequence() == 40);
  const auto seen = notes.messages[9].as<Detections>();
  REQUIRE(seen.getDetections().size() == 2);
  CHECK(seen.getDetections()[0].getBox().getX1() == 9);
  CHECK(seen.getClasses()[1] == "vehicle");
  CHECK(seen.getSourceWidth() == 64);
  CHECK(seen.getTag().getHops()[2].getStage() == "infer");
  const auto counts = world.counts(shard, world.camera("lobby").id.low);
  CHECK(counts.received == 40);
  CHECK(counts.emitted == 40);
}

TEST_CASE("a shard gathers the frames of two streams into one batch") {
  PipelineWorld world;
  const auto shard = world.shard();
  world.subscribe<Detections>(world.probe("one"), shard, request("lobby"));
  world.subscribe<Detections>(world.probe("two"), shard, request("street"));
  world.settle();
  world.advance(1s);
  CHECK(world.models_loaded == 1);
  CHECK(world.notes["one"].sequences<Detections>().size() == 40);
  CHECK(world.notes["two"].sequences<Detections>().size() == 40);
  const auto& batches = world.detector.batches;
  CHECK(std::accumulate(batches.begin(), batches.end(), std::size_t{0}) == 80);
  CHECK(*std::max_element(batches.begin(), batches.end()) > 1);
  CHECK(*std::max_element(batches.begin(), batches.end()) <= 4);
}

TEST_CASE("who names no score gets what a tracker can use of this network") {
  PipelineWorld world;
  world.detector.score_recommended = 0.8F;  // So that 0.51 is weak and 0.2 is nothing.
  const auto shard = world.shard();
  world.subscribe<Detections>(world.probe("sink"), shard, request("lobby"));
  world.settle();
  world.advance(1s);
  const auto seen = world.notes["sink"].messages.at(9).as<Detections>();
  CHECK(seen.getScoreRecommended() == 0.8F);
  REQUIRE(seen.getDetections().size() == 1);
  CHECK(seen.getDetections()[0].getScore() == 0.9F);
}

TEST_CASE("each subscriber gets what is as sure as it asked for") {
  PipelineWorld world;
  const auto shard = world.shard();
  world.subscribe<Detections>(world.probe("sure"), shard, request("lobby", 0.5F));
  world.subscribe<Detections>(world.probe("all"), shard, request("lobby", 0));
  world.settle();
  world.advance(1s);
  CHECK(world.notes["sure"].messages[5].as<Detections>().getDetections().size() == 1);
  CHECK(world.notes["all"].messages[5].as<Detections>().getDetections().size() == 2);
}

TEST_CASE("live, the newest frame wins, none is old, and every frame is accounted for") {
  PipelineWorld world;
  world.run_jobs_at_once = false;
  world.sources["lobby"].frames = 100;
  const auto shard = world.shard();
  world.subscribe<Detections>(world.probe("sink"), shard,
                              request("lobby", 0, CaptureMode::LIVE, Pace::BY_TIMESTAMPS));
  world.settle();
  while (world.run_job()) {
    if (world.models_loaded == 1) break;
  }
  // The camera's reads are quick, the network takes as long as five frames.
  Duration busy{0};
  for (int i = 0; i < 600; ++i) {
    world.advance(10ms);
    busy += 10ms;
    while (!world.jobs.empty() && world.jobs.front().owner != shard.id) world.run_job();
    if (world.jobs.size() > 1) std::swap(world.jobs.front(), world.jobs.back());
    while (!world.jobs.empty() && world.jobs.front().owner != shard.id) world.run_job();
    if (busy < 200ms || world.jobs.empty()) continue;
    busy = Duration(0);
    const auto before = world.notes["sink"].messages.size();
    world.run_job();
    for (std::size_t k = before; k < world.notes["sink"].messages.size(); ++k) {
      const auto tag = world.notes["sink"].messages[k].as<Detections>().getTag();
      if (tag.getEnd()) continue;
      // Two batches and a frame interval at most.
      CHECK(nanoseconds_of(world.clock.wall_now()) - tag.getCaptureNs() <= 450'000'000);
    }
  }
  const auto camera = world.camera("lobby", CaptureMode::LIVE, Pace::BY_TIMESTAMPS);
  const auto router = world.router("lobby", CaptureMode::LIVE, Pace::BY_TIMESTAMPS);
  const auto& notes = world.notes["sink"];
  CHECK(notes.ends<Detections>() == 1);
  const auto sequences = notes.sequences<Detections>();
  CHECK(std::is_sorted(sequences.begin(), sequences.end()));
  CHECK(sequences.size() >= 15);
  CHECK(sequences.size() <= 40);

  const auto captured = world.find(camera.id)->report().captured.at("lobby");
  CHECK(captured == 100);
  const auto of_camera = world.counts(camera, camera.id.low);
  const auto of_router = world.counts(router, camera.id.low);
  const auto of_shard = world.counts(shard, camera.id.low);
  CHECK(adds_up(of_camera));
  CHECK(adds_up(of_router));
  CHECK(adds_up(of_shard));
  std::uint64_t dropped = 0;
  for (const ActorId& id : {camera.id, router.id}) {
    for (const auto& out : world.find(id)->report().out) dropped += out.counters.dropped_full;
  }
  CHECK(captured == sum(of_camera.filtered) + sum(of_router.filtered) + dropped +
                        sum(of_shard.filtered) + of_shard.emitted);
  CHECK(dropped + sum(of_shard.filtered) > 50);
}

TEST_CASE("a model that cannot be loaded ends every stream with the reason, also later ones") {
  PipelineWorld world;
  world.detector.missing = true;
  const auto shard = world.shard();
  world.subscribe<Detections>(world.probe("one"), shard, request("lobby"));
  world.settle();
  world.subscribe<Detections>(world.probe("two"), shard, request("street"));
  world.settle();
  for (const char* name : {"one", "two"}) {
    REQUIRE(world.notes[name].messages.size() == 1);
    const auto tag = world.notes[name].messages[0].as<Detections>().getTag();
    CHECK(tag.getEnd());
    CHECK(std::string(tag.getError()) == "model fake: not_found: no model 'fake'");
  }
  CHECK(world.find(shard.id)->report().health.last_errors.size() == 1);
}

TEST_CASE("a batch that fails twice runs a third time, and no frame is lost") {
  PipelineWorld world;
  world.detector.failures = 2;
  const auto shard = world.shard();
  world.subscribe<Detections>(world.probe("sink"), shard, request("lobby"));
  world.settle();
  world.advance(2s);
  CHECK(world.notes["sink"].sequences<Detections>().size() == 40);
  CHECK(world.notes["sink"].ends<Detections>() == 1);
}

TEST_CASE("a network that keeps failing ends the stream, and what was held counts as failed") {
  PipelineWorld world;
  world.detector.failures = 1000;
  const auto shard = world.shard();
  world.subscribe<Detections>(world.probe("sink"), shard, request("lobby"));
  world.settle();
  world.advance(2s);
  REQUIRE(world.notes["sink"].messages.size() == 1);
  CHECK(world.notes["sink"].messages[0].as<Detections>().getTag().getError().size() > 0);
  const auto counts = world.counts(shard, world.camera("lobby").id.low);
  CHECK(counts.held == 0);
  CHECK(counts.failed.at("no network") > 0);
  CHECK(adds_up(counts));
}

TEST_CASE("a shard whose turn threw at any point loses no frame and keeps their order") {
  for (unsigned turn = 1; turn <= 60; ++turn) {
    CAPTURE(turn);
    PipelineWorld world;
    const auto shard = world.shard();
    Fault<ModelShard>::after = turn;
    world.subscribe<Detections>(world.probe("sink"), shard, request("lobby"));
    world.settle();
    world.advance(2s);
    const auto sequences = world.notes["sink"].sequences<Detections>();
    REQUIRE(sequences.size() == 40);
    CHECK(std::is_sorted(sequences.begin(), sequences.end()));
    CHECK(world.notes["sink"].ends<Detections>() == 1);
    CHECK(adds_up(world.counts(shard, world.camera("lobby").id.low)));
  }
}

TEST_CASE("a stream that is left and asked for again goes on where it was") {
  PipelineWorld world;
  world.run_jobs_at_once = false;
  const auto shard = world.shard();
  const auto probe = world.probe("sink");
  world.subscribe<Detections>(probe, shard, request("lobby"));
  world.settle();
  for (int i = 0; i < 12; ++i) world.run_job();
  world.unsubscribe<Detections>(probe, shard);
  world.settle();
  world.subscribe<Detections>(probe, shard, request("lobby"));
  world.settle();
  while (world.run_job()) world.advance(30ms);
  const auto sequences = world.notes["sink"].sequences<Detections>();
  CHECK(std::is_sorted(sequences.begin(), sequences.end()));
  CHECK(world.notes["sink"].ends<Detections>() == 1);
  CHECK(sequences.back() == 39);
  const auto counts = world.counts(shard, world.camera("lobby").id.low);
  CHECK(counts.held == 0);
  CHECK(adds_up(counts));
}

}  // namespace
}  // namespace omma::test
