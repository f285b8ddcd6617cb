#include "tools/accuracy/people_run.hpp"

#include <cstdio>
#include <memory>
#include <utility>

#include "actors/camera.hpp"
#include "actors/model_shard.hpp"
#include "actors/network_detector.hpp"
#include "actors/stream_router.hpp"
#include "actors/tracker.hpp"
#include "apps/people_count/people_count.hpp"
#include "runtime/node/cluster_view.hpp"
#include "schemas/people_count.capnp.h"
#include "tests/actors/probe.hpp"
#include "tests/support/virtual_world.hpp"

namespace omma {
namespace {

constexpr const char* camera_name = "street";
constexpr const char* followed_class = "person";

// The actors of a cluster that people_count needs, and three who listen.
struct AppWorld : test::VirtualWorld {
  AppWorld(ModelStore& models, const App& app) {
    types.add(actor_type<Camera>([this](CameraConfig::Reader config) {
      return std::make_unique<Camera>(
          config, [this](const SourceSpec& source) { return open_source(source, pool, clock); });
    }));
    types.add(actor_type<StreamRouter>([this](RouterConfig::Reader config) {
      return std::make_unique<StreamRouter>(config, pool);
    }));
    types.add(actor_type<ModelShard>([&models](ShardConfig::Reader config) {
      return std::make_unique<ModelShard>(config, network_detector_loader(models, {}));
    }));
    types.add(actor_type<Tracker>());
    for (const ActorType& type : app.types()) types.add(type);
    types.add(actor_type<test::Probe>([this](HelloConfig::Reader config) {
      return std::make_unique<test::Probe>(notes[config.getGreeting()]);
    }));
  }

  void listen(const char* name, const StageSpec& publisher, std::uint64_t message_type,
              Message form = {}) {
    SubscribeOptions options;
    options.delivery = DeliveryClass::reliable;
    options.form = std::move(form);
    const auto probe = stage<test::Probe>([&](HelloConfig::Builder out) { out.setGreeting(name); });
    command(probe, [&](Turn& turn) {
      turn.change_subscription(publisher.id, std::make_shared<StageSpec>(publisher), message_type,
                               true, options);
    });
  }

