@0xc5f0a1e2b3d49687;
# What cells say to each other beneath the actors' own messages.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("omma");

struct Subscribe {
  # Class: reliable. To the publisher; its outlet of this message type sends to the sender from now
  # on. A second one from the same sender replaces the first.
  messageType @0 :UInt64;
  # Schema id of what the outlet carries.
  reliable @1 :Bool;
  # Every message (with back-pressure) instead of the newest ones.
  windowBytes @2 :UInt64;
  # Credit that the subscriber gives at first.
  waitingMessagesMax @3 :UInt32;
  # Fresh only: how many may wait at the publisher before the oldest goes; 0 for the default.
  formType @4 :UInt64;
  # Schema id of `form`; 0 for none.
  form @5 :AnyPointer;
  # What the subscriber wants of the stream, in the publisher's own terms (FrameForm, ...).
}

struct Unsubscribe {
  # Class: reliable. Ends what Subscribe began.
  messageType @0 :UInt64;
}
