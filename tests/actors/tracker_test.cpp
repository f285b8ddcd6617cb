#include "actors/tracker.hpp"

#include <catch2/catch.hpp>

#include "tests/actors/pipeline_world.hpp"

namespace omma::test {
namespace {

using namespace std::chrono_literals;

SubscribeOptions reliable() {
  SubscribeOptions options;
  options.delivery = DeliveryClass::reliable;
  return options;
}

// Ids and boxes, not times.
std::string text_of(const ProbeNotes& notes) {
  std::string text;
  for (const Message& message : notes.messages) {
    const auto tracks = message.as<Tracks>();
    text += std::to_string(tracks.getTag().getSequence()) + (tracks.getTag().getEnd() ? "e" : ":");
    for (const auto track : tracks.getTracks()) {
      text += " " + std::to_string(track.getId()) + "@" + std::to_string(track.getBox().getX1()) +
              "/" + std::to_string(track.getAgeFrames());
    }
    text += "\n";
  }
  return text;
}

std::string run(unsigned fault) {
  PipelineWorld world;
  const auto tracker = world.tracker("lobby");
  Fault<Tracker>::after = fault;
  world.subscribe<Tracks>(world.probe("sink"), tracker, reliable());
  world.settle();
  world.advance(2s);
  CHECK(world.notes["sink"].ends<Tracks>() == 1);
  return text_of(world.notes["sink"]);
}

TEST_CASE("a tracker tells of every frame, with the same id for the same person") {
  PipelineWorld world;
  const auto tracker = world.tracker("lobby");
  world.subscribe<Tracks>(world.probe("sink"), tracker, reliable());
  world.settle();
  world.advance(2s);
  const auto& notes = world.notes["sink"];
  REQUIRE(notes.sequences<Tracks>().size() == 40);
  CHECK(notes.ends<Tracks>() == 1);
  const auto later = notes.messages[20].as<Tracks>();
  REQUIRE(later.getTracks().size() == 1);
  CHECK(later.getTracks()[0].getId() == 1);
  CHECK(later.getTracks()[0].getAgeFrames() == 20);
  CHECK(later.getTag().getHops()[3].getStage() == "track");
}

TEST_CASE("what starts a track follows from where the network's card cuts its scores") {
  const float score_recommended = GENERATE(0.0F, 0.3F, 0.95F);
  CAPTURE(score_recommended);
  PipelineWorld world;
  world.detector.score_recommended = score_recommended;
  world.subscribe<Tracks>(world.probe("sink"), world.tracker("lobby"), reliable());
  world.settle();
  world.advance(2s);
  // The detector is 0.9 sure.
  const bool enough = ScoreLevels::around(score_recommended).start <= 0.9F;
  CHECK(enough == (score_recommended < 0.9F));
  CHECK(world.notes["sink"].messages.at(20).as<Tracks>().getTracks().size() == (enough ? 1 : 0));
}

TEST_CASE("a tracker whose turn threw gives the same tracks as one that never did") {
  const std::string undisturbed = run(0);
  for (unsigned turn = 1; turn <= 41; ++turn) {
    CAPTURE(turn);
    CHECK(run(turn) == undisturbed);
  }
}

TEST_CASE("a tracker's state is all that its later frames depend on") {
  const auto detections = [](std::uint64_t sequence) {
    return Message::build<Detections>([&](Detections::Builder out) {
      out.initTag().setSequence(sequence);
      auto found = out.initDetections(1)[0];
      found.setScore(0.9F);
      found.initBox().setX1(static_cast<float>(sequence) * 3);
      found.getBox().setX2(static_cast<float>(sequence) * 3 + 20);
      found.getBox().setY2(40);
    });
  };
  const auto make = [] {
    capnp::MallocMessageBuilder config;
    fill_tracker(config.initRoot<TrackerConfig>(), "lobby");
    return std::make_unique<Tracker>(config.getRoot<TrackerConfig>().asReader());
  };
  const auto state_of = [](const Tracker& tracker) {
    return Message::build<TrackerState>([&](TrackerState::Builder out) { tracker.save(out); });
  };
  auto one = make();
  for (std::uint64_t i = 0; i < 20; ++i) {
    const Message message = detections(i);
    Turn turn(Turn::Context{});
    one->on(message.as<Detections>(), turn);
    auto other = make();
    const Message state = state_of(*one);
    REQUIRE(other->load(state.as<TrackerState>()));
    const Message again = state_of(*other);
    const Blob words = state.flat_words();
    const Blob words_again = again.flat_words();
    CHECK(std::equal(words.bytes().begin(), words.bytes().end(), words_again.bytes().begin(),
                     words_again.bytes().end()));
    one = std::move(other);
  }
}

TEST_CASE("only the classes asked for are followed") {
  PipelineWorld world;
  const auto tracker = world.stage<Tracker>([](TrackerConfig::Builder out) {
    fill_tracker(out, "lobby");
    out.initLabels(1).set(0, "vehicle");
  });
  world.subscribe<Tracks>(world.probe("sink"), tracker, reliable());
  world.settle();
  world.advance(2s);
  for (const Message& message : world.notes["sink"].messages) {
    CHECK(message.as<Tracks>().getTracks().size() == 0);  // Those are never sure enough.
  }
}

}  // namespace
}  // namespace omma::test
