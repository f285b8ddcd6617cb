#include "apps/omma/node_process.hpp"

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "actors/camera.hpp"
#include "actors/logged_source.hpp"
#include "actors/model_shard.hpp"
#include "actors/network_detector.hpp"
#include "actors/query_session.hpp"
#include "actors/recorder.hpp"
#include "actors/stream_router.hpp"
#include "actors/tracker.hpp"
#include "actors/warm_detectors.hpp"
#include "apps/hello/hello.hpp"
#include "apps/omma/exit_code.hpp"
#include "apps/omma/prewarm_thread.hpp"
#include "apps/people_count/people_count.hpp"
#include "omma/library.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/nearest_name.hpp"
#include "runtime/link/shared_arena.hpp"
#include "runtime/model/batch_tally.hpp"
#include "runtime/model/model_exchange.hpp"
#include "runtime/model/model_store.hpp"
#include "runtime/node/app_modules.hpp"
#include "runtime/node/cluster_view.hpp"
#include "runtime/node/gateway.hpp"
#include "runtime/node/node.hpp"
#include "runtime/observe/log.hpp"

namespace omma {
namespace {

// What of this process the built-in actors need.
struct ActorNeeds {
  OpenSource open_camera;
  BufferPool& pool;
  OpenRecordings& recordings;
  WarmDetectors& detectors;
  PrewarmThread& prewarm;
  Duration linger;
};

ActorType model_shard_type(const ActorNeeds& needs) {
  WarmDetectors& detectors = needs.detectors;
  ActorType type = actor_type<ModelShard>([&detectors](ShardConfig::Reader config) {
    return std::make_unique<ModelShard>(
        config, [&detectors](const std::string& model, const std::string& model_hash) {
          return detectors.load(model, model_hash);
        });
  });
  type.prewarm = [&detectors, &prewarm = needs.prewarm](std::span<const std::byte> bytes,
                                                        std::function<void(Result<void>)> done) {
    ConfigReader reader(bytes);
    const auto config = reader.as<ShardConfig>();
    const std::string model = config.getModel();
    const std::string model_hash = config.getModelHash();
    if (model_hash.empty()) return done({});  // Whatever the name means when the shard is here.
    prewarm.run([&detectors, model, model_hash] { return detectors.prepare(model, model_hash); },
                std::move(done));
  };
  return type;
}

// The built-in actors; those of apps come from AppModules.
ActorTypes make_types(const ActorNeeds& needs) {
  std::vector<ActorType> all;
  all.push_back(actor_type<Camera>([open = needs.open_camera](CameraConfig::Reader config) {
    return std::make_unique<Camera>(config, open);
  }));
  all.push_back(actor_type<StreamRouter>([&pool = needs.pool](RouterConfig::Reader config) {
    return std::make_unique<StreamRouter>(config, pool);
  }));
  all.push_back(model_shard_type(needs));
  all.push_back(actor_type<Tracker>());
  all.push_back(
      actor_type<Recorder>([&recordings = needs.recordings](RecorderConfig::Reader config) {
        return std::make_unique<Recorder>(config, recordings);
      }));
  all.push_back(actor_type<QuerySession>());
  ActorTypes types;
  for (ActorType& type : all) {
    type.linger = needs.linger;
    types.add(std::move(type));
  }
  return types;
}

// Names that no app's actor type may have.
std::set<std::string> names_of(const ActorTypes& types) {
  std::set<std::string> names{gateway_type_name};
  for (const auto& [name, type] : types.all()) names.insert(name);
  return names;
}

// What lies beside the library, then what the cluster file names.
Result<void> load_modules(AppModules& modules, const std::vector<std::filesystem::path>& named) {
  std::vector<std::filesystem::path> places = named;
  const std::filesystem::path installed = library_folder() / "omma" / "apps";
  std::error_code absent;
  if (std::filesystem::is_directory(installed, absent)) places.insert(places.begin(), installed);
  for (const std::filesystem::path& place : places) {
    if (auto loaded = modules.load(place); !loaded) return loaded;
  }
  return {};
}

// What the cluster file names; else the models that were installed with omma, if it was.
std::vector<std::filesystem::path> model_folders(const ClusterFile& cluster, const NodeSpec& node) {
  if (!node.model_folders.empty()) return node.model_folders;
  if (!cluster.model_folders.empty()) return cluster.model_folders;
  // lib/, or on Debian lib/<machine>/.
  for (auto folder = library_folder(); folder != folder.parent_path();
       folder = folder.parent_path()) {
    const auto installed = folder / "share" / "omma" / "models";
    std::error_code absent;
    if (std::filesystem::is_directory(installed, absent)) return {installed};
  }
  return {};
}

Result<std::unique_ptr<FrameSource>> open_logged(const SourceSpec& spec, BufferPool& pool,
                                                 const Clock& clock, Log& log) {
  auto source = open_source(spec, pool, clock);
  if (!source) return source;
  return std::unique_ptr<FrameSource>(std::make_unique<LoggedSource>(*std::move(source), log));
}

// Where pictures lie, if other nodes may be on this machine. Without it everything is sent.
std::shared_ptr<SharedArena> make_arena(const ClusterFile& cluster, Log& log) {
  const bool wanted =
      std::any_of(cluster.nodes.begin(), cluster.nodes.end(),
                  [](const NodeSpec& node) { return node.listen_address.starts_with("unix:"); });
  if (!wanted) return nullptr;
  auto arena = SharedArena::create(limits::arena_bytes);
  if (arena) return *std::move(arena);
  log.warn("link", "pictures are sent to nodes on this machine, not shared with them",
           {{"why", arena.error().message}});
  return nullptr;
}

// What the store serves and what it refuses, with why.
std::string models_as_json(ModelStore& store) {
  const ModelStore::Listing listing = store.list();
  nlohmann::ordered_json json{{"models", nlohmann::json::array()},
                              {"refused", nlohmann::json::array()}};
  for (const ModelFile& model : listing.models) {
    json["models"].push_back({{"name", model.card.name},
                              {"kind", std::string(to_string(model.card.kind))},
                              {"width", model.card.input.width},
                              {"height", model.card.input.height},
                              {"classes", model.card.classes},
                              {"licence", model.card.licence},
                              {"bytes", model.size_bytes},
                              {"sha256", model.hash.hex()},
                              {"path", model.path.string()}});
  }
  for (const Error& error : listing.refused) json["refused"].push_back(error.message);
  return json.dump();
}

// Waits for the signals that end a process, and passes them on to the node of the moment.
class StopSignal {
 public:
  explicit StopSignal(const sigset_t& signals) : signals_(signals) {}

