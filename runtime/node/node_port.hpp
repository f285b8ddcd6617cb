// NodePort: what one cell sees of its node. Internal to the host.
#pragma once

#include "runtime/node/host.hpp"

#include <string>
#include <utility>

namespace omma {

class NodePort final : public CellPort {
 public:
  NodePort(ActorId self, std::string name, Cell cell, HostServices services, Host& host,
           DurationTally* turn_times)
      : self_(self),
        name_(std::move(name)),
        cell_(std::move(cell)),
        services_(services),
        host_(host),
        turn_times_(turn_times) {
    if (services_.turns != nullptr) services_.turns->enter(self_, name_);
  }
  ~NodePort() override {
    if (services_.turns != nullptr) services_.turns->leave(self_);
    std::lock_guard lock(host_.mutex_);
    if (--host_.ports_ == 0) host_.ports_gone_.notify_all();
  }

  Instant now() const override { return services_.clock.now(); }
  WallTime wall_now() const override { return services_.clock.wall_now(); }
  bool may_work(Instant now) const override { return host_.may_work(now); }
  void send(Packet packet) override { services_.switchboard.send(std::move(packet)); }
  void send_all(std::vector<Packet> packets) override {
    services_.switchboard.send_all(std::move(packets));
  }
  void remember(std::shared_ptr<const StageSpec> spec) override { host_.remember(std::move(spec)); }
  void ask_directory(const ActorId& target) override { host_.resolve(target, self_); }
  void keep(CellCheckpoint checkpoint) override { host_.keep(self_, std::move(checkpoint)); }
  void retire() override { host_.retire(self_); }
  HopSink* hops() override { return services_.hops; }
  DurationTally* turn_times() override { return turn_times_; }
  void turn_begins(TurnCause cause, std::uint64_t number) override {
    if (services_.turns != nullptr) services_.turns->begin(self_, cause, number);
  }
  void turn_ended() override {
    if (services_.turns != nullptr) services_.turns->end();
  }
  void log(const std::string& text) override { services_.log.warn("actor", name_ + ": " + text); }

  void run(ExecutorKind kind, std::uint64_t job, Job work) override {
    Executor& executor = kind == ExecutorKind::compute ? services_.compute : services_.io;
    const Clock& clock = services_.clock;
    auto times = std::make_shared<JobTimes>(JobTimes{clock.now(), {}, {}});
    executor.run(
        [work = std::move(work), times, &clock]() -> Result<Message> {
          times->begun = clock.now();
          Result<Message> result = work();
          times->ended = clock.now();
          return result;
        },
        [cell = cell_, job, times](Result<Message> result) {
          cell.put(CellInput{CellInput::JobResult{job, std::move(result), *times}});
        });
  }

 private:
  const ActorId self_;
  const std::string name_;
  const Cell cell_;
  HostServices services_;
  Host& host_;
  DurationTally* const turn_times_;  // Null: nobody asks.
};

}  // namespace omma
