// Packets and messages to and from their form on the wire. Large parts are referenced from where
// they lie, both ways: sent without a copy, and received as parts of the pooled memory that the
// stream read into.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "runtime/base/blob.hpp"
#include "runtime/base/error.hpp"
#include "runtime/link/link_stream.hpp"
#include "runtime/protocol/envelope.hpp"
#include "schemas/link.capnp.h"

namespace omma {

// Parts of this packet that become segments of their own.
std::size_t references_of(const Packet& packet);
// Room for the packets in a call's first segment, in words, so that it is the only one beside the
// referenced parts.
std::size_t inline_words_of(std::span<const Packet> packets);
std::size_t inline_words_of(const Message& message);
// Struct and payloads; what the counters count.
std::size_t body_bytes_of(const Packet& packet);

// The stream keeps what is referenced until it is written. Packets' payloads are lent where the
// stream has a desk that can.
void encode(std::span<const Packet> packets, capnp::List<wire::Packet>::Builder out,
            LinkStream& stream);
void encode(const Message& message, wire::Body::Builder out, LinkStream& stream);
void encode(const NodeId& node, wire::NodeId::Builder out);

// corrupt or over_limit; the connection that brought it should be closed.
Result<std::vector<Packet>> decode(capnp::List<wire::Packet>::Reader in, const LinkStream& stream,
                                   BufferPool& pool);
Result<Message> decode(wire::Body::Reader in, const LinkStream& stream, BufferPool& pool);
Result<NodeId> decode(wire::NodeId::Reader in);

}  // namespace omma
