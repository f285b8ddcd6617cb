#include "actors/camera.hpp"

#include <catch2/catch.hpp>

#include <numeric>

#include "tests/actors/pipeline_world.hpp"

namespace omma::test {
namespace {

using namespace std::chrono_literals;

std::vector<std::uint64_t> first(std::uint64_t count) {
  std::vector<std::uint64_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), std::uint64_t{0});
  return numbers;
}

SubscribeOptions reliable() {
  SubscribeOptions options;
  options.delivery = DeliveryClass::reliable;
  return options;
}

TEST_CASE("a camera gives every frame once and in order, then its end") {
  PipelineWorld world;
  const auto camera = world.camera("lobby");
  const auto probe = world.probe("sink");
  world.subscribe<Frame>(probe, camera, reliable());
  world.settle();

  const auto& notes = world.notes["sink"];
  CHECK(notes.sequences<Frame>() == first(40));
  CHECK(notes.ends<Frame>() == 1);
  const auto end = notes.messages.back().as<Frame>().getTag();
  CHECK(end.getEnd());
  CHECK(end.getSequence() == 40);
  CHECK(end.getError().size() == 0);
  const auto frame = notes.messages[3].as<Frame>();
  CHECK(frame.getWidth() == 64);
  CHECK(frame.getHeight() == 48);
  CHECK(frame.getTag().getMediaNs() == 120'000'000);
  CHECK(frame.getTag().getHops()[0].getStage() == "capture");
  CHECK(notes.messages[3].payloads()[0].data()[0] == 3);

  const auto report = world.find(camera.id)->report();
  CHECK(report.captured.at("lobby") == 40);
  const auto counts = world.counts(camera, camera.id.low);
  CHECK(counts.received == 40);
  CHECK(counts.emitted == 40);
}

TEST_CASE("a camera without subscribers reads nothing") {
  PipelineWorld world;
  const auto camera = world.camera("lobby");
  world.activate(*camera.spec);
  world.settle();
  CHECK(world.sources["lobby"].reads == 0);
}

TEST_CASE("by timestamps a frame is captured when its time has come") {
  PipelineWorld world;
  const auto camera = world.camera("lobby", CaptureMode::LIVE, Pace::BY_TIMESTAMPS);
  const auto probe = world.probe("sink");
  world.subscribe<Frame>(probe, camera, {});
  world.settle();
  CHECK(world.notes["sink"].sequences<Frame>() == first(1));
  world.advance(200ms);
  CHECK(world.notes["sink"].sequences<Frame>() == first(6));
  world.advance(2s);
  CHECK(world.notes["sink"].sequences<Frame>() == first(40));
  CHECK(world.notes["sink"].ends<Frame>() == 1);
}

TEST_CASE("live frames that are read too late are filtered as late, and all captured add up") {
  PipelineWorld world;
  world.run_jobs_at_once = false;
  const auto camera = world.camera("lobby", CaptureMode::LIVE, Pace::BY_TIMESTAMPS);
  const auto probe = world.probe("sink");
  world.subscribe<Frame>(probe, camera, {});
  world.settle();
  while (world.notes["sink"].ends<Frame>() == 0) {
    world.advance(100ms);  // A read takes as long as two and a half frames.
    world.run_job();
  }
  const auto counts = world.counts(camera, camera.id.low);
  CHECK(counts.received == 40);
  CHECK(counts.filtered.at("late") > 20);
  CHECK(counts.emitted >= 10);
  CHECK(adds_up(counts));
  CHECK(world.notes["sink"].sequences<Frame>().size() == counts.emitted);
}

TEST_CASE("a subscriber that stalls stops the camera's reads") {
  PipelineWorld world;
  world.sources["lobby"].frames = 200;
  const auto camera = world.camera("lobby");
  const auto probe = world.probe("sink");
  world.notes["sink"].holds = true;
  auto options = reliable();
  options.window_bytes = 50'000;  // Five frames.
  world.subscribe<Frame>(probe, camera, options);
  world.settle();
  // The window, the frames that make the camera stop, and the one that was being read.
  const std::uint64_t reads = world.sources["lobby"].reads;
  CHECK(reads <= 5 + limits::backpressure_waiting_messages + 1);
  world.advance(10s);
  CHECK(world.sources["lobby"].reads == reads);

  world.let_go(probe, "sink");
  world.settle();
  CHECK(world.notes["sink"].sequences<Frame>() == first(200));
}

TEST_CASE("a damaged frame keeps its number and ends as failed") {
  PipelineWorld world;
  world.sources["lobby"].damaged = {5, 6, 39};
  const auto camera = world.camera("lobby");
  const auto probe = world.probe("sink");
  world.subscribe<Frame>(probe, camera, reliable());
  world.settle();
  const auto sequences = world.notes["sink"].sequences<Frame>();
  CHECK(sequences.size() == 37);
  CHECK(sequences[5] == 7);
  CHECK(world.notes["sink"].messages.back().as<Frame>().getTag().getSequence() == 40);
  const auto counts = world.counts(camera, camera.id.low);
  CHECK(counts.received == 40);
  CHECK(counts.failed.at("corrupt") == 3);
  CHECK(adds_up(counts));
}

