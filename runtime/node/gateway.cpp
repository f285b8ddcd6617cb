#include "runtime/node/gateway.hpp"

#include <map>
#include <mutex>

#include "schemas/control.capnp.h"

namespace omma {

struct GatewayWaiting {
  std::mutex mutex;
  std::map<std::uint64_t, Answer> by_correlation;

  Answer take(std::uint64_t correlation) {
    std::lock_guard lock(mutex);
    auto node = by_correlation.extract(correlation);
    return node.empty() ? Answer() : std::move(node.mapped());
  }
};

namespace {

class GatewayActor final : public Actor {
 public:
  explicit GatewayActor(std::shared_ptr<GatewayWaiting> waiting) : waiting_(std::move(waiting)) {}

  void on_any(const Message& message, Turn& turn) {
    if (Answer answer = waiting_->take(turn.correlation())) answer(message);
  }
  void on_request_failed(std::uint64_t correlation, const Error& error, Turn&) override {
    if (Answer answer = waiting_->take(correlation)) answer(error);
  }

 private:
  std::shared_ptr<GatewayWaiting> waiting_;
};

}  // namespace

std::shared_ptr<GatewayWaiting> make_gateway_waiting() {
  return std::make_shared<GatewayWaiting>();
}

ActorType gateway_type(std::shared_ptr<GatewayWaiting> waiting) {
  ActorType type;
  type.name = gateway_type_name;
  type.make = [waiting = std::move(waiting)](std::span<const std::byte>) {
    return std::make_unique<GatewayActor>(waiting);
  };
  type.stays = "it answers the clients that are connected to its node";
  type.accepts = [](std::uint64_t) { return true; };
  type.dispatch = [](Actor& actor, const Message& message, Turn& turn) {
    static_cast<GatewayActor&>(actor).on_any(message, turn);
  };
  type.save = [](const Actor&) { return Message(); };
  type.load = [](Actor&, const Message&) { return Result<void>(); };
  return type;
}

StageSpec gateway_spec(const NodeId& node) {
  StageSpec spec;
  spec.type = gateway_type_name;
  spec.name = node.name;
  spec.id = ActorId::of(spec.type, std::string_view(node.name + "/" + node.incarnation.text()));
  capnp::MallocMessageBuilder builder;
  spec.config = bytes_of_words(capnp::canonicalize(builder.initRoot<wire::Nothing>().asReader()));
  spec.wish.node = node.name;
  return spec;
}

void Gateway::ask(const ActorId& target, std::shared_ptr<const StageSpec> spec, Message request,
                  Answer answer) const {
  cell_.put(CellInput{
      CellInput::Command{[waiting = waiting_, target, spec = std::move(spec),
                          request = std::move(request), answer = std::move(answer)](Turn& turn) {
        const std::uint64_t correlation = turn.request_message(target, spec, request);
        std::lock_guard lock(waiting->mutex);
        waiting->by_correlation.emplace(correlation, answer);
      }}});
}

}  // namespace omma
