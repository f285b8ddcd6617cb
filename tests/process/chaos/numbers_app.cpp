#include "tests/process/chaos/numbers_app.hpp"

#include <algorithm>

#include "actors/result_row.hpp"
#include "tests/process/chaos/numbers.capnp.h"

namespace omma {
namespace {

constexpr std::uint64_t beat = 1;  // The timer.

SubscribeOptions reliable() {
  SubscribeOptions options;
  options.delivery = DeliveryClass::reliable;
  return options;
}

// Out:   Number 1, 2, 3, ..., one a period, while somebody subscribes
// Moves: the next number
class NumberSource final : public Actor {
 public:
  static constexpr const char* type_name = "number_source";
  static constexpr bool is_stage = true;
  using Config = chaos::SourceConfig;
  using State = chaos::SourceState;
  using Accepts = omma::Accepts<>;
  using Publishes = omma::Publishes<chaos::Number>;
  static std::string title(Config::Reader config) { return config.getName(); }
  static PlacementWish wish(Config::Reader) { return {"", "", "camera"}; }
  static bool durable(Config::Reader config) { return config.getDurable(); }

  explicit NumberSource(Config::Reader config)
      : period_(std::chrono::milliseconds(config.getPeriodMs())), numbers_(config.getNumbers()) {}

  void on_subscribers_changed(Turn& turn) override { turn.set_timer(beat, period_); }
  void on_timer(std::uint64_t, Turn& turn) override {
    if (next_ > numbers_ || out_.subscribers().empty()) return;
    out_.publish(turn, [&](chaos::Number::Builder out) {
      out.setValue(next_);
      out.setLast(next_ == numbers_);
    });
    ++next_;
    turn.set_timer(beat, period_);
  }
  void save(State::Builder out) const { out.setNext(next_); }
  Result<void> load(State::Reader in) {
    next_ = in.getNext();
    return {};
  }

 private:
  Outlet<chaos::Number> out_{*this};
  const Duration period_;
  const std::uint64_t numbers_;
  std::uint64_t next_ = 1;
};

// In:    Number of one source          Out: the same, with the sum so far
// Moves: the sum, and a ballast of as many KiB as it was told to have
class NumberRelay final : public Actor {
 public:
  static constexpr const char* type_name = "number_relay";
  static constexpr bool is_stage = true;
  using Config = chaos::RelayConfig;
  using State = chaos::RelayState;
  using Accepts = omma::Accepts<chaos::Number>;
  using Publishes = omma::Publishes<chaos::Number>;
  static std::string title(Config::Reader config) {
    return std::string(config.getSource().getName()) + "-" + std::to_string(config.getIndex());
  }
  static PlacementWish wish(Config::Reader) { return {"", "", "cloud"}; }
  static bool durable(Config::Reader config) { return config.getSource().getDurable(); }

  explicit NumberRelay(Config::Reader config)
      : config_(Message::copy_of<Config>(config)),
        ballast_(std::size_t{config.getBallastKib()} << 10, 'b') {}

  void on_subscribers_changed(Turn& turn) override {
    const auto source = turn.stage_of<NumberSource>(config_.as<Config>().getSource());
    if (out_.subscribers().empty()) return turn.unsubscribe<chaos::Number>(source);
    turn.subscribe<chaos::Number>(source, reliable());
  }
  void on(chaos::Number::Reader number, Turn& turn) {
    sum_ += number.getValue();
    out_.publish(turn, [&](chaos::Number::Builder out) {
      out.setValue(number.getValue());
      out.setLast(number.getLast());
      out.setSum(sum_);
      out.setRelay(config_.as<Config>().getIndex());
    });
  }
  void save(State::Builder out) const {
    out.setSum(sum_);
    out.setBallast({reinterpret_cast<const kj::byte*>(ballast_.data()), ballast_.size()});
  }
  Result<void> load(State::Reader in) {
    sum_ = in.getSum();
    if (in.getBallast().size() != ballast_.size()) {
      return Error{Code::corrupt, "a ballast of " + std::to_string(in.getBallast().size()) +
                                      " bytes, not " + std::to_string(ballast_.size())};
    }
    return {};
  }

