// HostWorld: the hosts of several nodes over one directory, with links in memory and CAF's test
// scheduler: activation, routing and retirement as between real nodes, in virtual time.
#pragma once

#include "runtime/link/memory_network.hpp"
#include "runtime/node/host.hpp"
#include "runtime/node/wire_records.hpp"
#include "tests/support/caf_world.hpp"
#include "tests/support/puppet.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace omma::test {

class HostWorld {
 public:
  // One node: what a process would have, less what only a process needs.
  class Member {
   public:
    Member(HostWorld& world, const std::string& name)
        : world_(world),
          self_{name, {1, world.members_.size() + 1}, 0},
          switchboard_({[this](const ActorId& target, const ActorId& asker) {
                          host_->resolve(target, asker);
                        },
                        [this](const std::string& peer, const ActorId& id, const ActorId& origin) {
                          host_->on_stray(peer, id, origin);
                        }}),
          directory_([this](Message request, Answer answer) {
            world_.requests_.push_back({std::move(request), std::move(answer)});
          }) {
      const auto record =
          world.directory->register_node(name, self_.incarnation, "memory:" + name, {"worker"});
      OMMA_CHECK(record.ok(), name);
      self_.epoch = record->id.epoch;
      LinkHandlers handlers;
      handlers.on_packets = [this](const NodeId& from, std::vector<Packet> packets) {
        switchboard_.receive(from.name, std::move(packets));
      };
      handlers.on_peer_up = [this](const NodeId& peer) { host_->on_peer_up(peer); };
      handlers.on_peer_down = [](const std::string&, const std::string&) {};
      handlers.on_call = [this](const std::optional<NodeId>& from, const Message& request,
                                const Answer& answer) { on_call(from, request, answer); };
      auto hub = world.network.make_hub({self_, "memory:" + name, {}}, std::move(handlers));
      OMMA_CHECK(hub.ok(), name);
      hub_ = *std::move(hub);
      switchboard_.attach(hub_.get());
      host_ =
          std::make_unique<Host>(self_, HostServices{world.caf.scheduler, world.types, world.clock,
                                                     switchboard_, directory_, *world.executor_,
                                                     *world.executor_, *world.log_, hub_.get()});
    }
    ~Member() {
      for (const auto& [id, cell] : switchboard_.cells()) cell.stop();
      world_.caf.settle();
      host_->stop_all();
    }

    const NodeId& self() const { return self_; }
    Host& host() { return *host_; }
    LinkHub& hub() { return *hub_; }
    Switchboard& switchboard() { return switchboard_; }

   private:
    void on_call(const std::optional<NodeId>& from, const Message& request, const Answer& answer) {
      if (!host_->handle(from->name, request, answer)) {
        answer(Error{Code::invalid_argument, "not for a host"});
      }
    }

    HostWorld& world_;
    NodeId self_;
    Switchboard switchboard_;
    DirectoryClient directory_;
    std::unique_ptr<LinkHub> hub_;
    std::unique_ptr<Host> host_;
  };

  explicit HostWorld(const std::vector<std::string>& names) : network(1, clock) {
    types.add(puppet_type(scripts));
    types.add(puppet_type<StagePuppet>(scripts));
    auto log = make_log(silent(), clock);
    OMMA_CHECK(log.ok(), "a silent log");
    log_ = *std::move(log);
    for (const std::string& name : names) {
      members_.push_back(std::make_unique<Member>(*this, name));
    }
    for (const std::string& a : names) {
      for (const std::string& b : names) {
        if (a != b) member(a).hub().set_peer(b, "memory:" + b);
      }
    }
    advance(std::chrono::milliseconds(10));
  }

  Member& member(const std::string& name) {
    for (const auto& one : members_) {
      if (one->self().name == name) return *one;
    }
    OMMA_CHECK(false, name);
    std::abort();
  }
  Host& host(const std::string& name) { return member(name).host(); }

  // Everything that needs no time: cells, strands and the directory's answers.
  void settle() {
    do {
      caf.settle();
    } while (answer_one());
  }

  void advance(Duration by) {
    const Instant end = clock.now() + by;
    settle();
    while (clock.now() < end) {
      Instant next = end;
      if (const auto event = network.next_event()) next = std::min(next, *event);
      if (const auto delayed = caf.next_delayed()) {
        next = std::min(next, clock.now() + (*delayed - caf.clock().now()));
      }
      const Duration step = std::max(next - clock.now(), Duration(1));
      clock.advance(step);
      caf.advance(step);
      while (network.step()) {
      }
      settle();
    }
  }

  // Begins the life on this node whatever the actor wishes.
  Result<ActorRecord> activate(const std::string& node, const StageSpec& spec) {
    std::optional<Result<ActorRecord>> answer;
    host(node).activate(spec, [&](Result<ActorRecord> record) { answer.emplace(record); });
    settle();
    OMMA_CHECK(answer.has_value(), spec.name);
    return *std::move(answer);
  }
  // Moves an actor that lives on `from`, and waits for the end of it.
  Result<MoveRecord> move(const ActorId& id, const std::string& from, const std::string& to) {
    std::optional<Result<MoveRecord>> answer;
    host(from).move(id, to, "a test wants it",
                    [&](Result<MoveRecord> end) { answer.emplace(end); });
    for (int i = 0; i < 600 && !answer; ++i) advance(std::chrono::milliseconds(100));
    OMMA_CHECK(answer.has_value(), id.text());
    return *std::move(answer);
  }
  // Runs a turn of an actor that lives on this node.
  template <class A>
  void run(const std::string& node, const Ref<A>& in, std::function<void(Turn&)> turn) {
    const auto cell = host(node).cell(in.id);
    OMMA_CHECK(cell.has_value(), in.spec->name);
    cell->put(CellInput{CellInput::Command{std::move(turn)}});
    advance(std::chrono::milliseconds(20));
  }
  // Its record; of epoch 0 when there is none.
  ActorRecord record(const ActorId& id) {
    const auto found = directory->actor(id);
    OMMA_CHECK(found.ok(), id.text());
    return found->value_or(ActorRecord{});
  }
  // "west": the node on which it lives; empty for none.
  std::string home_of(const ActorId& id) {
    const ActorRecord now = record(id);
    return now.state == ActorRecord::State::active ? now.node.name : "";
  }

  ManualClock clock;
  CafWorld caf;
  MemoryNetwork network;
  std::unique_ptr<Directory> directory = make_memory_directory();
  Scripts scripts;
  ActorTypes types;
  // While set, the directory's requests fail with it.
  std::optional<Error> directory_error;
  std::map<std::uint64_t, int> asked;  // The directory's requests so far, by type id.

 private:
  struct Request {
    Message request;
    Answer answer;
  };

  static LogOptions silent() {
    LogOptions options;
    options.text_to_terminal = false;
    return options;
  }

  // In the order in which they were asked, so that requests of several nodes interleave.
  bool answer_one() {
    if (requests_.empty()) return false;
    const Request next = std::move(requests_.front());
    requests_.pop_front();
    ++asked[next.request.type_id()];
    if (directory_error) {
      next.answer(*directory_error);
    } else {
      OMMA_CHECK(service_.handle(next.request, next.answer), next.request.type_id());
    }
    return true;
  }

  std::unique_ptr<Executor> executor_ = make_inline_executor();
  DirectoryService service_{*directory, *executor_};
  std::shared_ptr<Log> log_;
  std::deque<Request> requests_;
  std::vector<std::unique_ptr<Member>> members_;
};

}  // namespace omma::test
