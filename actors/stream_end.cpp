#include "actors/stream_end.hpp"

#include <algorithm>

namespace omma {

ActorId actor_id_of(wire::ActorKey::Reader key) {
  return {key.getHigh(), key.getLow()};
}

void set_actor_id(wire::ActorKey::Builder key, const ActorId& id) {
  key.setHigh(id.high);
  key.setLow(id.low);
}

void StreamEnd::reach(FrameTag::Reader tag) {
  if (!reached()) tag_ = Message::copy_of<FrameTag>(tag);
}

bool StreamEnd::must_tell(const ActorId& subscriber) {
  return reached() && told_.insert(subscriber).second;
}

void StreamEnd::keep_told(std::span<const Subscriber> subscribers) {
  std::erase_if(told_, [&](const ActorId& id) {
    return std::none_of(subscribers.begin(), subscribers.end(),
                        [&](const Subscriber& s) { return s.id == id; });
  });
}

void StreamEnd::reset() {
  tag_ = {};
  told_.clear();
}

void StreamEnd::save(StreamEndState::Builder out) const {
  out.setReached(reached());
  if (reached()) out.setTag(tag());
  auto told = out.initTold(static_cast<unsigned>(told_.size()));
  unsigned i = 0;
  for (const ActorId& id : told_) set_actor_id(told[i++], id);
}

void StreamEnd::load(StreamEndState::Reader in) {
  reset();
  if (in.getReached()) tag_ = Message::copy_of<FrameTag>(in.getTag());
  for (const auto key : in.getTold()) told_.insert(actor_id_of(key));
}

}  // namespace omma
