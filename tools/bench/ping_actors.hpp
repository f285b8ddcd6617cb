// An actor that asks another the same small question again and again, and how long each answer
// took.
//
//   Pinger --Ping (request, control)--> Echo --Pong (reply)--> Pinger
#pragma once

#include "runtime/cell/actor_type.hpp"
#include "tools/bench/flood_actors.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <string>
#include <vector>

namespace omma::bench {

struct PingRun {
  std::size_t warm_up = 0;
  std::size_t count = 0;
  std::size_t filling_bytes = 64;
  Duration pause{};  // Between an answer and the next question.
  std::promise<std::vector<double>> microseconds;
};

class Echo final : public Actor, public Party {
 public:
  static constexpr const char* type_name = "echo";
  using Config = PartyConfig;
  using Accepts = omma::Accepts<Ping>;
  using Publishes = omma::Publishes<>;

  explicit Echo(PartyConfig::Reader) {}
  void on(Ping::Reader ping, Turn& turn) {
    turn.reply<Pong>([&](Pong::Builder out) {
      out.setNumber(ping.getNumber());
      out.setFilling(ping.getFilling());
    });
  }
};

class Pinger final : public Actor, public Party {
 public:
  static constexpr const char* type_name = "pinger";
  using Config = PartyConfig;
  using Accepts = omma::Accepts<Pong>;
  using Publishes = omma::Publishes<>;

  Pinger(PartyConfig::Reader config, PingRun& run)
      : run_(run), echo_node_(config.getOther()), filling_(run.filling_bytes) {}

  void on_start(Turn& turn) override { ask(turn); }
  void on_timer(std::uint64_t, Turn& turn) override { ask(turn); }

  void on(Pong::Reader, Turn& turn) {
    const std::chrono::duration<double, std::micro> took = turn.now() - asked_;
    if (++answered_ > run_.warm_up) microseconds_.push_back(took.count());
    if (microseconds_.size() == run_.count) return run_.microseconds.set_value(microseconds_);
    if (run_.pause > Duration{}) return turn.set_timer(1, run_.pause);
    ask(turn);
  }

 private:
  void ask(Turn& turn) {
    if (echo_.id.is_null()) {
      echo_ = turn.stage<Echo>([&](PartyConfig::Builder out) {
        out.setName("echo");
        out.setNode(echo_node_);
      });
    }
    asked_ = turn.now();
    turn.request<Ping>(echo_, [&](Ping::Builder out) {
      out.setNumber(answered_);
      out.setFilling(kj::arrayPtr(filling_.data(), filling_.size()));
    });
  }

  PingRun& run_;
  const std::string echo_node_;
  const std::vector<kj::byte> filling_;
  Ref<Echo> echo_;
  Instant asked_{};
  std::size_t answered_ = 0;
  std::vector<double> microseconds_;
};

}  // namespace omma::bench
