#include "runtime/node/node.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>

#include "runtime/cell/caf_scheduler.hpp"
#include "runtime/directory/directory.hpp"
#include "runtime/link/knock.hpp"
#include "runtime/link/link.hpp"
#include "runtime/link/page_server.hpp"
#include "runtime/model/model_exchange.hpp"
#include "runtime/node/app_module_source.hpp"
#include "runtime/node/control_service.hpp"
#include "runtime/node/gateway.hpp"
#include "runtime/node/metrics_page.hpp"
#include "runtime/node/node_core.hpp"
#include "runtime/node/node_watch.hpp"
#include "runtime/node/report_collection.hpp"
#include "runtime/node/trace_service.hpp"
#include "runtime/node/wire_checks.hpp"
#include "runtime/observe/process_memory.hpp"
#include "schemas/control.capnp.h"

namespace omma {
namespace {

constexpr Duration sign_off_patience = std::chrono::seconds(2);

struct SystemConfig : caf::actor_system_config {
  explicit SystemConfig(std::size_t threads) { configure_cells(*this, threads, false); }
};

std::optional<TlsFiles> tls_of(const NodeSpec& spec) {
  if (!spec.tls) return std::nullopt;
  return TlsFiles{spec.tls->authority.string(), spec.tls->certificate.string(),
                  spec.tls->key.string()};
}

// Waits for an asynchronous answer; for start and end only, never from a turn.
template <class T>
Result<T> wait_for(const std::function<void(std::function<void(Result<T>)>)>& ask,
                   Duration patience) {
  auto promise = std::make_shared<std::promise<Result<T>>>();
  std::future<Result<T>> answer = promise->get_future();
  ask([promise](Result<T> result) { promise->set_value(std::move(result)); });
  if (answer.wait_for(patience) != std::future_status::ready) {
    return Error{Code::unavailable, "no answer in time"};
  }
  return answer.get();
}

bool is_authenticated(const NodeSpec& node) {
  return node.tls || node.listen_address.starts_with("unix:");
}

// Code comes from nobody whom this node cannot know.
std::string why_closed_to_clients(const NodeSpec& node) {
  if (is_authenticated(node)) return {};
  return "anybody may call node " + node.name + " at " + node.listen_address +
         "; give the nodes tls, or name the module under apps: in the cluster file";
}

class RunningNode final : public Node {
 public:
  RunningNode(NodeOptions options, ActorTypes types, NodeParts parts)
      : options_(std::move(options)),
        types_(types),
        parts_(parts),
        modules_(std::make_unique<AppModuleSource>(
            parts.modules, types_, parts.log,
            AppModuleSource::Options{options_.cluster.stage_linger,
                                     why_closed_to_clients(options_.spec)})),
        is_head_(options_.cluster.head_node == options_.spec.name),
        system_config_(options_.scheduler_threads),
        system_(system_config_),
        scheduler_(system_),
        compute_(make_thread_executor("omma-compute", options_.spec.executors.compute_threads)),
        io_(make_thread_executor("omma-io", options_.spec.executors.io_threads + 1)),
        directory_io_(make_thread_executor("omma-directory", 1)) {}

  ~RunningNode() override {
    metrics_.reset();
    if (core_) core_->close();
    if (history_) history_->stopped();
    if (registered_ && !was_declared_dead()) sign_off();
    disconnect_content();
    hub_.reset();
    modules_.reset();
    directory_io_.reset();
    io_.reset();
    compute_.reset();
    watch_.reset();
    control_.reset();
    traces_.reset();
    moves_.reset();
    gateway_.reset();
    core_.reset();
  }

