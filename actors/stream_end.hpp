// StreamEnd: that a stream is over, and which subscribers have been told. Every stage passes the
// end on once to each subscriber, also to one that comes when all is over.
//
// A plain class, owned by one actor; part of its state.
#pragma once

#include "runtime/base/ids.hpp"
#include "runtime/cell/outlet.hpp"
#include "schemas/states.capnp.h"

#include <set>
#include <span>

namespace omma {

class StreamEnd {
 public:
  bool reached() const { return !tag_.is_null(); }
  // The end's own tag; only once reached.
  FrameTag::Reader tag() const { return tag_.as<FrameTag>(); }
  bool failed() const { return reached() && tag().getError().size() > 0; }

  // Copies the tag; a second end is ignored.
  void reach(FrameTag::Reader tag);
  // True once for each subscriber of a stream that is over: tell it now.
  bool must_tell(const ActorId& subscriber);
  // Those that are no subscribers any more would have to be told again.
  void keep_told(std::span<const Subscriber> subscribers);
  // It lost its state, and what it was told with it.
  void forget(const ActorId& subscriber) { told_.erase(subscriber); }
  // The stream begins again.
  void reset();

  void save(StreamEndState::Builder out) const;
  void load(StreamEndState::Reader in);

 private:
  Message tag_;  // FrameTag.
  std::set<ActorId> told_;
};

ActorId actor_id_of(wire::ActorKey::Reader key);
void set_actor_id(wire::ActorKey::Builder key, const ActorId& id);

}  // namespace omma
