// Links: every byte between nodes, over Cap'n Proto RPC. A peer has two connections, a control lane
// and a bulk lane, so that an acknowledgement never waits behind a picture.
//
// A link promises little on purpose: packets of one lane arrive in order or, when a connection
// breaks, not at all. Nothing is kept for a peer that is away, nothing is sent again: the outboxes
// at both ends do that, as soon as on_peer_up tells them. What a link does promise is bounds: on
// what waits, on what is in flight, and on what a peer may make us allocate.
//
// Threading: LinkHub runs one event-loop thread. post() and call() may be used from any thread;
// handlers run on the event-loop thread and must not block.
#pragma once

#include "runtime/base/blob.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/ids.hpp"
#include "runtime/base/message.hpp"
#include "runtime/base/time.hpp"
#include "runtime/protocol/envelope.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace omma {

class SharedArena;

enum class Lane : std::uint8_t { control, bulk };

// Streams ride on the bulk lane; acks for them and everything of the control channel do not.
Lane lane_of(const Packet& packet);

// Mutual TLS: PEM files. Both sides show a certificate that `authority` signed.
struct TlsFiles {
  std::string authority;
  std::string certificate;
  std::string key;
};

struct LinkOptions {
  NodeId self;
  std::string listen_address;   // "unix:/path", "127.0.0.1:4400", "[::1]:0", "*:4400".
  std::optional<TlsFiles> tls;  // For TCP; Unix sockets rely on file permissions.
  // Whether a request or a reply to one is what its type says. An error closes the connection that
  // brought it, and nobody sees the message. None: a link does not look inside.
  std::function<Result<void>(const Message& body)> check_body = nullptr;
  // Lent to peers that are connected over a Unix socket; best the one that `pool` takes its large
  // buffers from. None: everything is sent. Theirs is borrowed in any case.
  std::shared_ptr<SharedArena> arena = nullptr;
};

// Answers a call from a peer or a client, once, from any thread.
using Answer = std::function<void(Result<Message>)>;

struct LinkHandlers {
  // In the order sent, per lane. `from` is the node that the connection belongs to.
  std::function<void(const NodeId& from, std::vector<Packet> packets)> on_packets;
  // Both lanes are open: now, or again. Outboxes towards it should probe.
  std::function<void(const NodeId& peer)> on_peer_up;
  std::function<void(const std::string& peer_name, const std::string& why)> on_peer_down;
  // A request to this node itself: directory, control. `from` is empty for a client.
  std::function<void(const std::optional<NodeId>& from, Message request, Answer answer)> on_call;
};

struct LinkCounters {
  std::uint64_t packets_sent = 0;
  std::uint64_t packets_received = 0;
  std::uint64_t bytes_sent = 0;  // Structs and payloads, without RPC framing.
  std::uint64_t bytes_received = 0;
  std::uint64_t batches_sent = 0;
  std::uint64_t dropped_peer_away = 0;   // Posted while the peer was not connected.
  std::uint64_t dropped_queue_full = 0;  // Posted past limits::link_queue_bytes_max.
  std::uint64_t dropped_connection = 0;  // In flight when the connection broke.
  std::uint64_t refused_malformed = 0;   // Received and refused; the connection was closed.
  std::uint64_t connections_opened = 0;
  std::uint64_t connections_lost = 0;
  // Of peers on the same machine; see shared_arena.hpp. Payloads are part of packets above.
  std::uint64_t arenas_taken = 0;    // Of peers, mapped here.
  std::uint64_t arenas_refused = 0;  // Not mapped, or not offered past a limit: all is sent.
  std::uint64_t payloads_lent = 0;   // Read by the peer where they lie.
  std::uint64_t bytes_lent = 0;
  std::uint64_t payloads_lent_by_copy = 0;  // Of those: copied into the arena first.
  std::uint64_t loans_refused = 0;          // Sent, since there was no room to lend them.
  std::uint64_t payloads_borrowed = 0;
  std::uint64_t bytes_borrowed = 0;
};

// Of one peer, since the hub began; what waits, now.
struct LinkPeerCounters {
  std::string peer;
  std::uint64_t packets_sent = 0;
  std::uint64_t packets_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t packets_waiting = 0;
  std::uint64_t bytes_waiting = 0;
};

class LinkHub {
 public:
  // Closes everything and joins the thread; open calls are answered, on_peer_down is not called.
  // Not within a handler.
  virtual ~LinkHub() = default;

  // Where it listens in the end (a port 0 is filled in).
  virtual std::string listen_address() const = 0;
  // Keeps a connection to this peer from now on, with back-off between limits::reconnect_delay_min
  // and _max. Of two nodes that know each other, the one with the smaller name connects; the other
  // waits. A new address for the same name replaces the old.
  virtual void set_peer(const std::string& name, const std::string& address) = 0;
  virtual void remove_peer(const std::string& name) = 0;
  // Queues a packet for a peer; dropped and counted when the peer is away or its queue is full.
  virtual void post(const std::string& peer, Packet packet) = 0;
  // Many in their order, for less than one by one.
  virtual void post_all(const std::string& peer, std::vector<Packet> packets) {
    for (Packet& packet : packets) post(peer, std::move(packet));
  }
  // A request to the peer node itself. The answer comes on the event-loop thread; unavailable when
  // the peer is away, the connection breaks or the time is over. Past
  // limits::link_requests_open_max it is overloaded, and comes at once on the calling thread.
  virtual void call(const std::string& peer, Message request, Duration timeout, Answer answer) = 0;
  virtual LinkCounters counters() const = 0;
  // Of every peer that was ever connected, by name.
  virtual std::vector<LinkPeerCounters> peer_counters() const { return {}; }
};

// `pool` serves what is received. unavailable when the address cannot be bound (says which and
// why).
Result<std::unique_ptr<LinkHub>> open_link_hub(LinkOptions options, LinkHandlers handlers,
                                               std::shared_ptr<BufferPool> pool,
                                               const Clock& clock);

// A client's connection to one node: blocking, one thread, no packets, only calls.
class LinkClient {
 public:
  virtual ~LinkClient() = default;
  virtual Result<Message> call(Message request, Duration timeout) = 0;
};
Result<std::unique_ptr<LinkClient>> connect_client(const std::string& address,
                                                   std::optional<TlsFiles> tls, Duration timeout);

}  // namespace omma