  Result<void> begin() {
    if (is_head_) {
      auto opened = open_sqlite_directory(options_.spec.data_folder / "directory.sqlite");
      if (!opened) return opened.error();
      engine_ = *std::move(opened);
      service_ = std::make_unique<DirectoryService>(*engine_, *directory_io_);
    }
    auto waiting = make_gateway_waiting();
    types_.add(gateway_type(waiting));
    if (auto opened = open_links(); !opened) return opened;
    if (auto registered = sign_on(); !registered) return registered;

    if (!options_.spec.history_file.empty()) {
      auto history = History::open(options_.spec.history_file, core_->self(), parts_.clock);
      if (!history) return history.error();
      history_ = *std::move(history);
    }
    watch_ = std::make_unique<NodeWatch>(turns_, parts_.clock, parts_.log);
    Host& host = core_->begin_hosting(history_.get());
    const StageSpec spec = gateway_spec(core_->self());
    const auto lives = wait_for<ActorRecord>([&](auto done) { host.activate(spec, done); },
                                             limits::request_timeout);
    if (!lives) return lives.error();
    const std::optional<Cell> cell = host.cell(spec.id);
    OMMA_CHECK(cell.has_value(), spec.id.text());
    gateway_ = std::make_unique<Gateway>(*cell, waiting);
    moves_ = std::make_unique<MoveService>(
        MoveServices{core_->self(), host, core_->directory(), *hub_, types_,
                     [this](const std::string& node) { return actors_max(node); }});
    control_ = std::make_unique<ControlService>(
        ControlServices{core_->self(), host, *gateway_, core_->directory(), core_->switchboard(),
                        *hub_, parts_.view, *modules_, parts_.models_json,
                        [this] { request_stop(); }, parts_.random, *moves_, turns_, *watch_});
    traces_ = std::make_unique<TraceService>(TraceServices{core_->self(), hops_.get(),
                                                           [this] { return head_clock(); },
                                                           core_->directory(), *hub_, *io_});
    core_->open([this](const Message& request, const Answer& answer) {
      if (traces_->handle(request, answer)) return;
      if (request.is<wire::FetchBlob>()) {
        return io_->run([this, request] { return serve_content(request); }, answer);
      }
      if (request.is<wire::FindAppModule>()) return answer(parts_.modules.find(request));
      control_->handle(request, answer);
    });
    std::vector<std::string> peers;
    std::vector<std::string> known;  // Of whom code may come.
    for (const NodeSpec& peer : options_.cluster.nodes) {
      if (peer.name == options_.spec.name) continue;
      hub_->set_peer(peer.name, peer.listen_address);
      peers.push_back(peer.name);
      if (is_authenticated(options_.spec) && is_authenticated(peer)) known.push_back(peer.name);
    }
    const auto ask = [this](const std::string& peer, Message request, Answer answer) {
      hub_->call(peer, std::move(request), limits::request_timeout, std::move(answer));
    };
    parts_.exchange.content().connect(std::move(peers), ask);
    parts_.modules.content().connect(std::move(known), ask);
    if (auto served = serve_metrics(); !served) return served;
    parts_.log.info("node", "ready", {{"address", address()}});
    return {};
  }

  std::string address() const override { return hub_->listen_address(); }

  void request_stop() override {
    std::lock_guard lock(mutex_);
    stop_wanted_ = true;
    stop_.notify_all();
  }

  void wait_until_stopped() override {
    std::unique_lock lock(mutex_);
    stop_.wait(lock, [this] { return stop_wanted_ || declared_dead_; });
  }

  bool was_declared_dead() const override {
    std::lock_guard lock(mutex_);
    return declared_dead_;
  }