  bool came() const { return came_; }
  // Waits until the node stops, whyever; `now_and_then` is called several times a second.
  void wait(Node& node, const std::function<void()>& now_and_then) {
    std::jthread watch([&](const std::stop_token& done) {
      while (!done.stop_requested()) {
        if (comes_within(patience)) node.request_stop();
        now_and_then();
      }
    });
    node.wait_until_stopped();
  }
  // True if one came.
  bool comes_within(Duration time) {
    const auto ns = time.count();
    const timespec left{ns / 1'000'000'000, ns % 1'000'000'000};
    if (sigtimedwait(&signals_, nullptr, &left) > 0) came_ = true;
    return came_;
  }

 private:
  static constexpr Duration patience = std::chrono::milliseconds(100);
  const sigset_t signals_;
  std::atomic<bool> came_{false};
};

// One life of the node after the other: one that was declared dead, because it was cut off or stood
// still, begins anew as another incarnation, with nothing of what it had.
ExitCode run_lives(const NodeOptions& options, const ActorTypes& types, const NodeParts& parts,
                   StopSignal& stop, const std::function<void()>& now_and_then) {
  constexpr Duration retry_delay = std::chrono::seconds(1);
  for (bool first = true;; first = false) {
    auto node = Node::start(options, types, parts);
    if (!node) {
      parts.log.error("node", "not started", {{"why", node.error().describe()}});
      if (first || stop.comes_within(retry_delay)) return first ? exit_failed : exit_ok;
      continue;
    }
    stop.wait(**node, now_and_then);
    const bool declared_dead = (*node)->was_declared_dead();
    parts.log.info("node", "stopping");
    parts.exchange.content().disconnect();  // What is being prewarmed may wait for a peer.
    parts.modules.content().disconnect();
    node->reset();
    if (!declared_dead || stop.came()) return exit_ok;
    parts.log.warn("node", "was declared dead: begins anew as another incarnation");
  }
}

int fail(const Error& error, ExitCode code) {
  std::fprintf(stderr, "omma node: %s\n", error.describe().c_str());
  return code;
}

}  // namespace

std::vector<std::unique_ptr<App>> make_apps() {
  std::vector<std::unique_ptr<App>> apps;
  apps.push_back(make_hello_app());
  apps.push_back(make_people_count_app());
  return apps;
}

int run_node(const std::string& name, const std::filesystem::path& cluster_file,
             const ClusterVariables& variables, bool verbose,
             std::vector<std::unique_ptr<App>> apps) {
  const auto cluster = read_cluster_file(cluster_file, variables);
  if (!cluster) return fail(cluster.error(), exit_usage);
  const NodeSpec* spec = cluster->find_node(name);
  if (spec == nullptr) {
    std::vector<std::string> names;
    for (const NodeSpec& node : cluster->nodes) names.push_back(node.name);
    return fail({Code::not_found, "no node '" + name + "' in " + cluster_file.string() +
                                      suggestion_for(name, names)},
                exit_usage);
  }
  // Signals are taken by one thread that waits for them; blocked before any thread starts.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  prepare_allocator();
  const SystemClock clock;
  SystemRandom random;
  LogOptions log_options;
  log_options.level = verbose ? LogLevel::debug : LogLevel::info;
  log_options.json_lines_file = spec->data_folder / "log.jsonl";
  log_options.node_name = name;
  const auto log = make_log(log_options, clock);
  if (!log) return fail(log.error(), exit_failed);
  const auto arena = make_arena(*cluster, **log);
  const auto pool = std::make_shared<BufferPool>(limits::idle_buffer_bytes_max, arena);

  const std::filesystem::path model_cache = spec->data_folder / "models";
  ModelStore models(model_folders(*cluster, *spec), model_cache);
  ModelExchange exchange(models, model_cache, *pool);
  NetworkOptions network;
  network.threads = 1;
  BatchTally batches(clock);
  WarmDetectors detectors(network_detector_loader(models, network, &exchange, &batches), clock);
  PrewarmThread prewarm;
  OpenRecordings recordings(*pool);
  const FileClusterView view(*cluster, models);
  const ActorTypes types = make_types(
      {[&](const SourceSpec& source) { return open_logged(source, *pool, clock, **log); }, *pool,
       recordings, detectors, prewarm, cluster->stage_linger});
  AppModules modules(std::move(apps),
                     {std::string(build_stamp()), spec->data_folder / "apps", names_of(types)},
                     *pool);
  if (auto loaded = load_modules(modules, spec->app_modules); !loaded) {
    return fail(loaded.error(), exit_usage);
  }

  NodeOptions options;
  options.spec = *spec;
  options.cluster = *cluster;
  const NodeParts parts{clock,    random, **log,    pool,
                        modules,  view,   exchange, [&models] { return models_as_json(models); },
                        &batches, arena};
  StopSignal stop(signals);
  const ExitCode code = run_lives(options, types, parts, stop, [&] { detectors.forget_old(); });
  prewarm.stop();
  return code;
}

}  // namespace omma
