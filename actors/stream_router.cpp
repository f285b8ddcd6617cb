#include "actors/stream_router.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "actors/frame_tag.hpp"
#include "kernels/picture.hpp"
#include "runtime/media/picture.hpp"
#include "schemas/system.capnp.h"

namespace omma {
namespace {

// Enough to see a person of 20 pixels in a picture of 640: 4 pixels by 1.
constexpr int motion_width = 96;

FrameForm::Reader form_of(const Subscriber& subscriber) {
  if (subscriber.form.is_null()) return {};
  return subscriber.form.as<Subscribe>().getForm().getAs<FrameForm>();
}

ActorId companion_of(FrameForm::Reader form) {
  return {form.getCompanionHigh(), form.getCompanionLow()};
}

// What fails here is memory: the turn fails with it and is tried again.
template <class T>
T taken(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().describe());
  return *std::move(result);
}

}  // namespace

PlacementWish StreamRouter::wish(RouterConfig::Reader config) {
  PlacementWish wish;
  wish.node = config.getCamera().getNode();
  wish.near_camera = Camera::key(config.getCamera());
  wish.role = "camera";
  return wish;
}

StreamRouter::StreamRouter(RouterConfig::Reader config, BufferPool& pool)
    : config_(Message::copy_of<RouterConfig>(config)), pool_(pool) {}

bool StreamRouter::subscribes(const ActorId& id) const {
  const auto& all = frames_.subscribers();
  return std::any_of(all.begin(), all.end(), [&](const Subscriber& s) { return s.id == id; });
}

bool StreamRouter::companions_are_here() const {
  const auto& all = frames_.subscribers();
  return std::all_of(all.begin(), all.end(), [&](const Subscriber& subscriber) {
    const ActorId companion = companion_of(form_of(subscriber));
    return companion.is_null() || subscribes(companion);
  });
}

void StreamRouter::on_subscribers_changed(Turn& turn) {
  end_.keep_told(frames_.subscribers());
  std::erase_if(rates_, [&](const auto& entry) { return !subscribes(entry.first); });
  const auto camera = config_.as<RouterConfig>().getCamera();
  if (frames_.subscribers().empty()) {
    if (subscribed_) turn.unsubscribe<Frame>(turn.stage_of<Camera>(camera));
    subscribed_ = false;
    if (!end_.reached()) return;
    end_.reset();
    motion_ = kernels::MotionDetector();
    return;
  }
  if (end_.reached()) return tell_end(turn);
  if (subscribed_ || !companions_are_here()) return;
  subscribed_ = true;
  SubscribeOptions options;
  options.delivery = delivery_of(camera);
  turn.subscribe<Frame>(turn.stage_of<Camera>(camera), std::move(options));
}

void StreamRouter::on(Frame::Reader frame, Turn& turn) {
  if (frame.getTag().getEnd()) {
    end_.reach(frame.getTag());
    return tell_end(turn);
  }
  if (end_.reached()) return turn.filtered("after the end");
  const std::size_t bytes = std::size_t{frame.getWidth()} * frame.getHeight() * 3;
  if (turn.payloads().size() != 1 || turn.payloads()[0].size() != bytes || bytes == 0 ||
      frame.getFormat() != PixelFormat::BGR24) {
    return turn.failed("not a picture");
  }
  const Blob& pixels = turn.payloads()[0];
  const auto chosen = choose(frame, turn);
  std::map<Shape, Message> shapes;
  for (const Subscriber* subscriber : chosen) {
    const auto form = form_of(*subscriber);
    const ActorId companion = companion_of(form);
    const bool companion_too =
        !companion.is_null() && std::any_of(chosen.begin(), chosen.end(), [&](const auto* other) {
          return other->id == companion;
        });
    const Shape shape{form.getWidth(), form.getHeight(), companion_too};
    auto& message = shapes[shape];
    if (message.is_null()) message = shaped(frame, pixels, shape, turn);
    frames_.publish_to(turn, *subscriber, message);
  }
}

// The subscribers that want this frame. Filters the frame if there are none.
std::vector<const Subscriber*> StreamRouter::choose(Frame::Reader frame, Turn& turn) {
  const auto& all = frames_.subscribers();
  const bool somebody_filters = std::any_of(all.begin(), all.end(), [](const Subscriber& s) {
    return form_of(s).getMotionThreshold() > 0;
  });
  const float changed = somebody_filters ? changed_share(frame, turn.payloads()[0]) : 1.0F;
  const char* reason = all.empty() ? "nobody subscribes" : "rate";
  std::vector<const Subscriber*> chosen;
  for (const Subscriber& subscriber : all) {
    const auto form = form_of(subscriber);
    if (changed < form.getMotionThreshold()) {
      reason = "no motion";
    } else if (rates_[subscriber.id].passes(frame.getTag().getMediaNs(),
                                            static_cast<double>(form.getFramesPerSecondMax()))) {
      chosen.push_back(&subscriber);
    }
  }
  if (chosen.empty()) turn.filtered(reason);
  return chosen;
}