 private:
  Result<void> open_links() {
    const NodeId self{options_.spec.name, Incarnation::draw(parts_.random), 0};
    if (options_.cluster.trace) hops_ = std::make_unique<HopRing>(limits::trace_hops_max);
    core_ = std::make_unique<NodeCore>(
        self,
        NodeCoreParts{.scheduler = scheduler_,
                      .types = types_,
                      .clock = parts_.clock,
                      .compute = *compute_,
                      .io = *io_,
                      .log = parts_.log,
                      .head = options_.cluster.head_node,
                      .directory = service_.get(),
                      .lease = LeaseTimes{.ttl = options_.cluster.lease},
                      .knock = [this](Duration timeout,
                                      std::function<void(bool)> answer) { knock(timeout, answer); },
                      .actors_max = [this](const std::string& node) { return actors_max(node); },
                      .on_dead = [this](const Error&) { on_dead(); },
                      .hops = hops_.get(),
                      .times_turns = !options_.spec.metrics_address.empty(),
                      .more_types = modules_.get(),
                      .turns = &turns_});
    auto hub = open_link_hub(LinkOptions{self, options_.spec.listen_address, tls_of(options_.spec),
                                         check_body, parts_.arena},
                             core_->link_handlers(), parts_.pool, parts_.clock);
    if (!hub) return hub.error();
    hub_ = *std::move(hub);
    core_->attach(*hub_);
    return {};
  }

  // A hash names a model or a module; it does not say which.
  Result<Message> serve_content(const Message& request) {
    auto module = parts_.modules.content().serve(request);
    if (module || module.error().code != Code::not_found) return module;
    return parts_.exchange.content().serve(request);
  }

  void disconnect_content() {
    parts_.exchange.content().disconnect();
    parts_.modules.content().disconnect();
  }

  const NodeSpec& head() const {
    const NodeSpec* found = options_.cluster.find_node(options_.cluster.head_node);
    OMMA_CHECK(found != nullptr, options_.cluster.head_node);
    return *found;
  }

  // Blocks for as long as nothing comes, so it runs where blocking is allowed.
  void knock(Duration timeout, const std::function<void(bool refused)>& answer) {
    auto refused = std::make_shared<std::atomic<bool>>(false);
    io_->run(
        [refused, timeout, address = head().listen_address]() -> Result<Message> {
          *refused = is_refused(address, timeout);
          return Message();
        },
        [refused, answer](const Result<Message>&) { answer(*refused); });
  }

  Result<void> serve_metrics() {
    if (options_.spec.metrics_address.empty()) return {};
    auto server = open_page_server(
        {options_.spec.metrics_address, "/metrics", metrics_content_type},
        [this]() -> Result<std::string> {
          auto numbers = wait_for<NodeNumbers>(
              [this](const std::function<void(Result<NodeNumbers>)>& done) { count(done); },
              report_patience * 2);
          if (!numbers) return numbers.error();
          return metrics_page(*numbers);
        });
    if (!server) return server.error();
    metrics_ = *std::move(server);
    parts_.log.info("node", "metrics", {{"address", metrics_->listen_address()}});
    return {};
  }

  // Asks whoever owns counters; cells answer between two turns.
  void count(const std::function<void(Result<NodeNumbers>)>& done) {
    collect_reports(core_->switchboard(), core_->host(),
                    [this, done](std::vector<CellReport> cells, std::size_t silent) {
                      NodeNumbers numbers = own_numbers();
                      numbers.report.cells = std::move(cells);
                      numbers.report.silent_cells = silent;
                      done(std::move(numbers));
                    });
  }

  NodeNumbers own_numbers() {
    const Host& host = core_->host();
    NodeNumbers numbers;
    numbers.report.node = core_->self();
    numbers.report.switchboard = core_->switchboard().counters();
    numbers.report.link = hub_->counters();
    numbers.report.host = host.counters();
    numbers.closed = host.closed_accounts();
    numbers.closed_health = host.closed_health();
    for (const CameraSpec& camera : options_.cluster.cameras) {
      numbers.cameras[ActorId::of("camera", std::string_view(camera.name)).low] = camera.name;
    }
    numbers.turn_times = host.turn_times();
    numbers.move_pauses = host.move_pauses().counts();
    numbers.peers = hub_->peer_counters();
    numbers.executors = {{"compute", compute_->counters()},
                         {"io", io_->counters()},
                         {"directory", directory_io_->counters()}};
    if (parts_.batches != nullptr) numbers.batches = parts_.batches->counts();
    if (service_) numbers.directory = service_->counters();
    if (core_->fail_over() != nullptr) numbers.fail_over = core_->fail_over()->counters();
    if (core_->lease() != nullptr) {
      numbers.lease = core_->lease()->counters();
      numbers.lease_left = host.lease_until() - parts_.clock.now();
    }
    numbers.fenced = host.fenced();
    numbers.head_clock = head_clock();
    if (hops_) numbers.hops = hops_->counters();
    numbers.log_records_lost = parts_.log.records_lost();
    numbers.resident_bytes = resident_bytes();
    return numbers;
  }

