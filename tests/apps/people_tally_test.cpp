#include "apps/people_count/people_tally.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace omma {
namespace {

// A line down the middle at x = 100, and a limit of one person.
class Yard {
 public:
  explicit Yard(CaptureMode mode = CaptureMode::EVERY_FRAME) {
    auto config = builder_.initRoot<PeopleCountConfig>();
    config.initTracker().initDetect().initRouter().initCamera().setMode(mode);
    auto line = config.initLines(1)[0];
    line.setName("door");
    line.initA().setX(100);
    line.initB().setX(100);
    line.getB().setY(200);
    config.setAlertOver(1);
    tally = std::make_unique<PeopleTally>(config.asReader());
  }

  // Kinds of what this frame brought; each person is where a number says, in order of their ids.
  std::string frame(std::uint64_t sequence, std::vector<float> places) {
    std::vector<TrackBox> people;
    for (std::size_t i = 0; i < places.size(); ++i) {
      people.push_back({i + 1, {places[i] - 5, 50, places[i] + 5, 100}, 0.9F, 0, 1});
    }
    std::string kinds;
    for (const Finding& finding : tally->update(sequence, people)) {
      kinds += std::string(kinds.empty() ? "" : " ") + finding.kind;
    }
    return kinds;
  }
  // A move, or a crash of a durable counter.
  void restart() {
    const Message state =
        Message::build<PeopleCountState>([&](PeopleCountState::Builder out) { tally->save(out); });
    tally = std::make_unique<PeopleTally>(builder_.getRoot<PeopleCountConfig>().asReader());
    REQUIRE(tally->load(state.as<PeopleCountState>()).ok());
    const Message again =
        Message::build<PeopleCountState>([&](PeopleCountState::Builder out) { tally->save(out); });
    CHECK(std::ranges::equal(state.flat_words().bytes(), again.flat_words().bytes()));
  }

  std::unique_ptr<PeopleTally> tally;

 private:
  capnp::MallocMessageBuilder builder_;
};

TEST_CASE("a frame that was counted counts no more, though who is in it crosses the line again") {
  const bool restarted = GENERATE(false, true);
  Yard yard;
  CHECK(yard.frame(0, {50}) == "frame");
  CHECK(yard.frame(1, {150}) == "crossing frame");
  CHECK(yard.frame(2, {150}) == "frame");
  if (restarted) yard.restart();
  CHECK(yard.frame(0, {50}).empty());
  CHECK(yard.frame(1, {150}).empty());
  CHECK(yard.frame(2, {150}).empty());
  CHECK(yard.frame(3, {150}) == "frame");
}

TEST_CASE("a tracker that sees every frame again means the same people by its ids") {
  const bool restarted = GENERATE(false, true);
  Yard yard;
  CHECK(yard.frame(0, {50}) == "frame");
  yard.tally->tracker_lost();
  if (restarted) yard.restart();
  CHECK(yard.frame(0, {50}).empty());
  CHECK(yard.frame(1, {150}) == "crossing frame");
}

TEST_CASE("after a gap an id may be another person's, who has crossed nothing") {
  Yard yard;
  CHECK(yard.frame(0, {50}) == "frame");
  yard.tally->tracker_lost();
  CHECK(yard.frame(5, {150}) == "frame");
  CHECK(yard.frame(6, {50}) == "crossing frame");
}

TEST_CASE("in live mode it may always be") {
  Yard yard(CaptureMode::LIVE);
  CHECK(yard.frame(0, {50}) == "frame");
  yard.tally->tracker_lost();
  CHECK(yard.frame(1, {150}) == "frame");
}

TEST_CASE("a live camera that begins anew is counted on, with nobody standing anywhere") {
  Yard yard(CaptureMode::LIVE);
  CHECK(yard.frame(0, {50}) == "frame");
  CHECK(yard.frame(1, {150}) == "crossing frame");
  CHECK(yard.frame(5000, {50}) == "crossing frame");
  CHECK(yard.frame(0, {150}) == "frame");
  CHECK(yard.frame(1, {50}) == "crossing frame");
  CHECK(yard.tally->totals().fields.size() == 3);
}

}  // namespace
}  // namespace omma
