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
#include "runtime/model/model_exchange.hpp"
#include "runtime/node/control_service.hpp"
#include "runtime/node/gateway.hpp"
#include "runtime/node/node_core.hpp"
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

class RunningNode final : public Node {
 public:
  RunningNode(NodeOptions options, ActorTypes types, NodeParts parts)
      : options_(std::move(options)),
        types_(std::move(types)),
        parts_(parts),
        is_head_(options_.cluster.head_node == options_.spec.name),
        system_config_(options_.scheduler_threads),
        system_(system_config_),
        scheduler_(system_),
        compute_(make_thread_executor("omma-compute", options_.spec.executors.compute_threads)),
        io_(make_thread_executor("omma-io", options_.spec.executors.io_threads + 1)),
        directory_io_(make_thread_executor("omma-directory", 1)) {}

  ~RunningNode() override {
    if (core_) core_->close();
    if (history_) history_->stopped();
    if (registered_ && !was_declared_dead()) sign_off();
    parts_.exchange.disconnect();
    hub_.reset();
    directory_io_.reset();
    io_.reset();
    compute_.reset();
    control_.reset();
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
                        *hub_, parts_.view, parts_.apps, parts_.models_json,
                        [this] { request_stop(); }, parts_.random, *moves_});
    core_->open([this](const Message& request, const Answer& answer) {
      if (request.is<wire::FetchBlob>()) {
        return io_->run([this, request] { return parts_.exchange.serve(request); }, answer);
      }
      control_->handle(request, answer);
    });
    std::vector<std::string> peers;
    for (const NodeSpec& peer : options_.cluster.nodes) {
      if (peer.name == options_.spec.name) continue;
      hub_->set_peer(peer.name, peer.listen_address);
      peers.push_back(peer.name);
    }
    parts_.exchange.connect(
        std::move(peers), [this](const std::string& peer, Message request, Answer answer) {
          hub_->call(peer, std::move(request), limits::request_timeout, std::move(answer));
        });
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
                      .on_dead = [this](const Error&) { on_dead(); }});
    auto hub = open_link_hub(LinkOptions{self, options_.spec.listen_address, tls_of(options_.spec)},
                             core_->link_handlers(), parts_.pool, parts_.clock);
    if (!hub) return hub.error();
    hub_ = *std::move(hub);
    core_->attach(*hub_);
    return {};
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
  const bool is_head_;
  bool registered_ = false;
  mutable std::mutex mutex_;  // Around what follows.
  std::condition_variable stop_;
  bool stop_wanted_ = false;
  bool declared_dead_ = false;

  SystemConfig system_config_;
  caf::actor_system system_;
  CafScheduler scheduler_;
  std::unique_ptr<Executor> compute_;
  std::unique_ptr<Executor> io_;
  std::unique_ptr<Executor> directory_io_;
  std::unique_ptr<Directory> engine_;
  std::unique_ptr<DirectoryService> service_;
  std::shared_ptr<History> history_;
  std::unique_ptr<NodeCore> core_;
  std::unique_ptr<LinkHub> hub_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<MoveService> moves_;
  std::unique_ptr<ControlService> control_;
};

}  // namespace

Result<std::unique_ptr<Node>> Node::start(NodeOptions options, ActorTypes types, NodeParts parts) {
  auto node = std::make_unique<RunningNode>(std::move(options), std::move(types), parts);
  if (auto begun = node->begin(); !begun) return begun.error();
  return std::unique_ptr<Node>(std::move(node));
}

}  // namespace omma