  // All nodes tell times by the head's clock.
  std::optional<ClockOffset::Estimate> head_clock() const {
    if (is_head_) return ClockOffset::Estimate{};
    const LeaseKeeper* lease = core_->lease();
    return lease != nullptr ? lease->head_clock() : std::nullopt;
  }

  std::size_t actors_max(const std::string& node) const {
    const NodeSpec* spec = options_.cluster.find_node(node);
    return spec != nullptr ? spec->actors_max : limits::actors_per_node_max;
  }

  void on_dead() {
    std::lock_guard lock(mutex_);
    declared_dead_ = true;
    stop_.notify_all();
  }

  Result<void> sign_on() {
    if (!is_head_) hub_->set_peer(head().name, head().listen_address);
    NodeRecord wanted;
    wanted.address = hub_->listen_address();
    wanted.roles = options_.spec.roles;
    // Shared: the answer may come after a stop.
    auto signed_on = std::make_shared<std::optional<Result<void>>>();
    core_->sign_on(wanted, options_.register_patience, [this, signed_on](Result<void> result) {
      std::lock_guard lock(mutex_);
      *signed_on = std::move(result);
      stop_.notify_all();
    });
    std::unique_lock lock(mutex_);
    stop_.wait(lock, [&] { return stop_wanted_ || signed_on->has_value(); });
    if (!*signed_on) return Error{Code::unavailable, "stopped while registering"};
    const Result<void>& outcome = **signed_on;
    registered_ = outcome.ok();
    if (registered_) return {};
    return Error{outcome.error().code, "node " + options_.spec.name +
                                           " cannot register with head " + head().name + " at " +
                                           head().listen_address + ": " + outcome.error().message};
  }

  void sign_off() {
    const auto done =
        wait_for<bool>([&](auto answer) { core_->sign_off(answer); }, sign_off_patience);
    if (!done) {
      parts_.log.warn("node", "not signed off: the head will find it dead",
                      {{"why", done.error().message}});
    }
  }

  NodeOptions options_;
  ActorTypes types_;
  NodeParts parts_;
  std::unique_ptr<AppModuleSource> modules_;
  const bool is_head_;
  bool registered_ = false;
  mutable std::mutex mutex_;  // Around what follows.
  std::condition_variable stop_;
  bool stop_wanted_ = false;
  bool declared_dead_ = false;

  TurnWatch turns_;  // Before the threads that run them.
  SystemConfig system_config_;
  caf::actor_system system_;
  CafScheduler scheduler_;
  std::unique_ptr<Executor> compute_;
  std::unique_ptr<Executor> io_;
  std::unique_ptr<Executor> directory_io_;
  std::unique_ptr<Directory> engine_;
  std::unique_ptr<DirectoryService> service_;
  std::shared_ptr<History> history_;
  std::unique_ptr<HopRing> hops_;
  std::unique_ptr<NodeCore> core_;
  std::unique_ptr<LinkHub> hub_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<MoveService> moves_;
  std::unique_ptr<TraceService> traces_;
  std::unique_ptr<ControlService> control_;
  std::unique_ptr<PageServer> metrics_;
  std::unique_ptr<NodeWatch> watch_;
};

}  // namespace

Result<std::unique_ptr<Node>> Node::start(NodeOptions options, ActorTypes types, NodeParts parts) {
  auto node = std::make_unique<RunningNode>(std::move(options), std::move(types), parts);
  if (auto begun = node->begin(); !begun) return begun.error();
  return std::unique_ptr<Node>(std::move(node));
}

}  // namespace omma