TEST_CASE("a source that cannot be opened ends the stream with the reason") {
  PipelineWorld world;
  world.sources["lobby"].missing = true;
  const auto camera = world.camera("lobby");
  const auto probe = world.probe("sink");
  world.subscribe<Frame>(probe, camera, reliable());
  world.settle();
  REQUIRE(world.notes["sink"].ends<Frame>() == 1);
  const std::string error = world.notes["sink"].messages.back().as<Frame>().getTag().getError();
  CHECK(error == "not_found: no file lobby");
  CHECK(world.find(camera.id)->report().health.last_errors == std::vector<std::string>{error});
}

TEST_CASE("a source that fails midway ends the stream after the frames it gave") {
  PipelineWorld world;
  world.sources["lobby"].fails_at = 7;
  const auto camera = world.camera("lobby");
  const auto probe = world.probe("sink");
  world.subscribe<Frame>(probe, camera, reliable());
  world.settle();
  CHECK(world.notes["sink"].sequences<Frame>() == first(7));
  const auto tag = world.notes["sink"].messages.back().as<Frame>().getTag();
  CHECK(tag.getSequence() == 7);
  CHECK(std::string(tag.getError()) == "unavailable: the cable is out");
}

TEST_CASE("one who subscribes after the end is told so, and nobody is told twice") {
  PipelineWorld world;
  const auto camera = world.camera("lobby");
  world.subscribe<Frame>(world.probe("early"), camera, reliable());
  world.settle();
  world.subscribe<Frame>(world.probe("late"), camera, reliable());
  world.settle();
  CHECK(world.notes["late"].messages.size() == 1);
  CHECK(world.notes["late"].ends<Frame>() == 1);
  CHECK(world.notes["early"].ends<Frame>() == 1);
}

TEST_CASE("a camera keeps its place when its last subscriber leaves midway") {
  PipelineWorld world;
  const auto camera = world.camera("lobby", CaptureMode::LIVE, Pace::BY_TIMESTAMPS);
  world.subscribe<Frame>(world.probe("one"), camera, {});
  world.settle();
  world.advance(200ms);
  world.unsubscribe<Frame>(world.probe("one"), camera);
  world.settle();
  world.advance(1s);
  CHECK(world.notes["one"].sequences<Frame>() == first(6));
  world.subscribe<Frame>(world.probe("two"), camera, {});
  world.settle();
  world.advance(3s);
  CHECK(world.notes["two"].sequences<Frame>().front() == 6);
  CHECK(world.notes["two"].sequences<Frame>().size() == 34);
}

TEST_CASE("a camera at its end starts over for whoever comes when all have left") {
  PipelineWorld world;
  const auto camera = world.camera("lobby");
  world.subscribe<Frame>(world.probe("one"), camera, reliable());
  world.settle();
  world.unsubscribe<Frame>(world.probe("one"), camera);
  world.settle();
  world.subscribe<Frame>(world.probe("two"), camera, reliable());
  world.settle();
  CHECK(world.notes["two"].sequences<Frame>() == first(40));
  CHECK(world.notes["two"].ends<Frame>() == 1);
}

TEST_CASE("a camera whose turn threw goes on with exactly the next frame") {
  for (unsigned turn = 1; turn <= 41; ++turn) {
    CAPTURE(turn);
    PipelineWorld world;
    const auto camera = world.camera("lobby");
    Fault<Camera>::after = turn;
    world.subscribe<Frame>(world.probe("sink"), camera, reliable());
    world.settle();
    CHECK(world.notes["sink"].sequences<Frame>() == first(40));
    CHECK(world.notes["sink"].ends<Frame>() == 1);
    const auto report = world.find(camera.id)->report();
    CHECK(report.health.restarts == 1);
    CHECK(report.captured.at("lobby") == 40);
  }
}

TEST_CASE("a camera that nobody watches is retired after a while") {
  PipelineWorld world;
  const auto camera = world.camera("lobby");
  const auto probe = world.probe("sink");
  world.subscribe<Frame>(probe, camera, reliable());
  world.settle();
  world.unsubscribe<Frame>(probe, camera);
  world.settle();
  world.advance(limits::stage_linger + 1s);
  CHECK(world.find(camera.id) == nullptr);
}

TEST_CASE("a durable camera is another than the one of its name that is not") {
  capnp::MallocMessageBuilder builder;
  auto config = builder.initRoot<CameraConfig>();
  fill_camera(config, "lobby");
  const ActorId plain = Turn::stage_ref_of<Camera>(config).id;
  CHECK_FALSE(Camera::durable(config));
  config.setDurable(true);
  CHECK(Camera::durable(config));
  const auto durable = Turn::stage_ref_of<Camera>(config);
  CHECK(durable.id != plain);
  CHECK(durable.spec->name == "lobby");
  // Its router is put beside it.
  auto router = builder.getOrphanage().newOrphan<RouterConfig>();
  router.get().setCamera(config);
  const PlacementWish wish = StreamRouter::wish(router.get());
  CHECK(ActorId::of("camera", std::string_view(wish.near_camera)) == durable.id);
}

}  // namespace
}  // namespace omma::test
