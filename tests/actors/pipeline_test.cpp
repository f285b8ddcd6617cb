// The built-in actors together, from the camera to the tracks.
#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

#include "runtime/base/random.hpp"
#include "tests/actors/pipeline_world.hpp"

namespace omma::test {
namespace {

using namespace std::chrono_literals;

SubscribeOptions reliable() {
  SubscribeOptions options;
  options.delivery = DeliveryClass::reliable;
  return options;
}

std::string bytes_of(const ProbeNotes& notes) {
  std::string all;
  for (const Message& message : notes.messages) {
    const Blob words = message.flat_words();
    all.append(reinterpret_cast<const char*>(words.data()), words.size());
  }
  return all;
}

// What was found, without the times at which it was.
std::string findings_of(const ProbeNotes& notes) {
  std::string all;
  for (const Message& message : notes.messages) {
    const auto tracks = message.as<Tracks>();
    all += std::to_string(tracks.getTag().getSequence()) + ":";
    for (const auto track : tracks.getTracks()) {
      all += std::to_string(track.getId()) + "@" + std::to_string(track.getBox().getX1()) + " ";
    }
  }
  return all;
}

ProbeNotes run(std::uint64_t frames, std::uint64_t seed, double loss) {
  PipelineWorld world;
  world.sources["lobby"].frames = frames;
  auto random = std::make_shared<SeededRandom>(seed);
  world.lose = [random, loss](const Packet&) { return random->chance(loss); };
  world.subscribe<Tracks>(world.probe("sink"), world.tracker("lobby"), reliable());
  world.settle();
  for (int i = 0; i < 3000 && world.notes["sink"].ends<Tracks>() == 0; ++i) world.advance(100ms);
  return std::move(world.notes["sink"]);
}

TEST_CASE("all frames come through the whole pipeline once, and two runs agree byte for byte") {
  const ProbeNotes first = run(120, 1, 0);
  const auto sequences = first.sequences<Tracks>();
  REQUIRE(sequences.size() == 120);
  for (std::uint64_t i = 0; i < 120; ++i) CHECK(sequences[i] == i);
  CHECK(first.ends<Tracks>() == 1);
  CHECK(bytes_of(run(120, 1, 0)) == bytes_of(first));
}

TEST_CASE("lost packets change nothing of what is found") {
  const std::string undisturbed = findings_of(run(120, 1, 0));
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    CHECK(findings_of(run(120, seed, 0.05)) == undisturbed);
  }
}

TEST_CASE("two who ask for the same tracks share every actor") {
  PipelineWorld world;
  world.subscribe<Tracks>(world.probe("one"), world.tracker("lobby"), reliable());
  world.subscribe<Tracks>(world.probe("two"), world.tracker("lobby"), reliable());
  world.settle();
  world.advance(2s);
  CHECK(world.ids().size() == 2 + 4);  // The probes; camera, router, shard, tracker.
  CHECK(world.sources["lobby"].opened == 1);
  CHECK(bytes_of(world.notes["one"]) == bytes_of(world.notes["two"]));
}

TEST_CASE("when nobody asks any more all is retired, from the end to the camera") {
  PipelineWorld world;
  const auto probe = world.probe("sink");
  world.subscribe<Tracks>(probe, world.tracker("lobby"), reliable());
  world.settle();
  world.advance(1s);
  world.unsubscribe<Tracks>(probe, world.tracker("lobby"));
  world.settle();
  world.advance(2 * limits::stage_linger);
  CHECK(world.ids() == std::vector<ActorId>{probe.id});
  CHECK(world.retired().size() == 4);
}

TEST_CASE("a stalled sink stops the camera, and nothing is lost when it goes on") {
  PipelineWorld world;
  world.sources["lobby"].frames = 600;
  world.sources["lobby"].width = 320;
  world.sources["lobby"].height = 240;
  world.detector.input_width = 320;
  world.detector.input_height = 240;
  world.notes["sink"].holds = true;
  auto options = reliable();
  options.window_bytes = 2000;
  const auto probe = world.probe("sink");
  world.subscribe<Tracks>(probe, world.tracker("lobby"), options);
  world.settle();
  world.advance(5s);
  const std::uint64_t reads = world.sources["lobby"].reads;
  // 36 pictures in each of two windows, 200 detections of 320 bytes in 64 KiB, 4 more each.
  CHECK(reads < 310);
  world.advance(20s);
  CHECK(world.sources["lobby"].reads == reads);
  world.let_go(probe, "sink");
  world.settle();
  world.advance(20s);
  CHECK(world.notes["sink"].sequences<Tracks>().size() == 600);
  CHECK(world.notes["sink"].ends<Tracks>() == 1);
}

TEST_CASE("a source that fails is heard of at the end of the pipeline") {
  PipelineWorld world;
  world.sources["lobby"].missing = true;
  world.subscribe<Tracks>(world.probe("sink"), world.tracker("lobby"), reliable());
  world.settle();
  world.advance(1s);
  REQUIRE(world.notes["sink"].messages.size() == 1);
  const auto tag = world.notes["sink"].messages[0].as<Tracks>().getTag();
  CHECK(tag.getEnd());
  CHECK(std::string(tag.getError()) == "not_found: no file lobby");
}

TEST_CASE("a query that comes when a video is over and left sees it from the start") {
  PipelineWorld world;
  const auto tracker = world.tracker("lobby");
  world.subscribe<Tracks>(world.probe("one"), tracker, reliable());
  world.settle();
  world.advance(1s);
  world.unsubscribe<Tracks>(world.probe("one"), tracker);
  world.settle();
  world.subscribe<Tracks>(world.probe("two"), tracker, reliable());
  world.settle();
  world.advance(1s);
  CHECK(findings_of(world.notes["two"]) == findings_of(world.notes["one"]));
}

}  // namespace
}  // namespace omma::test
