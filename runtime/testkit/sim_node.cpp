#include "runtime/testkit/sim_node.hpp"

#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/testkit/sim_cluster.hpp"

namespace omma {
namespace {

// Longer than any head is away in a simulation.
constexpr Duration sign_on_patience = std::chrono::hours(24);
constexpr Duration stop_patience = std::chrono::seconds(2);

// Hands records on as lines of a trace; formats nothing when nobody listens.
class TraceLog final : public Log {
 public:
  TraceLog(const SimCluster& cluster, std::string node)
      : cluster_(cluster), node_(std::move(node)) {}
  bool writes(LogLevel) const override { return cluster_.traces(); }
  std::uint64_t records_lost() const override { return 0; }

 private:
  void write(LogLevel level, std::string_view component, std::string_view message,
             Fields fields) override {
    if (!cluster_.traces()) return;
    std::string line(component);
    if (level >= LogLevel::warn) line += level == LogLevel::warn ? " (warning)" : " (error)";
    line += ": " + std::string(message);
    for (const LogField& field : fields)
      line += " " + std::string(field.key) + "=" + text_of(field);
    cluster_.trace(node_, line);
  }
  static std::string text_of(const LogField& field) {
    return std::visit(
        [](const auto& value) -> std::string {
          using Value = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<Value, std::string_view>) {
            return std::string(value);
          } else {
            return std::to_string(value);
          }
        },
        field.value);
  }

  const SimCluster& cluster_;
  const std::string node_;
};

}  // namespace

SimNode::SimNode(SimCluster& cluster, SimNodeSpec spec, NodeId self)
    : cluster_(cluster),
      spec_(std::move(spec)),
      log_(std::make_unique<TraceLog>(cluster, spec_.name)),
      scheduler_(cluster.time()),
      jobs_(cluster.time(), scheduler_, cluster.job_delays()),
      directory_io_(cluster.time(), scheduler_, cluster.directory_delays()),
      types_(cluster.types_for(self)) {
  if (spec_.name == cluster.head()) {
    service_ = std::make_unique<DirectoryService>(cluster.directory(), directory_io_);
  }
  core_ = std::make_unique<NodeCore>(self, parts());
  auto hub =
      cluster.time().network().make_hub({self, "memory:" + spec_.name, {}}, core_->link_handlers());
  OMMA_CHECK(hub.ok(), spec_.name);
  hub_ = *std::move(hub);
  core_->attach(*hub_);
}

SimNode::~SimNode() {
  if (hub_) cluster_.time().network().crash(spec_.name);
  scheduler_.kill();
}

NodeCoreParts SimNode::parts() {
  return {scheduler_,
          types_,
          cluster_.time().clock(),
          jobs_,
          jobs_,
          *log_,
          cluster_.head(),
          service_.get(),
          cluster_.lease(),
          [this](Duration timeout, std::function<void(bool)> answer) {
            const SimCluster::Knock knock = cluster_.knock(spec_.name, timeout);
            scheduler_.run_after(knock.after, [answer = std::move(answer),
                                               refused = knock.refused] { answer(refused); });
          },
          nullptr,
          [this](const Error& why) { cluster_.on_dead(core_->self(), why); }};
}

void SimNode::begin() {
  hub_->set_peer(cluster_.head(), "memory:" + cluster_.head());
  NodeRecord wanted;
  wanted.address = hub_->listen_address();
  wanted.roles = spec_.roles;
  core_->sign_on(wanted, sign_on_patience, [this](Result<void> done) {
    if (done) return open();
    cluster_.on_dead(core_->self(), done.error());
  });
}

void SimNode::open() {
  core_->begin_hosting();
  core_->open([](const Message&, const Answer& answer) {
    answer(Error{Code::unsupported, "a simulated node takes no clients"});
  });
  for (const SimNodeSpec& peer : cluster_.nodes()) {
    if (peer.name != spec_.name) hub_->set_peer(peer.name, "memory:" + peer.name);
  }
}

void SimNode::stop() {
  for (const auto& [id, cell] : core_->switchboard().cells()) cell.stop();
  cluster_.time().advance_until(stop_patience, [this] { return cells() == 0; });
  core_->close();
  bool signed_off = false;
  core_->sign_off([&signed_off](const Result<bool>&) { signed_off = true; });
  cluster_.time().advance_until(stop_patience, [&signed_off] { return signed_off; });
  cluster_.time().network().crash(spec_.name);  // What is still asked is not answered.
  hub_.reset();
}

void SimNode::pause() {
  scheduler_.pause();
  cluster_.time().network().pause(spec_.name);
}

void SimNode::resume() {
  scheduler_.resume();
  cluster_.time().network().resume(spec_.name);
}

}  // namespace omma
