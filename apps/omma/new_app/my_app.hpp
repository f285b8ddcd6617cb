// Two actors: a Pulse that beats, and MyApp, which adds up what it hears and tells of it in rows.
//
//   Pulse --Beat--> MyApp --ResultRow--> whoever runs the app
#pragma once

#include "my_app.capnp.h"

#include <omma/app.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace my_app {

// Out:   Beat 1, 2, 3, ..., one a period, while somebody subscribes
// Moves: the number of the last one
class Pulse final : public omma::Actor {
 public:
  static constexpr const char* type_name = "my_app_pulse";
  static constexpr bool is_stage = true;  // It lives while somebody subscribes.
  using Config = PulseConfig;
  using State = PulseState;
  using Accepts = omma::Accepts<>;
  using Publishes = omma::Publishes<Beat>;
  static std::string title(Config::Reader config) { return config.getName(); }
  static omma::PlacementWish wish(Config::Reader) { return {"", "", "cloud"}; }
  static bool durable(Config::Reader) { return true; }  // No crash loses or repeats a beat.

  explicit Pulse(Config::Reader config)
      : period_(std::chrono::milliseconds(config.getPeriodMs())), beats_(config.getBeats()) {}

  void on_subscribers_changed(omma::Turn& turn) override { turn.set_timer(beat, period_); }
  void on_timer(std::uint64_t, omma::Turn& turn) override {
    if (sent_ == beats_ || out_.subscribers().empty()) return;
    ++sent_;
    out_.publish(turn, [&](Beat::Builder out) {
      out.setNumber(sent_);
      out.setLast(sent_ == beats_);
    });
    turn.set_timer(beat, period_);
  }

  void save(State::Builder out) const { out.setSent(sent_); }
  omma::Result<void> load(State::Reader in) {
    sent_ = in.getSent();
    return {};
  }

 private:
  static constexpr std::uint64_t beat = 1;  // The timer.
  omma::Outlet<Beat> out_{*this};
  const omma::Duration period_;
  const std::uint32_t beats_;
  std::uint32_t sent_ = 0;
};

// In:    Beat of its pulse
// Out:   a row "beat" for each, with the sum so far; a last row after the last beat
// Moves: the sum
class MyApp final : public omma::Actor {
 public:
  static constexpr const char* type_name = "my_app";
  static constexpr bool is_stage = true;
  using Config = MyAppConfig;
  using State = MyAppState;
  using Accepts = omma::Accepts<Beat>;
  using Publishes = omma::Publishes<omma::ResultRow>;
  static std::string title(Config::Reader config) { return config.getPulse().getName(); }
  static omma::PlacementWish wish(Config::Reader) { return {"", "", "cloud"}; }
  static bool durable(Config::Reader) { return true; }

  explicit MyApp(Config::Reader config) : config_(omma::Message::copy_of<Config>(config)) {}

  void on_subscribers_changed(omma::Turn& turn) override {
    const auto pulse = turn.stage_of<Pulse>(config_.as<Config>().getPulse());
    if (rows_.subscribers().empty()) return turn.unsubscribe<Beat>(pulse);
    omma::SubscribeOptions options;
    options.delivery = omma::DeliveryClass::reliable;  // Each beat once, in order.
    turn.subscribe<Beat>(pulse, options);
  }
  void on(Beat::Reader beat, omma::Turn& turn) {
    sum_ += beat.getNumber();
    rows_.publish(turn, omma::result_row("beat", {{"number", beat.getNumber()}, {"sum", sum_}}));
    if (beat.getLast()) rows_.publish(turn, omma::end_row({{"sum", sum_}}));
  }

  void save(State::Builder out) const { out.setSum(sum_); }
  omma::Result<void> load(State::Reader in) {
    sum_ = in.getSum();
    return {};
  }

 private:
  omma::Outlet<omma::ResultRow> rows_{*this};
  const omma::Message config_;
  std::uint64_t sum_ = 0;
};

}  // namespace my_app
