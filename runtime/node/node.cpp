#include "runtime/node/node.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>

#include "runtime/directory/directory.hpp"
#include "runtime/link/link.hpp"
#include "runtime/node/control_service.hpp"
#include "runtime/node/directory_access.hpp"
#include "runtime/node/gateway.hpp"
#include "runtime/node/host.hpp"
#include "runtime/node/wire_records.hpp"
#include "schemas/control.capnp.h"

namespace omma {
namespace {

constexpr Duration sign_off_patience = std::chrono::seconds(2);
constexpr Duration register_retry_delay = std::chrono::milliseconds(100);

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
        compute_(make_thread_executor("omma-compute", options_.spec.executors.compute_threads)),
        io_(make_thread_executor("omma-io", options_.spec.executors.io_threads + 1)),
        directory_io_(make_thread_executor("omma-directory", 1)),
        switchboard_(
            {[this](const ActorId& target, const ActorId& asker) { host_->resolve(target, asker); },
             [this](const std::string& peer, const ActorId& id) { stray(peer, id); }}),
        directory_([this](Message request, Answer answer) {
          ask_directory(std::move(request), std::move(answer));
        }) {
    self_.name = options_.spec.name;
    self_.incarnation = Incarnation::draw(parts_.random);
  }

  ~RunningNode() override {
    ready_ = false;
    if (host_) host_->stop_all();
    if (self_.epoch != 0) sign_off();
    hub_.reset();
    directory_io_.reset();
    io_.reset();
    compute_.reset();
    control_.reset();
    gateway_.reset();
    host_.reset();
  }

  Result<void> begin() {
    if (is_head_) {
      auto opened = open_sqlite_directory(options_.spec.data_folder / "directory.sqlite");
      if (!opened) return opened.error();
      engine_ = *std::move(opened);
      service_ = std::make_unique<DirectoryService>(*engine_, *directory_io_);
    }
    if (auto opened = open_hub(); !opened) return opened;
    if (auto registered = sign_on(); !registered) return registered;

    auto waiting = make_gateway_waiting();
    types_.add(gateway_type(waiting));
    host_ = std::make_unique<Host>(
        self_, HostServices{system_, types_, parts_.clock, switchboard_, directory_, *compute_,
                            *io_, parts_.log, hub_.get()});
    const StageSpec spec = gateway_spec(self_);
    const auto lives = wait_for<ActorRecord>([&](auto done) { host_->activate(spec, done); },
                                             limits::request_timeout);
    if (!lives) return lives.error();
    const std::optional<Cell> cell = host_->cell(spec.id);
    OMMA_CHECK(cell.has_value(), spec.id.text());
    gateway_ = std::make_unique<Gateway>(*cell, waiting);
    control_ = std::make_unique<ControlService>(ControlServices{
        self_, *host_, *gateway_, directory_, switchboard_, *hub_, parts_.view, parts_.apps,
        parts_.models_json, [this] { request_stop(); }, parts_.random});
    ready_ = true;
    for (const NodeSpec& peer : options_.cluster.nodes) {
      if (peer.name != self_.name) hub_->set_peer(peer.name, peer.listen_address);
    }
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
    stop_.wait(lock, [this] { return stop_wanted_; });
  }

 private:
  Result<void> open_hub() {
    LinkHandlers handlers;
    handlers.on_packets = [this](const NodeId& from, std::vector<Packet> packets) {
      if (ready_) switchboard_.receive(from.name, std::move(packets));
    };
    handlers.on_peer_up = [this](const NodeId& peer) {
      parts_.log.info("link", "peer up", {{"peer", peer.name}});
      if (ready_) host_->on_peer_up(peer);
    };
    handlers.on_peer_down = [this](const std::string& peer, const std::string& why) {
      parts_.log.warn("link", "peer down", {{"peer", peer}, {"why", why}});
    };
    handlers.on_call = [this](const std::optional<NodeId>& from, Message request, Answer answer) {
      on_call(from, request, answer);
    };
    auto hub =
        open_link_hub(LinkOptions{self_, options_.spec.listen_address, tls_of(options_.spec)},
                      std::move(handlers), parts_.pool, parts_.clock);
    if (!hub) return hub.error();
    hub_ = *std::move(hub);
    switchboard_.attach(hub_.get());
    return {};
  }

