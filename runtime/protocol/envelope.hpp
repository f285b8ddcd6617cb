// What travels between two actors, wherever they are: an Envelope around each message, an Ack
// against it, and a Probe when neither has been heard of for too long.
//
// The messages of one (sender, target, channel) are a stream numbered 1, 2, 3, ... Order and
// deduplication rest on these numbers alone, end to end; links, routes and nodes may come and go.
#pragma once

#include "runtime/base/ids.hpp"
#include "runtime/base/message.hpp"
#include "runtime/base/time.hpp"

#include <compare>
#include <cstdint>
#include <variant>

namespace omma {

// What a sender or subscriber may ask for; schemas/ states each message type's default.
enum class DeliveryClass : std::uint8_t {
  fresh,     // Bounded; when full the oldest waiting goes, counted. Never doubled or reordered.
  reliable,  // Exactly once, in order; a full stream holds its sender back.
  durable,   // As reliable, and acknowledged only after a checkpoint.
};

// A stream's number space and its lane on a link. Order holds within a channel.
enum class Channel : std::uint8_t {
  control,  // Reliable; requests, replies, subscriptions. Never waits behind a picture.
  stream,   // Reliable; an outlet's messages in every-frame mode, with back-pressure.
  fresh,    // An outlet's messages in live mode.
};
inline constexpr std::size_t channel_count = 3;

constexpr bool is_reliable(Channel channel) {
  return channel != Channel::fresh;
}
std::string_view to_string(Channel channel) noexcept;
std::string_view to_string(DeliveryClass delivery) noexcept;

// A `life` is one birth of an actor's state: it survives moves and ends with retirement or loss.
// It is the directory epoch at which the state was born, so a later life is a higher number.
// Streams are numbered per pair of lives: a new life on either side begins again at 1.
struct StreamLives {
  std::uint64_t sender = 0;
  std::uint64_t target = 0;  // 0: the sender does not know it yet; see first_life.

  friend bool operator==(const StreamLives&, const StreamLives&) = default;
};

// The first life an id ever has. It alone may take what was addressed to life 0: nobody can have
// taken it before, so such numbers count in one number space only. A later life answers with its
// own number, and the sender addresses the same messages to that.
inline constexpr std::uint64_t first_life = 1;

struct StreamId {
  ActorId sender;
  ActorId target;
  Channel channel = Channel::control;

  friend bool operator==(const StreamId&, const StreamId&) = default;
  friend auto operator<=>(const StreamId&, const StreamId&) = default;
};

// Which captured frame a message descends from; zero when from none. Inherited by every effect of a
// turn, so that the ledger can say where each camera's frames ended.
struct TraceId {
  std::uint64_t origin = 0;  // Low half of the camera's ActorId.
  std::uint64_t sequence = 0;

  friend bool operator==(const TraceId&, const TraceId&) = default;
  friend auto operator<=>(const TraceId&, const TraceId&) = default;
};

struct Envelope {
  StreamId stream{};
  StreamLives lives{};
  std::uint64_t target_epoch = 0;  // As the sender believes; receivers of a higher one are fenced.
  std::uint64_t sender_epoch = 0;  // A higher one than known: the sender has moved, and here it is.
  std::uint64_t sequence = 0;      // From 1.
  std::uint64_t credit_bytes = 0;  // What it counts against the window, equal on both sides.
  std::uint64_t correlation = 0;   // Pairs a reply with its request; 0 for neither.
  bool is_reply = false;
  std::int64_t deadline_ns = 0;  // Sender's wall clock; 0 for none.
  TraceId trace{};
  Message message{};
  Instant arrived{};  // At this node, of a traced message; does not travel.
};

// Cumulative, so that a lost one is made good by any later one.
struct Ack {
  StreamId stream{};               // As in the envelopes: the acknowledging side is the target.
  StreamLives lives{};             // Of the acknowledging state; target is never 0.
  std::uint64_t target_epoch = 0;  // Of the acknowledging side.
  std::uint64_t next = 1;          // All below are in the target's state.
  std::uint64_t received = 0;      // All up to here lie at the target, processed or not.
  std::uint64_t credit_limit_bytes = 0;  // Of all credit_bytes since 1, so many may be sent.
  std::uint64_t probe = 0;               // The probe that this answers; 0 for none.
};

// "Where are you?" Travels the same lane behind what was sent before it, so that what it does not
// find received is lost. Answered at once with an Ack.
struct Probe {
  StreamId stream{};
  StreamLives lives{};
  std::uint64_t target_epoch = 0;
  std::uint64_t sender_epoch = 0;
  std::uint64_t probe = 0;  // Counts the stream's probes, from 1.
};

using Packet = std::variant<Envelope, Ack, Probe>;

// Who has to get it: an ack goes back to the sender.
const ActorId& destination_of(const Packet& packet);
// What it weighs in a link's queue, in bytes.
std::size_t weight_bytes_of(const Packet& packet);

}  // namespace omma
