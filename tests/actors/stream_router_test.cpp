#include "actors/stream_router.hpp"

#include <catch2/catch.hpp>

#include "tests/actors/pipeline_world.hpp"

namespace omma::test {
namespace {

using namespace std::chrono_literals;

SubscribeOptions wants(std::uint32_t width, std::uint32_t height, float rate = 0,
                       float motion = 0) {
  SubscribeOptions options;
  options.delivery = DeliveryClass::reliable;
  options.form = Message::build<FrameForm>([&](FrameForm::Builder form) {
    form.setWidth(width);
    form.setHeight(height);
    form.setFramesPerSecondMax(rate);
    form.setMotionThreshold(motion);
  });
  return options;
}

TEST_CASE("two subscribers of one router each get the size they asked for") {
  PipelineWorld world;
  const auto router = world.router("lobby");
  world.run_jobs_at_once = false;
  world.subscribe<Frame>(world.probe("small"), router, wants(32, 24));
  world.subscribe<Frame>(world.probe("full"), router, wants(0, 0));
  world.settle();
  while (world.run_job()) {
  }
  for (const auto& [name, width] : {std::pair("small", 32u), std::pair("full", 64u)}) {
    CAPTURE(name);
    const auto& notes = world.notes[name];
    REQUIRE(notes.sequences<Frame>().size() == 40);
    CHECK(notes.ends<Frame>() == 1);
    const auto frame = notes.messages[7].as<Frame>();
    CHECK(frame.getWidth() == width);
    CHECK(frame.getHeight() == width * 3 / 4);
    CHECK(frame.getSourceWidth() == 64);
    CHECK(notes.messages[7].payloads()[0].size() == width * width * 3 / 4 * 3);
    CHECK(notes.messages[7].payloads()[0].data()[0] == 7);
    CHECK(frame.getTag().getHops().size() == 2);
    CHECK(frame.getTag().getHops()[1].getStage() == "route");
  }
  const auto camera = world.camera("lobby");
  CHECK(adds_up(world.counts(router, camera.id.low)));
  CHECK(world.counts(router, camera.id.low).emitted == 40);
  CHECK(world.find(camera.id)->report().subscribers == 1);
}

TEST_CASE("subscribers of the same size share one resized picture") {
  PipelineWorld world;
  world.run_jobs_at_once = false;
  const auto router = world.router("lobby");
  world.subscribe<Frame>(world.probe("one"), router, wants(32, 24));
  world.subscribe<Frame>(world.probe("two"), router, wants(32, 24));
  world.settle();
  while (world.run_job()) {
  }
  CHECK(world.notes["one"].messages[5].payloads()[0].data() ==
        world.notes["two"].messages[5].payloads()[0].data());
}

TEST_CASE("a frame that comes too soon for all is filtered by rate") {
  PipelineWorld world;
  const auto router = world.router("lobby");
  world.subscribe<Frame>(world.probe("slow"), router, wants(0, 0, 5));
  world.settle();
  CHECK(world.notes["slow"].sequences<Frame>() ==
        std::vector<std::uint64_t>{0, 5, 10, 15, 20, 25, 30, 35});
  CHECK(world.notes["slow"].ends<Frame>() == 1);
  const auto counts = world.counts(router, world.camera("lobby").id.low);
  CHECK(counts.filtered.at("rate") == 32);
  CHECK(adds_up(counts));
}

TEST_CASE("a frame without motion goes to none who asked for motion") {
  PipelineWorld world;
  world.sources["lobby"].frames = 60;
  const auto router = world.router("lobby");
  // Frame n is gray n: it moves away from the background by degrees, past 16 levels never, since
  // the background follows.
  world.subscribe<Frame>(world.probe("careful"), router, wants(0, 0, 0, 0.5F));
  world.settle();
  const auto sequences = world.notes["careful"].sequences<Frame>();
  CHECK(sequences.front() == 0);  // Nothing is known at first: all of it is news.
  CHECK(sequences.size() < 60);
  CHECK(world.notes["careful"].ends<Frame>() == 1);
  const auto counts = world.counts(router, world.camera("lobby").id.low);
  CHECK(counts.filtered.at("no motion") + sequences.size() == 60);
  CHECK(adds_up(counts));
}

TEST_CASE("a router opens its camera only when the companion has come, and marks its frames") {
  PipelineWorld world;
  const auto router = world.router("lobby");
  const auto companion = world.probe("companion");
  SubscribeOptions options;
  options.delivery = DeliveryClass::reliable;
  options.form = Message::build<FrameForm>([&](FrameForm::Builder form) {
    form.setCompanionHigh(companion.id.high);
    form.setCompanionLow(companion.id.low);
  });
  world.subscribe<Frame>(world.probe("joiner"), router, options);
  world.settle();
  CHECK(world.sources["lobby"].reads == 0);
  world.subscribe<Frame>(companion, router, wants(32, 24, 5));
  world.settle();
  const auto& joined = world.notes["joiner"];
  REQUIRE(joined.sequences<Frame>().size() == 40);
  for (std::size_t i = 0; i < 40; ++i) {
    CHECK(joined.messages[i].as<Frame>().getCompanionToo() == (i % 5 == 0));
  }
}

TEST_CASE("a router whose turn threw sends each frame once") {
  for (unsigned turn : {1u, 2u, 20u, 40u, 41u}) {
    CAPTURE(turn);
    PipelineWorld world;
    const auto router = world.router("lobby");
    Fault<StreamRouter>::after = turn;
    world.subscribe<Frame>(world.probe("slow"), router, wants(32, 24, 12.5F, 0));
    world.settle();
    CHECK(world.find(router.id)->report().health.restarts == 1);
    CHECK(world.notes["slow"].sequences<Frame>().size() == 20);
    CHECK(world.notes["slow"].sequences<Frame>()[7] == 14);
    CHECK(world.notes["slow"].ends<Frame>() == 1);
  }
}

TEST_CASE("a router without subscribers lets its camera go at once and ends after a while") {
  PipelineWorld world;
  const auto router = world.router("lobby");
  const auto probe = world.probe("sink");
  world.subscribe<Frame>(probe, router, wants(0, 0));
  world.settle();
  world.unsubscribe<Frame>(probe, router);
  world.settle();
  CHECK(world.find(world.camera("lobby").id)->report().subscribers == 0);
  world.advance(limits::stage_linger + 1s);
  CHECK(world.find(router.id) == nullptr);
  CHECK(world.find(world.camera("lobby").id) == nullptr);
}

}  // namespace
}  // namespace omma::test
