// Actor: what an author derives from. An actor has an identity, a state and one message at a time.
//
//   // Counts what it is sent.
//   class Greeter final : public omma::Actor {
//    public:
//     static constexpr const char* type_name = "greeter";
//     using Config = GreeterConfig;               // Cap'n Proto struct; names the actor.
//     using State = GreeterState;                 // Optional: what survives a restart and a move.
//     using Accepts = omma::Accepts<Greeting>;    // Anything else does not compile at the sender.
//     using Publishes = omma::Publishes<>;        // What its outlets carry.
//     static std::string title(Config::Reader config);            // For people.
//     static omma::PlacementWish wish(Config::Reader config);     // Optional: where to live.
//     static constexpr bool is_stage = true;      // Optional: retired when nobody subscribes.
//     static bool durable(Config::Reader config); // Optional: no crash loses or repeats anything.
//     static constexpr const char* stays = "why"; // Optional: it cannot move to another node.
//     explicit Greeter(GreeterConfig::Reader config);
//     void on(Greeting::Reader greeting, omma::Turn& turn);
//     void save(GreeterState::Builder out) const;
//     omma::Result<void> load(GreeterState::Reader in);
//   };
//
// One message is one turn. A turn never blocks; what it sends happens when it ends well and not at
// all when it throws. Between a state and its inputs nothing else may matter: a turn reads time and
// chance from the Turn only, so that the runtime can repeat it (see replay_log.hpp).
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/base/ids.hpp"
#include "runtime/base/message.hpp"
#include "runtime/base/time.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

namespace omma {

class OutletBase;
class Turn;

// The message types that an actor has an on() for.
template <class... Messages>
struct Accepts {
  template <class T>
  static constexpr bool contains = (std::is_same_v<T, Messages> || ...);
};

// The message types that an actor has an Outlet of.
template <class... Messages>
using Publishes = Accepts<Messages...>;

// Where a new actor should live; the placement rule decides.
struct PlacementWish {
  std::string node;         // This node if it is alive.
  std::string near_camera;  // The node that owns this camera.
  std::string role;         // Else a node with this role.
};

// Enough to activate an actor anywhere: the directory keeps it.
struct StageSpec {
  ActorId id;
  std::string type;
  std::string name;               // For people.
  std::vector<std::byte> config;  // Flat Cap'n Proto encoding, canonical.
  PlacementWish wish;
};

// A typed name of an actor, wherever it lives. With a spec, the first message activates it.
template <class A>
struct Ref {
  ActorId id;
  std::shared_ptr<const StageSpec> spec;  // Null when the actor exists or is known to the cluster.
};

enum class ExecutorKind : std::uint8_t {
  compute,  // Inference: as many threads as the node gives to it.
  io,       // Files, decoding, encoding: may block.
};

// How a message that an actor took up ended, for the ledger.
enum class Fate : std::uint8_t { emitted, filtered, failed };

// A message that stays the sender's duty until it is released: not acknowledged, so that a move or
// a crash makes the sender send it again, and its bytes count against the sender's credit.
struct HeldMessage {
  std::uint64_t id = 0;
};

class Actor {
 public:
  Actor() = default;
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;
  virtual ~Actor() = default;

  // The first turn of a life: subscribe to what you need.
  virtual void on_start(Turn&) {}
  // After a restart, when the state is loaded and before the turn that failed is tried again:
  // timers and subscriptions stand, but jobs that ran are gone, and messages that were held will
  // come again.
  virtual void on_resume(Turn&) {}
  virtual void on_timer(std::uint64_t /*timer*/, Turn&) {}
  // An outlet gained or lost subscribers; look at the outlets.
  virtual void on_subscribers_changed(Turn&) {}
  // A job that turn.run() started could not give its message.
  virtual void on_job_failed(std::uint64_t /*job*/, const Error&, Turn&) {}
  // A request got no reply in time, or its target is gone.
  virtual void on_request_failed(std::uint64_t /*correlation*/, const Error&, Turn&) {}
  // The peer lost its state; what we sent it since its last checkpoint may be lost with it.
  virtual void on_peer_lost(const ActorId& /*peer*/, Turn&) {}

  const std::vector<OutletBase*>& outlets() const { return outlets_; }

 private:
  friend class OutletBase;
  std::vector<OutletBase*> outlets_;
};

}  // namespace omma
