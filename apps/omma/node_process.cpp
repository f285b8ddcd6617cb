#include "apps/omma/node_process.hpp"

#include <signal.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "actors/camera.hpp"
#include "actors/model_shard.hpp"
#include "actors/network_detector.hpp"
#include "actors/query_session.hpp"
#include "actors/recorder.hpp"
#include "actors/stream_router.hpp"
#include "actors/tracker.hpp"
#include "apps/hello/hello.hpp"
#include "apps/omma/exit_code.hpp"
#include "apps/people_count/people_count.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/nearest_name.hpp"
#include "runtime/model/model_store.hpp"
#include "runtime/node/cluster_view.hpp"
#include "runtime/node/node.hpp"
#include "runtime/observe/log.hpp"

namespace omma {
namespace {

// The built-in actors and the apps' own, each with what it needs of this process.
ActorTypes make_types(const std::vector<std::unique_ptr<App>>& apps, OpenSource open_camera,
                      LoadDetector load_detector, BufferPool& pool, OpenRecordings& recordings,
                      Duration linger) {
  std::vector<ActorType> all;
  all.push_back(actor_type<Camera>([open_camera](CameraConfig::Reader config) {
    return std::make_unique<Camera>(config, open_camera);
  }));
  all.push_back(actor_type<StreamRouter>([&pool](RouterConfig::Reader config) {
    return std::make_unique<StreamRouter>(config, pool);
  }));
  all.push_back(actor_type<ModelShard>([load_detector](ShardConfig::Reader config) {
    return std::make_unique<ModelShard>(config, load_detector);
  }));
  all.push_back(actor_type<Tracker>());
  all.push_back(actor_type<Recorder>([&recordings](RecorderConfig::Reader config) {
    return std::make_unique<Recorder>(config, recordings);
  }));
  all.push_back(actor_type<QuerySession>());
  for (const auto& app : apps) all.push_back(app->type());
  ActorTypes types;
  for (ActorType& type : all) {
    type.linger = linger;
    types.add(std::move(type));
  }
  return types;
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

std::string models_as_json(const std::vector<std::filesystem::path>& folders) {
  ModelStore store(folders);
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

int run_node(const std::string& name, const std::filesystem::path& cluster_file,
             const ClusterVariables& variables, bool verbose) {
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
  auto pool = std::make_shared<BufferPool>(limits::idle_buffer_bytes_max);
  LogOptions log_options;
  log_options.level = verbose ? LogLevel::debug : LogLevel::info;
  log_options.json_lines_file = spec->data_folder / "log.jsonl";
  log_options.node_name = name;
  const auto log = make_log(log_options, clock);
  if (!log) return fail(log.error(), exit_failed);

  ModelStore models(spec->model_folders.empty() ? cluster->model_folders : spec->model_folders);
  NetworkOptions network;
  network.threads = 1;
  OpenRecordings recordings(*pool);
  const std::vector<std::unique_ptr<App>> apps = make_apps();
  const FileClusterView view(*cluster, models);
  ActorTypes types = make_types(
      apps, [&](const SourceSpec& source) { return open_source(source, *pool, clock); },
      network_detector_loader(models, network), *pool, recordings, cluster->stage_linger);

  NodeOptions options;
  options.spec = *spec;
  options.cluster = *cluster;
  auto node = Node::start(std::move(options), std::move(types),
                          NodeParts{clock, random, **log, pool, apps, view, [&] {
                                      return models_as_json(spec->model_folders.empty()
                                                                ? cluster->model_folders
                                                                : spec->model_folders);
                                    }});
  if (!node) {
    (*log)->error("node", "not started", {{"why", node.error().describe()}});
    return exit_failed;
  }
  std::jthread signal_thread([&](const std::stop_token& done) {
    const timespec patience{0, 100'000'000};
    while (!done.stop_requested()) {
      if (sigtimedwait(&signals, nullptr, &patience) > 0) (*node)->request_stop();
    }
  });
  (*node)->wait_until_stopped();
  (*log)->info("node", "stopping");
  node->reset();
  return exit_ok;
}

}  // namespace omma