  BufferPool pool{limits::idle_buffer_bytes_max};
  std::map<std::string, test::ProbeNotes> notes;
};

kernels::Box box_of(Box::Reader box) {
  return {box.getX1(), box.getY1(), box.getX2(), box.getY2()};
}

bool is_person(capnp::List<capnp::Text>::Reader classes, std::uint16_t label) {
  return label < classes.size() && classes[label] == followed_class;
}

ClusterFile one_camera(const PeopleRunOptions& options) {
  CameraSpec camera;
  camera.name = camera_name;
  camera.source = std::filesystem::absolute(options.video).string();
  camera.mode = CameraSpec::Mode::every_frame;
  camera.pace = CameraSpec::Pace::as_fast_as_possible;
  if (options.frames_max > 0) camera.frames_max = options.frames_max;
  ClusterFile cluster;
  cluster.cameras.push_back(std::move(camera));
  return cluster;
}

Result<StageSpec> name_counter(const App& app, const PeopleRunOptions& options,
                               ModelStore& models) {
  Parameters parameters{{"camera", camera_name}};
  if (!options.model.empty()) parameters.emplace("model", options.model);
  for (const std::string& line : options.lines) parameters.emplace("line", line);
  const ClusterFile cluster = one_camera(options);
  auto inputs = app.start(parameters, FileClusterView(cluster, models));
  if (!inputs) return inputs.error();
  return inputs->front();
}

void take_detections(const test::ProbeNotes& notes, PeopleRun& run) {
  for (const Message& message : notes.messages) {
    const auto detections = message.as<Detections>();
    if (detections.getTag().getEnd()) continue;
    run.score_recommended = detections.getScoreRecommended();
    for (const auto seen : detections.getDetections()) {
      if (!is_person(detections.getClasses(), seen.getLabel())) continue;
      run.detections.push_back(
          {detections.getTag().getSequence() + 1, 0, box_of(seen.getBox()), seen.getScore()});
    }
  }
  run.scores = ScoreLevels::around(run.score_recommended);
}

Result<void> take_tracks(const test::ProbeNotes& notes, PeopleRun& run) {
  for (const Message& message : notes.messages) {
    const auto tracks = message.as<Tracks>();
    const auto tag = tracks.getTag();
    if (tag.getEnd()) {
      if (tag.getError().size() > 0) return Error{Code::unavailable, tag.getError().cStr()};
      if (tag.getSequence() == run.frames) continue;
      return Error{Code::corrupt, "tracks of " + std::to_string(run.frames) + " frames came of " +
                                      std::to_string(tag.getSequence()) + " in the video"};
    }
    ++run.frames;
    for (const auto seen : tracks.getTracks()) {
      run.tracks.push_back(
          {tag.getSequence() + 1, seen.getId(), box_of(seen.getBox()), seen.getScore()});
    }
  }
  return {};
}

// The app's last row has two fields a line, "NAME to_right" and "NAME to_left".
Result<void> take_counts(const test::ProbeNotes& notes, PeopleCountConfig::Reader config,
                         PeopleRun& run) {
  for (const Message& message : notes.messages) {
    const auto row = message.as<ResultRow>();
    if (row.getKind() != "end") continue;
    std::map<std::string, std::uint64_t> totals;
    for (const auto field : row.getFields()) {
      if (!field.getValue().isInteger()) continue;
      totals[field.getName()] = static_cast<std::uint64_t>(field.getValue().getInteger());
    }
    for (const auto line : config.getLines()) {
      const std::string name = line.getName();
      run.counts.push_back({name, totals.at(name + " to_left"), totals.at(name + " to_right")});
    }
    return {};
  }
  return Error{Code::corrupt, "people_count ended without its totals"};
}

}  // namespace

Result<PeopleRun> run_people_count(const PeopleRunOptions& options) {
  ModelStore models(options.model_folders);
  const auto app = make_people_count_app();
  const auto counter = name_counter(*app, options, models);
  if (!counter) return counter.error();
  ConfigReader reader(counter->config);
  const auto config = reader.as<PeopleCountConfig>();
  const auto tracker = Turn::stage_ref_of<Tracker>(config.getTracker());
  const auto shard = Turn::stage_ref_of<ModelShard>(config.getTracker().getShard());

  AppWorld world(models, *app);
  world.listen("detections", *shard.spec, type_id_of<Detections>(),
               Message::copy_of<DetectRequest>(config.getTracker().getDetect()));
  world.listen("tracks", *tracker.spec, type_id_of<Tracks>());
  world.listen("rows", *counter, type_id_of<ResultRow>());
  world.settle();
  const auto ended = [&] {
    const auto& rows = world.notes["rows"].messages;
    return !rows.empty() && rows.back().as<ResultRow>().getTag().getEnd();
  };
  // Of virtual time; a step ends when nothing is left to do in it, however long that takes.
  constexpr auto step = std::chrono::milliseconds(100);
  constexpr int idle_steps_max = 1000;
  std::size_t seen = 0;
  for (int idle = 0; !ended(); ++idle) {
    if (idle == idle_steps_max) {
      return Error{Code::unavailable, "nothing came any more after " + std::to_string(seen) +
                                          " rows of " + options.video.string()};
    }
    world.advance(step);
    if (std::exchange(seen, world.notes["rows"].messages.size()) != seen) idle = 0;
  }
  PeopleRun run;
  take_detections(world.notes["detections"], run);
  if (auto taken = take_tracks(world.notes["tracks"], run); !taken) return taken.error();
  if (auto taken = take_counts(world.notes["rows"], config, run); !taken) return taken.error();
  return run;
}

std::string mot_csv(const std::vector<SeenBox>& boxes) {
  std::string text;
  for (const SeenBox& seen : boxes) {
    const long long id = seen.track_id == 0 ? -1 : static_cast<long long>(seen.track_id);
    char line[192];
    const int length = std::snprintf(
        line, sizeof line, "%llu,%lld,%.9g,%.9g,%.9g,%.9g,%.9g\n",
        static_cast<unsigned long long>(seen.frame), id, static_cast<double>(seen.box.x1),
        static_cast<double>(seen.box.y1), static_cast<double>(seen.box.width()),
        static_cast<double>(seen.box.height()), static_cast<double>(seen.score));
    text.append(line, static_cast<std::size_t>(length));
  }
  return text;
}

}  // namespace omma
