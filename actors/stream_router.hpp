// StreamRouter: the one subscriber of a camera on behalf of all who want its pictures, each in the
// size and at the rate it asked for, so that no pixel travels that nobody looks at.
//
//   In     Frame, of its camera, while it has subscribers
//   Out    Frame, hop "route": to each subscriber in its FrameForm. A picture is resized once for
//          each size that is asked for, inside the turn (about 1 ms for 768x576 to 448x336; far
//          cheaper than a job's way to another thread and back would make it look).
//   Holds  no frames. The background of the motion filter and each subscriber's beat.
//   Drops  a frame that no subscriber wants now: filtered "rate" or "no motion". What a subscriber
//          is too slow for is its stream's business: dropped there in live mode, held back through
//          us to the camera in every-frame mode.
//   Moves  the beats, the motion filter's background, whether the end is reached.
//   Dies   a while after the last subscriber left, which also ends its subscription at once.
//
// The motion filter looks at every frame, in a small gray copy; all subscribers share it. Of a
// subscriber's two wishes motion comes first: a frame without it does not use up the beat.
#pragma once

#include "actors/camera.hpp"
#include "actors/rate_limiter.hpp"
#include "actors/stream_end.hpp"
#include "kernels/motion.hpp"
#include "runtime/base/blob.hpp"
#include "runtime/cell/actor.hpp"
#include "runtime/cell/outlet.hpp"
#include "schemas/frame.capnp.h"
#include "schemas/stages.capnp.h"
#include "schemas/states.capnp.h"

#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace omma {

class StreamRouter final : public Actor {
 public:
  static constexpr const char* type_name = "stream_router";
  static constexpr bool is_stage = true;
  using Config = RouterConfig;
  using State = StreamRouterState;
  using Accepts = omma::Accepts<Frame>;
  using Publishes = omma::Publishes<Frame>;

  static std::string title(RouterConfig::Reader config) { return config.getCamera().getName(); }
  static PlacementWish wish(RouterConfig::Reader config);
  static bool durable(RouterConfig::Reader config) { return config.getCamera().getDurable(); }

  // The pool must outlive every frame that is sent.
  StreamRouter(RouterConfig::Reader config, BufferPool& pool);

  void on(Frame::Reader frame, Turn& turn);
  void on_subscribers_changed(Turn& turn) override;
  void on_peer_lost(const ActorId& peer, Turn& turn) override;

  void save(StreamRouterState::Builder out) const;
  Result<void> load(StreamRouterState::Reader in);

 private:
  // What makes two subscribers' messages the same: width, height, companionToo.
  using Shape = std::tuple<std::uint32_t, std::uint32_t, bool>;

  bool subscribes(const ActorId& id) const;
  bool companions_are_here() const;
  std::vector<const Subscriber*> choose(Frame::Reader frame, Turn& turn);
  float changed_share(Frame::Reader frame, const Blob& pixels);
  Message shaped(Frame::Reader frame, const Blob& pixels, const Shape& shape, Turn& turn);
  void tell_end(Turn& turn);

  Outlet<Frame> frames_{*this};
  Message config_;  // RouterConfig.
  BufferPool& pool_;
  bool subscribed_ = false;
  StreamEnd end_;
  kernels::MotionDetector motion_;
  std::map<ActorId, RateLimiter> rates_;  // By subscriber.
};

}  // namespace omma
