// The smallest app: an actor that greets its listeners. `omma run hello --greeting "good morning"`
#include "apps/hello/hello.hpp"

#include "actors/result_row.hpp"
#include "schemas/states.capnp.h"

namespace omma {

class Greeter final : public Actor {
 public:
  static constexpr const char* type_name = "greeter";
  static constexpr bool is_stage = true;  // It lives while somebody listens.
  using Config = HelloConfig;             // Its name: who asks for the same words shares it.
  using State = GreeterState;             // It goes on where it was after a crash or a move.
  using Accepts = omma::Accepts<>;
  using Publishes = omma::Publishes<ResultRow>;
  static std::string title(Config::Reader config) { return config.getGreeting(); }
  static PlacementWish wish(Config::Reader) { return {"", "", "cloud"}; }
  explicit Greeter(Config::Reader c) : text_(c.getGreeting().cStr()), left_(c.getTimes()) {}
  void on_subscribers_changed(Turn& turn) override { turn.set_timer(1, Duration(100'000'000)); }
  void on_timer(std::uint64_t, Turn& turn) override {
    if (left_ == 0) return out_.publish(turn, end_row({{"text", "goodbye"}}));
    out_.publish(turn, result_row("greeting", {{"text", text_}, {"left", --left_}}));
    turn.set_timer(1, Duration(100'000'000));
  }

  void save(State::Builder out) const { out.setLeft(left_); }
  Result<void> load(State::Reader in) {
    left_ = in.getLeft();
    return {};
  }

 private:
  Outlet<ResultRow> out_{*this};
  std::string text_;
  std::uint32_t left_;
};

std::unique_ptr<App> make_hello_app() {
  return make_app<Greeter>("hello", "greets three times", [](AppQuery& query, auto config) {
    config.setGreeting(query.text("greeting", "hello, world", "what to say"));
    config.setTimes(3);
  });
}

}  // namespace omma
