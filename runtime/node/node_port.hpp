// NodePort: what one cell sees of its node. Internal to the host.
#pragma once

#include "runtime/node/host.hpp"

#include <string>
#include <utility>

namespace omma {

class NodePort final : public CellPort {
 public:
  NodePort(ActorId self, std::string name, Cell cell, HostServices services, Host& host)
      : self_(self),
        name_(std::move(name)),
        cell_(std::move(cell)),
        services_(services),
        host_(host) {}
  ~NodePort() override {
    std::lock_guard lock(host_.mutex_);
    if (--host_.ports_ == 0) host_.ports_gone_.notify_all();
  }

  Instant now() const override { return services_.clock.now(); }
  WallTime wall_now() const override { return services_.clock.wall_now(); }
  bool may_work() const override { return host_.may_work(); }
  void send(Packet packet) override { services_.switchboard.send(std::move(packet)); }
  void remember(std::shared_ptr<const StageSpec> spec) override { host_.remember(std::move(spec)); }
  void ask_directory(const ActorId& target) override { host_.resolve(target, self_); }
  void keep(CellCheckpoint checkpoint) override { host_.keep(self_, std::move(checkpoint)); }
  void retire() override { host_.retire(self_); }
  void log(const std::string& text) override { services_.log.warn("actor", name_ + ": " + text); }

  void run(ExecutorKind kind, std::uint64_t job, Job work) override {
    Executor& executor = kind == ExecutorKind::compute ? services_.compute : services_.io;
    executor.run(std::move(work), [cell = cell_, job](Result<Message> result) {
      cell.put(CellInput{CellInput::JobResult{job, std::move(result)}});
    });
  }

 private:
  const ActorId self_;
  const std::string name_;
  const Cell cell_;
  HostServices services_;
  Host& host_;
};

}  // namespace omma
