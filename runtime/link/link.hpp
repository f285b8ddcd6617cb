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
  // A request to the peer node itself. The answer comes on the event-loop thread; unavailable when
  // the peer is away, the connection breaks or the time is over. Past
  // limits::link_requests_open_max it is overloaded, and comes at once on the calling thread.
  virtual void call(const std::string& peer, Message request, Duration timeout, Answer answer) = 0;
  virtual LinkCounters counters() const = 0;
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