  // Other nodes' requests to the node itself, and clients'.
  void on_call(const std::optional<NodeId>& from, const Message& request, const Answer& answer) {
    if (service_ && service_->handle(request, answer)) return;
    if (!ready_) {
      return answer(Error{Code::unavailable, "node " + self_.name + " is starting; try again"});
    }
    if (request.is<wire::Activate>()) {
      return host_->activate(read(request.as<wire::Activate>().getSpec()),
                             [answer](Result<ActorRecord> record) {
                               if (!record) return answer(record.error());
                               answer(Message::build<wire::ActorRecord>(
                                   [&](wire::ActorRecord::Builder out) { write(out, *record); }));
                             });
    }
    if (request.is<wire::NotHere>()) {
      if (from) host_->on_not_here(from->name, read(request.as<wire::NotHere>().getId()));
      return answer(Message::build<wire::Nothing>([](wire::Nothing::Builder) {}));
    }
    control_->handle(request, answer);
  }

  void stray(const std::string& peer, const ActorId& id) {
    hub_->call(peer, Message::build<wire::NotHere>([&](wire::NotHere::Builder out) {
                 write(out.initId(), id);
               }),
               limits::request_timeout, [](const Result<Message>&) {});
  }

  void ask_directory(Message request, Answer answer) {
    if (service_) {
      service_->handle(request, answer);
      return;
    }
    hub_->call(options_.cluster.head_node, std::move(request), limits::request_timeout,
               std::move(answer));
  }

  // Registers; while the head is not up yet, again and again.
  Result<void> sign_on() {
    const NodeSpec* head = options_.cluster.find_node(options_.cluster.head_node);
    OMMA_CHECK(head != nullptr, options_.cluster.head_node);
    if (!is_head_) hub_->set_peer(head->name, head->listen_address);
    NodeRecord wanted;
    wanted.id = self_;
    wanted.address = hub_->listen_address();
    wanted.roles = options_.spec.roles;
    const Instant until = parts_.clock.now() + options_.register_patience;
    for (;;) {
      const auto record = wait_for<NodeRecord>(
          [&](auto done) { directory_.register_node(wanted, done); }, limits::request_timeout);
      if (record) {
        self_.epoch = record->id.epoch;
        return {};
      }
      if (record.error().code != Code::unavailable || parts_.clock.now() >= until) {
        return Error{record.error().code, "node " + self_.name + " cannot register with head " +
                                              head->name + " at " + head->listen_address + ": " +
                                              record.error().message};
      }
      std::unique_lock lock(mutex_);
      stop_.wait_for(lock, register_retry_delay, [this] { return stop_wanted_; });
      if (stop_wanted_) return Error{Code::unavailable, "stopped while registering"};
    }
  }

  void sign_off() {
    const auto done = wait_for<bool>(
        [&](auto answer) { directory_.deregister_node(self_, answer); }, sign_off_patience);
    if (!done) {
      parts_.log.warn("node", "not signed off: the head will find it dead",
                      {{"why", done.error().message}});
    }
  }

  NodeOptions options_;
  ActorTypes types_;
  NodeParts parts_;
  const bool is_head_;
  NodeId self_;
  std::atomic<bool> ready_{false};
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stop_wanted_ = false;

  SystemConfig system_config_;
  caf::actor_system system_;
  std::unique_ptr<Executor> compute_;
  std::unique_ptr<Executor> io_;
  std::unique_ptr<Executor> directory_io_;
  Switchboard switchboard_;
  DirectoryClient directory_;
  std::unique_ptr<Directory> engine_;
  std::unique_ptr<DirectoryService> service_;
  std::unique_ptr<LinkHub> hub_;
  std::unique_ptr<Host> host_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<ControlService> control_;
};

}  // namespace

Result<std::unique_ptr<Node>> Node::start(NodeOptions options, ActorTypes types, NodeParts parts) {
  auto node = std::make_unique<RunningNode>(std::move(options), std::move(types), parts);
  if (auto begun = node->begin(); !begun) return begun.error();
  return std::unique_ptr<Node>(std::move(node));
}

}  // namespace omma
