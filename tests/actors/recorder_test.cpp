#include "actors/recorder.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

#include "tests/actors/pipeline_world.hpp"
#include "tests/support/temporary_folder.hpp"

namespace omma::test {
namespace {

using namespace std::chrono_literals;

SubscribeOptions reliable() {
  SubscribeOptions options;
  options.delivery = DeliveryClass::reliable;
  return options;
}

Ref<Recorder> recorder(PipelineWorld& world, const std::string& path, float rate = 0,
                       CaptureMode mode = CaptureMode::EVERY_FRAME,
                       Pace pace = Pace::AS_FAST_AS_POSSIBLE) {
  return world.stage<Recorder>([&](RecorderConfig::Builder out) {
    fill_camera(out.initRouter().initCamera(), "lobby", mode, pace);
    fill_tracker(out.initTracker(), "lobby", mode, pace);
    out.getTracker().getDetect().setFramesPerSecondMax(rate);
    auto line = out.initLines(1)[0];
    line.setName("gate");
    line.initA().setX(20);
    line.initB().setX(20);
    line.getB().setY(48);
    out.setPath(path);
  });
}

std::int64_t integer(const Message& row, const char* name) {
  for (const auto field : row.as<ResultRow>().getFields()) {
    if (field.getName() == name) return field.getValue().getInteger();
  }
  return -1;
}

std::string text(const Message& row, const char* name) {
  for (const auto field : row.as<ResultRow>().getFields()) {
    if (field.getName() == name) return field.getValue().getText();
  }
  return "";
}

// Frames that can be read from a video file.
std::uint64_t frames_in(const std::string& path) {
  BufferPool pool(std::size_t{16} << 20);
  SystemClock clock;
  SourceSpec spec;
  spec.url = path;
  auto source = open_source(spec, pool, clock);
  REQUIRE(source);
  std::uint64_t frames = 0;
  for (;;) {
    auto frame = (*source)->read();
    REQUIRE(frame);
    if (!*frame) return frames;
    ++frames;
  }
}

TEST_CASE("every frame is in the file, and the row says so at the end") {
  TemporaryFolder folder;
  const std::string path = (folder.path() / "lobby.mp4").string();
  PipelineWorld world;
  const auto actor = recorder(world, path);
  world.subscribe<ResultRow>(world.probe("session"), actor, reliable());
  world.settle();
  world.advance(2s);
  const auto& rows = world.notes["session"].messages;
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].as<ResultRow>().getKind() == "recorded");
  CHECK(rows[0].as<ResultRow>().getTag().getEnd());
  CHECK(text(rows[0], "path") == path);
  CHECK(text(rows[0], "error").empty());
  CHECK(integer(rows[0], "frames") == 40);
  CHECK(frames_in(path) == 40);
  const auto counts = world.counts(actor, world.camera("lobby").id.low);
  CHECK(counts.received == 80);
  CHECK(counts.emitted == 80);
}

// Pictures so large that the recorder's window holds ten: far fewer than between two frames that
// the tracker looks at.
TEST_CASE("a recorder of large pictures and a slow tracker do not wait for each other for ever") {
  TemporaryFolder folder;
  PipelineWorld world;
  world.sources["lobby"].width = 1280;
  world.sources["lobby"].height = 860;
  world.sources["lobby"].frames = 70;
  const auto actor = recorder(world, (folder.path() / "lobby.mp4").string(), 1.0F);
  world.subscribe<ResultRow>(world.probe("session"), actor, reliable());
  world.settle();
  world.advance(2s);
  REQUIRE(world.notes["session"].messages.size() == 1);
  CHECK(integer(world.notes["session"].messages[0], "frames") == 70);
}

TEST_CASE("a recorder whose turn threw has every frame in its file once") {
  for (const unsigned turn : {1u, 2u, 3u, 10u, 33u, 60u, 80u, 100u, 115u, 120u, 121u, 122u, 123u}) {
    CAPTURE(turn);
    TemporaryFolder folder;
    const std::string path = (folder.path() / "lobby.mp4").string();
    PipelineWorld world;
    const auto actor = recorder(world, path);
    Fault<Recorder>::after = turn;
    world.subscribe<ResultRow>(world.probe("session"), actor, reliable());
    world.settle();
    world.advance(2s);
    REQUIRE(world.notes["session"].messages.size() == 1);
    CHECK(world.find(actor.id)->report().health.restarts == 1);
    CHECK(integer(world.notes["session"].messages[0], "frames") == 40);
    CHECK(frames_in(path) == 40);
  }
}