 private:
  Outlet<chaos::Number> out_{*this};
  const Message config_;
  const std::string ballast_;
  std::uint64_t sum_ = 0;
};

// In:    Number of each relay
// Out:   a row "number" for each; "wrong" for one that is not the next or whose sum is not that of
//        all numbers up to it; the end when all relays have given their last
// Moves: the number awaited from each relay
class NumberTally final : public Actor {
 public:
  static constexpr const char* type_name = "number_tally";
  static constexpr bool is_stage = true;
  using Config = chaos::TallyConfig;
  using State = chaos::TallyState;
  using Accepts = omma::Accepts<chaos::Number>;
  using Publishes = omma::Publishes<ResultRow>;
  static std::string title(Config::Reader config) {
    return config.getRelays()[0].getSource().getName();
  }
  static PlacementWish wish(Config::Reader) { return {"", "", "cloud"}; }
  static bool durable(Config::Reader config) {
    return config.getRelays()[0].getSource().getDurable();
  }

  explicit NumberTally(Config::Reader config)
      : config_(Message::copy_of<Config>(config)), next_(config.getRelays().size(), 1) {}

  void on_subscribers_changed(Turn& turn) override {
    for (auto relay : config_.as<Config>().getRelays()) {
      const auto ref = turn.stage_of<NumberRelay>(relay);
      if (out_.subscribers().empty()) {
        turn.unsubscribe<chaos::Number>(ref);
      } else {
        turn.subscribe<chaos::Number>(ref, reliable());
      }
    }
  }
  void on(chaos::Number::Reader number, Turn& turn) {
    std::uint64_t& next = next_.at(number.getRelay());
    const std::uint64_t value = number.getValue();
    const bool right = value == next && number.getSum() == value * (value + 1) / 2;
    out_.publish(turn, result_row(right ? "number" : "wrong", {{"relay", number.getRelay()},
                                                               {"value", value},
                                                               {"awaited", next},
                                                               {"sum", number.getSum()}}));
    next = value + 1;
    if (number.getLast()) ended_ |= std::uint64_t{1} << number.getRelay();
    if (ended_ + 1 == std::uint64_t{1} << next_.size()) out_.publish(turn, end_row({}));
  }
  void save(State::Builder out) const {
    auto list = out.initNext(static_cast<unsigned>(next_.size()));
    for (unsigned i = 0; i < list.size(); ++i) list.set(i, next_[i]);
    out.setEnded(ended_);
  }
  Result<void> load(State::Reader in) {
    const auto list = in.getNext();
    if (list.size() != next_.size()) return Error{Code::corrupt, "another number of relays"};
    for (unsigned i = 0; i < list.size(); ++i) next_[i] = list[i];
    ended_ = in.getEnded();
    return {};
  }

 private:
  Outlet<ResultRow> out_{*this};
  const Message config_;
  std::vector<std::uint64_t> next_;
  std::uint64_t ended_ = 0;  // A bit a relay.
};

void read_source(AppQuery& query, chaos::SourceConfig::Builder out) {
  out.setName(query.text("name", "a", "what tells this chain from others"));
  out.setPeriodMs(
      static_cast<std::uint32_t>(query.number("period-ms", 50, "time between two numbers")));
  out.setNumbers(static_cast<std::uint64_t>(query.number("numbers", 100, "how many")));
  out.setDurable(query.text("safe", "true", "true: no crash loses or repeats a number") == "true");
}

}  // namespace

std::vector<std::unique_ptr<App>> make_numbers_apps() {
  std::vector<std::unique_ptr<App>> apps;
  apps.push_back(make_app<NumberTally, NumberRelay, NumberSource>(
      "numbers", "numbers through relays", [](AppQuery& query, auto config) {
        const auto relays = static_cast<unsigned>(query.number("relays", 2, "how many, 1 to 60"));
        const auto ballast_kib = static_cast<std::uint32_t>(
            query.number("ballast-kib", 0, "of state that each relay has beside its sum"));
        auto list = config.initRelays(std::clamp(relays, 1U, 60U));
        for (unsigned i = 0; i < list.size(); ++i) {
          read_source(query, list[i].initSource());
          list[i].setIndex(i);
          list[i].setBallastKib(ballast_kib);
        }
      }));
  return apps;
}

}  // namespace omma
