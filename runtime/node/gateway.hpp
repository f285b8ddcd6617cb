// Gateway: how something that is no actor (a client's call) asks an actor. One actor a node stands
// in for all clients of that node: it sends the request under its own name, so that order,
// resending and time-outs are those of any other actor, and hands the reply to whoever waits.
//
// Gateway is thread-safe; answers come on an actor's thread.
#pragma once

#include "runtime/cell/actor_type.hpp"
#include "runtime/cell/cell.hpp"
#include "runtime/link/link.hpp"

#include <functional>
#include <memory>
#include <optional>

namespace omma {

inline constexpr const char* gateway_type_name = "gateway";

// The type to host; `waiting` is shared between the actor and its Gateway.
struct GatewayWaiting;
ActorType gateway_type(std::shared_ptr<GatewayWaiting> waiting);
std::shared_ptr<GatewayWaiting> make_gateway_waiting();

// One for each life of each node.
StageSpec gateway_spec(const NodeId& node);

class Gateway {
 public:
  Gateway(Cell cell, std::shared_ptr<GatewayWaiting> waiting)
      : cell_(std::move(cell)), waiting_(std::move(waiting)) {}

  // With a specification the target is activated if need be. unavailable when no reply comes within
  // limits::request_timeout, not_found when the target does not exist.
  void ask(const ActorId& target, std::shared_ptr<const StageSpec> spec, Message request,
           Answer answer) const;

 private:
  Cell cell_;
  std::shared_ptr<GatewayWaiting> waiting_;
};

}  // namespace omma