TEST_CASE("a recorder whose last subscriber leaves closes its file with what it has") {
  TemporaryFolder folder;
  const std::string path = (folder.path() / "lobby.mp4").string();
  PipelineWorld world;
  const auto actor = recorder(world, path, 0, CaptureMode::LIVE, Pace::BY_TIMESTAMPS);
  const auto session = world.probe("session");
  world.subscribe<ResultRow>(session, actor, reliable());
  world.settle();
  world.advance(500ms);
  world.unsubscribe<ResultRow>(session, actor);
  world.settle();
  CHECK(frames_in(path) >= 10);
  world.advance(limits::stage_linger + 2s);
  CHECK(world.find(actor.id) == nullptr);
  CHECK(world.find(world.camera("lobby").id) == nullptr);
}

TEST_CASE("live, a frame whose tracks do not come is left out after a while") {
  TemporaryFolder folder;
  PipelineWorld world;
  world.run_jobs_at_once = false;
  const auto actor = recorder(world, (folder.path() / "lobby.mp4").string(), 0, CaptureMode::LIVE,
                              Pace::BY_TIMESTAMPS);
  const auto shard = world.shard();
  world.subscribe<ResultRow>(world.probe("session"), actor, reliable());
  world.settle();
  while (world.models_loaded == 0 && world.run_job()) {
  }
  for (int i = 0; i < 400; ++i) {
    world.advance(10ms);  // The network never answers.
    for (std::size_t waiting = world.jobs.size(); waiting > 0; --waiting) {
      if (world.jobs.front().owner == shard.id) {
        world.jobs.push_back(std::move(world.jobs.front()));
        world.jobs.pop_front();
      } else {
        world.run_job();
      }
    }
  }
  const auto counts = world.counts(actor, world.camera("lobby").id.low);
  CHECK(counts.filtered.at("no tracks") > 10);
  CHECK(adds_up(counts));
}

TEST_CASE("a model that cannot be loaded ends the recording with the reason") {
  TemporaryFolder folder;
  PipelineWorld world;
  world.detector.missing = true;
  const auto actor = recorder(world, (folder.path() / "lobby.mp4").string());
  world.subscribe<ResultRow>(world.probe("session"), actor, reliable());
  world.settle();
  REQUIRE(world.notes["session"].messages.size() == 1);
  CHECK(text(world.notes["session"].messages[0], "error") ==
        "model fake: not_found: no model 'fake'");
  CHECK(integer(world.notes["session"].messages[0], "frames") == 0);
}

TEST_CASE("a recording's folder is made where there is none") {
  TemporaryFolder folder;
  const std::string path = (folder.path() / "new/west/lobby.mp4").string();
  PipelineWorld world;
  const auto actor = recorder(world, path);
  world.subscribe<ResultRow>(world.probe("session"), actor, reliable());
  world.settle();
  world.advance(2s);
  CHECK(frames_in(path) == 40);
}

TEST_CASE("a file that cannot be written ends the recording with the reason") {
  TemporaryFolder folder;
  std::ofstream(folder.path() / "file") << "in the way";
  PipelineWorld world;
  const auto actor = recorder(world, (folder.path() / "file/lobby.mp4").string());
  world.subscribe<ResultRow>(world.probe("session"), actor, reliable());
  world.settle();
  world.advance(2s);
  REQUIRE(world.notes["session"].messages.size() == 1);
  CHECK(text(world.notes["session"].messages[0], "error").find("its folder cannot be made") !=
        std::string::npos);
  const auto counts = world.counts(actor, world.camera("lobby").id.low);
  CHECK(counts.held == 0);
  CHECK(adds_up(counts));
}

}  // namespace
}  // namespace omma::test