float StreamRouter::changed_share(Frame::Reader frame, const Blob& pixels) {
  const int width = static_cast<int>(frame.getWidth());
  const int height = static_cast<int>(frame.getHeight());
  const int small_width = std::min(width, motion_width);
  const int small_height = std::max(1, height * small_width / width);
  const auto size = static_cast<std::size_t>(small_width) * static_cast<std::size_t>(small_height);
  Buffer small = taken(pool_.take(size * 3));
  Buffer gray = taken(pool_.take(size));
  const auto bgr_view = kernels::dense_view(small.data(), small_width, small_height, 3);
  const auto gray_view = kernels::dense_view(gray.data(), small_width, small_height, 1);
  kernels::resize(kernels::dense_view(pixels.data(), width, height, 3), bgr_view);
  kernels::bgr_to_gray(bgr_view, gray_view);
  return motion_.update(gray_view);
}

Message StreamRouter::shaped(Frame::Reader frame, const Blob& pixels, const Shape& shape,
                             Turn& turn) {
  auto [width, height, companion_too] = shape;
  const bool as_captured =
      width == 0 || height == 0 || (width == frame.getWidth() && height == frame.getHeight());
  Blob out_pixels = pixels;
  if (as_captured) {
    width = frame.getWidth();
    height = frame.getHeight();
  } else {
    const int w = static_cast<int>(width);
    const int h = static_cast<int>(height);
    Buffer buffer = taken(pool_.take(taken(picture_bytes("frame form", w, h))));
    kernels::resize(kernels::dense_view(pixels.data(), static_cast<int>(frame.getWidth()),
                                        static_cast<int>(frame.getHeight()), 3),
                    kernels::dense_view(buffer.data(), w, h, 3));
    out_pixels = std::move(buffer).share();
  }
  const WallTime now = turn.wall_now();
  return Message::build<Frame>(
      [&, width = width, height = height, companion_too = companion_too](Frame::Builder out) {
        pass_on_tag(frame.getTag(), out.initTag(), "route", {now, now});
        out.setWidth(width);
        out.setHeight(height);
        out.setFormat(PixelFormat::BGR24);
        out.setSourceWidth(frame.getSourceWidth());
        out.setSourceHeight(frame.getSourceHeight());
        out.setCompanionToo(companion_too);
      },
      {out_pixels});
}

void StreamRouter::tell_end(Turn& turn) {
  turn.set_trace({});
  const Message message = Message::build<Frame>([&](Frame::Builder out) {
    const WallTime now = turn.wall_now();
    pass_on_tag(end_.tag(), out.initTag(), "route", {now, now});
  });
  for (const Subscriber& subscriber : frames_.subscribers()) {
    if (end_.must_tell(subscriber.id)) frames_.publish_to(turn, subscriber, message);
  }
}

void StreamRouter::on_peer_lost(const ActorId& peer, Turn&) {
  end_.forget(peer);
}

void StreamRouter::save(StreamRouterState::Builder out) const {
  out.setSubscribed(subscribed_);
  end_.save(out.initEnd());
  const auto background = motion_.save();
  out.setMotion(
      kj::arrayPtr(reinterpret_cast<const kj::byte*>(background.data()), background.size()));
  auto rates = out.initRates(static_cast<unsigned>(rates_.size()));
  unsigned i = 0;
  for (const auto& [id, rate] : rates_) {
    set_actor_id(rates[i].initSubscriber(), id);
    rates[i].setLimited(rate.next_ns().has_value());
    rates[i].setNextNs(rate.next_ns().value_or(0));
    ++i;
  }
}

Result<void> StreamRouter::load(StreamRouterState::Reader in) {
  subscribed_ = in.getSubscribed();
  end_.load(in.getEnd());
  const auto background = in.getMotion();
  if (!motion_.restore(std::as_bytes(std::span(background.begin(), background.size())))) {
    return Error{Code::corrupt, "router state: " + std::to_string(background.size()) +
                                    " bytes are no motion background"};
  }
  for (const auto rate : in.getRates()) {
    auto& restored = rates_[actor_id_of(rate.getSubscriber())];
    if (rate.getLimited()) restored.restore(rate.getNextNs());
  }
  return {};
}

}  // namespace omma
