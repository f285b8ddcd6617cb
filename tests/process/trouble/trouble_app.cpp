#include "tests/process/trouble/trouble_app.hpp"

#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

#include "actors/result_row.hpp"
#include "schemas/states.capnp.h"

namespace omma {
namespace {

// In:    nothing; a timer begins its one bad turn
// Out:   a row "survived" and the end, once the turn is over
// Holds: nothing
class Troublemaker final : public Actor {
 public:
  static constexpr const char* type_name = "troublemaker";
  static constexpr bool is_stage = true;
  using Config = HelloConfig;  // Its greeting says how, its times how long, in milliseconds.
  using Accepts = omma::Accepts<>;
  using Publishes = omma::Publishes<ResultRow>;
  static std::string title(Config::Reader config) { return config.getGreeting(); }
  static PlacementWish wish(Config::Reader) { return {"", "", "cloud"}; }

  explicit Troublemaker(Config::Reader config)
      : how_(config.getGreeting().cStr()), time_(config.getTimes()) {}

  void on_subscribers_changed(Turn& turn) override {
    if (!out_.subscribers().empty()) turn.set_timer(bad_turn, Duration(1));
  }
  void on_timer(std::uint64_t timer, Turn& turn) override {
    if (timer == last_turn) {
      out_.publish(turn, result_row("survived", {{"how", how_}}));
      return out_.publish(turn, end_row({}));
    }
    if (how_.starts_with("throw")) throw std::runtime_error("the sky is falling");
    if (how_.starts_with("block")) std::this_thread::sleep_for(time_);
    const auto until = std::chrono::steady_clock::now() + time_;
    while (how_.starts_with("loop") && std::chrono::steady_clock::now() < until) continue;
    turn.set_timer(last_turn, Duration(1));
  }
  // A turn that threw had no effect, so what comes next is to be arranged here.
  void on_resume(Turn& turn) override { turn.set_timer(last_turn, std::chrono::seconds(5)); }

 private:
  static constexpr std::uint64_t bad_turn = 1;
  static constexpr std::uint64_t last_turn = 2;

  Outlet<ResultRow> out_{*this};
  const std::string how_;
  const std::chrono::milliseconds time_;
};

}  // namespace

std::unique_ptr<App> make_trouble_app() {
  return make_app<Troublemaker>("trouble", "misbehaves", [](AppQuery& query, auto config) {
    config.setGreeting(query.text("how", "throw", "throw, block or loop, and what tells it apart"));
    config.setTimes(static_cast<std::uint32_t>(query.number("ms", 4000, "for how long")));
  });
}

}  // namespace omma
