// Puppet: an actor that does what a test's script says. Its state is the numbers that it was sent;
// what a script does besides may fail, and then the numbers show what is left of the turn.
//
//   Scripts scripts;
//   scripts["a"].on_number = [](PuppetBody& body, std::uint64_t number, Turn& turn) { ... };
//   world.types.add(puppet_type(scripts));
//
// A script belongs to a name, outlives the actor, and is told of each new one.
#pragma once

#include "runtime/cell/actor_type.hpp"
#include "tests/support/test_messages.capnp.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace omma::test {

struct PuppetBody {
  explicit PuppetBody(Actor& owner) : out(owner) {}
  std::vector<std::uint64_t> numbers;
  Outlet<Number> out;
};

struct Script {
  template <class... Rest>
  using Handler = std::function<void(PuppetBody&, Rest..., Turn&)>;

  Handler<> on_start = [](PuppetBody&, Turn&) {};
  Handler<> on_resume = [](PuppetBody&, Turn&) {};
  Handler<std::uint64_t> on_number = [](PuppetBody& body, std::uint64_t number, Turn&) {
    body.numbers.push_back(number);
  };
  Handler<std::uint64_t> on_timer = [](PuppetBody&, std::uint64_t, Turn&) {};
  Handler<> on_subscribers_changed = [](PuppetBody&, Turn&) {};
  Handler<std::uint64_t, const Error&> on_job_failed = [](PuppetBody&, std::uint64_t, const Error&,
                                                          Turn&) {};
  Handler<std::uint64_t, const Error&> on_request_failed = [](PuppetBody&, std::uint64_t,
                                                              const Error&, Turn&) {};
  Handler<const ActorId&> on_peer_lost = [](PuppetBody&, const ActorId&, Turn&) {};

  const PuppetBody* live = nullptr;  // The actor made last.
  unsigned made = 0;
  std::vector<std::uint64_t> numbers() const {
    return live == nullptr ? std::vector<std::uint64_t>() : live->numbers;
  }
};
using Scripts = std::map<std::string, Script>;

class PuppetActor : public Actor {
 public:
  using Config = PuppetConfig;
  using State = PuppetState;
  using Accepts = omma::Accepts<Number>;
  using Publishes = omma::Publishes<Number>;
  static std::string title(PuppetConfig::Reader config) { return config.getName(); }
  static PlacementWish wish(PuppetConfig::Reader config) {
    return {.node = config.getNode(), .near_camera = {}, .role = "worker"};
  }

  explicit PuppetActor(Script& script) : script_(script), body_(*this) {
    script_.live = &body_;
    ++script_.made;
  }
  ~PuppetActor() override {
    if (script_.live == &body_) script_.live = nullptr;
  }

  void on(Number::Reader number, Turn& turn) { script_.on_number(body_, number.getValue(), turn); }
  void save(PuppetState::Builder out) const {
    auto numbers = out.initNumbers(static_cast<unsigned>(body_.numbers.size()));
    for (unsigned i = 0; i < numbers.size(); ++i) numbers.set(i, body_.numbers[i]);
  }
  Result<void> load(PuppetState::Reader in) {
    for (const std::uint64_t number : in.getNumbers()) body_.numbers.push_back(number);
    return {};
  }

  void on_start(Turn& turn) override { script_.on_start(body_, turn); }
  void on_resume(Turn& turn) override { script_.on_resume(body_, turn); }
  void on_timer(std::uint64_t timer, Turn& turn) override { script_.on_timer(body_, timer, turn); }
  void on_subscribers_changed(Turn& turn) override { script_.on_subscribers_changed(body_, turn); }
  void on_job_failed(std::uint64_t job, const Error& error, Turn& turn) override {
    script_.on_job_failed(body_, job, error, turn);
  }
  void on_request_failed(std::uint64_t correlation, const Error& error, Turn& turn) override {
    script_.on_request_failed(body_, correlation, error, turn);
  }
  void on_peer_lost(const ActorId& peer, Turn& turn) override {
    script_.on_peer_lost(body_, peer, turn);
  }

 private:
  Script& script_;
  PuppetBody body_;
};

// Lives until it is told to retire.
struct Puppet final : PuppetActor {
  static constexpr const char* type_name = "puppet";
  using PuppetActor::PuppetActor;
};

// Lives for its subscribers.
struct StagePuppet final : PuppetActor {
  static constexpr const char* type_name = "stage_puppet";
  static constexpr bool is_stage = true;
  using PuppetActor::PuppetActor;
};

// `scripts` must outlive the actors.
template <class A = Puppet>
ActorType puppet_type(Scripts& scripts) {
  return actor_type<A>([&scripts](PuppetConfig::Reader config) {
    return std::make_unique<A>(scripts[config.getName()]);
  });
}

template <class A = Puppet>
Ref<A> puppet(const std::string& name, const std::string& node = "") {
  return Turn::make_stage_ref<A>([&](PuppetConfig::Builder config) {
    config.setName(name);
    if (!node.empty()) config.setNode(node);
  });
}

inline auto number(std::uint64_t value) {
  return [value](Number::Builder out) { out.setValue(value); };
}
inline Message number_message(std::uint64_t value) {
  return Message::build<Number>(number(value));
}

inline std::vector<std::uint64_t> numbers_up_to(std::uint64_t last) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t i = 1; i <= last; ++i) all.push_back(i);
  return all;
}

}  // namespace omma::test
