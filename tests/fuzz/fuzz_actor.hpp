// The actor and the node that the fuzz targets give to a CellCore: an actor with state, an outlet,
// timers and requests, made of shipped schemas, and a port on which nothing goes anywhere.
#pragma once

#include "runtime/cell/cell_core.hpp"
#include "schemas/frame.capnp.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace omma::fuzz {

// Its state is the number of the last message; it passes each one on, asks a peer now and then,
// holds some for a while, and does not like the number 13.
class Relay final : public Actor {
 public:
  static constexpr const char* type_name = "relay";
  using Config = FrameTag;
  using State = FrameTag;
  using Accepts = omma::Accepts<FrameTag>;
  using Publishes = omma::Publishes<FrameTag>;

  static bool durable(FrameTag::Reader config) { return config.getEnd(); }

  explicit Relay(FrameTag::Reader) {}

  void on(FrameTag::Reader tag, Turn& turn) {
    last_ = tag.getSequence();
    if (last_ == 13) throw std::runtime_error("13");
    if (last_ % 8 == 4) turn.reply<FrameTag>([](FrameTag::Builder) {});
    if (last_ % 4 == 1) return hold(turn);
    if (last_ % 4 == 2) turn.request_message(turn.sender(), nullptr, turn.message());
    if (last_ % 4 == 3) turn.set_timer(last_, std::chrono::milliseconds(100));
    out_.publish(turn, [this](FrameTag::Builder out) { out.setSequence(last_); });
  }
  void on_timer(std::uint64_t, Turn& turn) override {
    if (held_) turn.release(*std::exchange(held_, std::nullopt));
  }
  void on_resume(Turn&) override { held_.reset(); }
  void save(FrameTag::Builder out) const { out.setSequence(last_); }
  Result<void> load(FrameTag::Reader in) {
    last_ = in.getSequence();
    return {};
  }

 private:
  void hold(Turn& turn) {
    if (held_) turn.release(*held_);
    held_ = turn.hold();
    turn.set_timer(1, std::chrono::milliseconds(50));
  }

  Outlet<FrameTag> out_{*this};
  std::uint64_t last_ = 0;
  std::optional<HeldMessage> held_;
};

class NullPort final : public CellPort {
 public:
  Instant now() const override { return clock.now(); }
  WallTime wall_now() const override { return clock.wall_now(); }
  void send(Packet packet) override { sent = std::move(packet); }
  void remember(std::shared_ptr<const StageSpec>) override {}
  void ask_directory(const ActorId&) override {}
  void run(ExecutorKind, std::uint64_t, Job) override {}
  void keep(CellCheckpoint checkpoint) override { kept = std::move(checkpoint); }
  void retire() override {}
  void log(const std::string&) override {}

  ManualClock clock;
  std::optional<Packet> sent;
  std::optional<CellCheckpoint> kept;
};

inline const ActorType& relay_type() {
  static const ActorType type = actor_type<Relay>();
  return type;
}

inline CellCore::Identity relay_identity(bool durable) {
  const Message config = Message::build<FrameTag>([&](FrameTag::Builder out) {
    out.setCamera("relay");
    out.setEnd(durable);
  });
  CellCore::Identity identity;
  identity.id = {7, 7};
  identity.type = Relay::type_name;
  identity.name = "relay";
  identity.config = bytes_of_words(capnp::canonicalize(config.as<FrameTag>()));
  identity.epoch = 1;
  identity.life = 1;
  return identity;
}

}  // namespace omma::fuzz
