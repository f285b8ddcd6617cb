#include "runtime/link/wire_packet.hpp"

#include <capnp/orphan.h>

#include <cstring>
#include <string>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/limits.hpp"

namespace omma {
namespace {

bool is_reference(std::size_t size_bytes, const void* address) {
  // Whole aligned words only: a reference is sent to its last word's end, and what lies behind a
  // blob's last byte is not ours to send.
  return size_bytes >= reference_bytes_min && size_bytes % 8 == 0 &&
         reinterpret_cast<std::uintptr_t>(address) % 8 == 0;
}
bool is_reference(const Blob& blob) {
  return is_reference(blob.size(), blob.data());
}

constexpr std::size_t words_for(std::size_t bytes) {
  return (bytes + 7) / 8;
}

template <class Orphanage>
capnp::Orphan<capnp::Data> reference(Orphanage orphanage, const Blob& blob, LinkStream& stream) {
  stream.keep_until_written(blob);
  return orphanage.referenceExternalData(kj::arrayPtr(blob.data(), blob.size()));
}

kj::ArrayPtr<const kj::byte> bytes_of(const Blob& blob) {
  return kj::arrayPtr(blob.data(), blob.size());
}

// What a struct's flat encoding may have beside its segments for the message to stay inline: the
// table, of one word for two segments.
constexpr std::size_t table_bytes_max = 128;

bool is_reference_struct(const Message& message) {
  return message.struct_bytes() + table_bytes_max >= reference_bytes_min;
}

// Payloads that are lent, by their place in the message.
using Loans = std::vector<std::pair<kj::uint, ArenaLoan>>;

Loans lend(const Message& message, LinkStream& stream) {
  Loans loans;
  LoanDesk* const desk = stream.desk();
  if (desk == nullptr) return loans;
  kj::uint index = 0;
  for (const Blob& payload : message.payloads()) {
    auto loan = desk->lend(payload);
    if (!loan) {
      stream.stop(true, loan.error().message);
      return loans;
    }
    if (*loan) loans.emplace_back(index, **loan);
    ++index;
  }
  return loans;
}

void encode_body(const Message& message, const Loans& loans, wire::Body::Builder out,
                 LinkStream& stream) {
  out.setTypeId(message.type_id());
  const auto orphanage = capnp::Orphanage::getForMessageContaining(out);
  if (is_reference_struct(message)) {
    const Blob words = message.flat_words();
    if (is_reference(words)) {
      out.adoptWords(reference(orphanage, words, stream));
    } else {
      out.setWords(bytes_of(words));
    }
  } else {
    auto words = out.initWords(static_cast<kj::uint>(message.flat_bytes()));
    message.copy_flat_to(std::as_writable_bytes(std::span(words.begin(), words.size())));
  }
  if (message.payloads().empty()) return;
  auto payloads = out.initPayloads(static_cast<kj::uint>(message.payloads().size()));
  auto next_loan = loans.begin();
  kj::uint index = 0;
  for (const Blob& payload : message.payloads()) {
    if (next_loan != loans.end() && next_loan->first == index) {
      ++next_loan;
    } else if (is_reference(payload)) {
      payloads.adopt(index, reference(orphanage, payload, stream));
    } else {
      payloads.set(index, bytes_of(payload));
    }
    ++index;
  }
  if (loans.empty()) return;
  auto lent = out.initLoans(static_cast<kj::uint>(loans.size()));
  index = 0;
  for (const auto& [place, loan] : loans) {
    auto to = lent[index++];
    to.setPayload(static_cast<std::uint16_t>(place));
    to.setNumber(loan.number);
    to.setOffset(loan.offset);
    to.setSizeBytes(loan.size_bytes);
  }
}

// Puts the payloads that are lent where the message has none.
Result<void> borrow(capnp::List<wire::Loan>::Reader loans, std::vector<Blob>& payloads,
                    const LinkStream& stream) {
  if (loans.size() > payloads.size()) {
    return Error{Code::corrupt, std::to_string(loans.size()) + " loans for " +
                                    std::to_string(payloads.size()) + " payloads"};
  }
  for (auto loan : loans) {
    if (loan.getPayload() >= payloads.size() || !payloads[loan.getPayload()].empty()) {
      return Error{Code::corrupt, "a loan for payload " + std::to_string(loan.getPayload()) +
                                      ", which is none of " + std::to_string(payloads.size()) +
                                      " or there already"};
    }
    if (stream.desk() == nullptr) return Error{Code::corrupt, "a loan over a network"};
    auto blob =
        stream.desk()->borrow({loan.getNumber(), loan.getOffset(), loan.getSizeBytes(), false});
    if (!blob) return blob.error();
    payloads[loan.getPayload()] = *std::move(blob);
  }
  return {};
}

Result<Message> decode_body(wire::Body::Reader in, bool may_be_lent, const LinkStream& stream,
                            BufferPool& pool);

Result<Blob> decode_part(capnp::Data::Reader in, const LinkStream& stream, BufferPool& pool) {
  if (in.size() == 0) return Blob{};
  if (auto part = stream.received_part(in.begin(), in.size())) return *std::move(part);
  auto buffer = pool.take(in.size());
  if (!buffer) return buffer.error();
  std::memcpy(buffer->data(), in.begin(), in.size());
  return std::move(*buffer).share();
}

const StreamId& stream_of(const Packet& packet) {
  return std::visit([](const auto& p) -> const StreamId& { return p.stream; }, packet);
}

void encode_envelope(const Envelope& envelope, wire::Packet::Builder out, LinkStream& stream) {
  auto group = out.initEnvelope();
  group.setSequence(envelope.sequence);
  group.setCreditBytes(envelope.credit_bytes);
  group.setCorrelation(envelope.correlation);
  group.setIsReply(envelope.is_reply);
  group.setDeadlineNs(envelope.deadline_ns);
  group.setTraceOrigin(envelope.trace.origin);
  group.setTraceSequence(envelope.trace.sequence);
  if (!envelope.message.is_null()) {
    const Loans loans = lend(envelope.message, stream);
    encode_body(envelope.message, loans, group.initMessage(), stream);
  }
}

void encode_one(const Packet& packet, wire::Packet::Builder out, LinkStream& stream) {
  const StreamId& id = stream_of(packet);
  out.setSenderHigh(id.sender.high);
  out.setSenderLow(id.sender.low);
  out.setTargetHigh(id.target.high);
  out.setTargetLow(id.target.low);
  out.setChannel(static_cast<std::uint8_t>(id.channel));
  std::visit(
      [&](const auto& p) {
        out.setSenderLife(p.lives.sender);
        out.setTargetLife(p.lives.target);
        out.setTargetEpoch(p.target_epoch);
        if constexpr (requires { p.sender_epoch; }) out.setSenderEpoch(p.sender_epoch);
      },
      packet);
  if (const auto* envelope = std::get_if<Envelope>(&packet)) {
    encode_envelope(*envelope, out, stream);
  } else if (const auto* ack = std::get_if<Ack>(&packet)) {
    auto group = out.initAck();
    group.setNext(ack->next);
    group.setReceived(ack->received);
    group.setCreditLimitBytes(ack->credit_limit_bytes);
    group.setProbe(ack->probe);
  } else {
    out.initProbe().setNumber(std::get<Probe>(packet).probe);
  }
}

Result<Packet> decode_one(wire::Packet::Reader in, const LinkStream& stream, BufferPool& pool) {
  if (in.getChannel() >= channel_count) {
    return Error{Code::corrupt, "packet of channel " + std::to_string(in.getChannel()) + " of " +
                                    std::to_string(channel_count)};
  }
  const StreamId id{{in.getSenderHigh(), in.getSenderLow()},
                    {in.getTargetHigh(), in.getTargetLow()},
                    static_cast<Channel>(in.getChannel())};
  const StreamLives lives{in.getSenderLife(), in.getTargetLife()};
  const std::uint64_t epoch = in.getTargetEpoch();
  switch (in.which()) {
    case wire::Packet::ENVELOPE: {
      auto group = in.getEnvelope();
      Envelope envelope{.stream = id,
                        .lives = lives,
                        .target_epoch = epoch,
                        .sender_epoch = in.getSenderEpoch(),
                        .sequence = group.getSequence(),
                        .credit_bytes = group.getCreditBytes(),
                        .correlation = group.getCorrelation(),
                        .is_reply = group.getIsReply(),
                        .deadline_ns = group.getDeadlineNs(),
                        .trace = {group.getTraceOrigin(), group.getTraceSequence()},
                        .message = {}};
      if (group.hasMessage()) {
        auto message = decode_body(group.getMessage(), true, stream, pool);
        if (!message) return message.error();
        envelope.message = *std::move(message);
      }
      return Packet(std::move(envelope));
    }
    case wire::Packet::ACK: {
      auto group = in.getAck();
      return Packet(Ack{.stream = id,
                        .lives = lives,
                        .target_epoch = epoch,
                        .next = group.getNext(),
                        .received = group.getReceived(),
                        .credit_limit_bytes = group.getCreditLimitBytes(),
                        .probe = group.getProbe()});
    }
    case wire::Packet::PROBE:
      return Packet(Probe{id, lives, epoch, in.getSenderEpoch(), in.getProbe().getNumber()});
  }
  return Error{Code::corrupt,
               "packet of unknown kind " + std::to_string(static_cast<unsigned>(in.which()))};
}

Result<Message> decode_body(wire::Body::Reader in, bool may_be_lent, const LinkStream& stream,
                            BufferPool& pool) {
  if (!in.hasWords()) return Message{};
  auto payloads = in.getPayloads();
  if (payloads.size() > limits::payloads_per_message_max) {
    return Error{Code::over_limit, "message with " + std::to_string(payloads.size()) +
                                       " payloads, limit " +
                                       std::to_string(limits::payloads_per_message_max)};
  }
  std::vector<Blob> blobs;
  blobs.reserve(payloads.size());
  for (auto payload : payloads) {
    auto blob = decode_part(payload, stream, pool);
    if (!blob) return blob.error();
    blobs.push_back(*std::move(blob));
  }
  if (in.hasLoans()) {
    if (!may_be_lent) return Error{Code::corrupt, "a loan in a request"};
    if (auto borrowed = borrow(in.getLoans(), blobs, stream); !borrowed) return borrowed.error();
  }
  if (in.getWords().size() <= Message::small_bytes_max) {
    const auto small = in.getWords();
    return Message::from_small_wire(
        in.getTypeId(), std::as_bytes(std::span(small.begin(), small.size())), std::move(blobs));
  }
  auto words = decode_part(in.getWords(), stream, pool);
  if (!words) return words.error();
  return Message::from_wire(in.getTypeId(), *std::move(words), std::move(blobs));
}

}  // namespace

std::size_t references_of(const Packet& packet) {
  const auto* envelope = std::get_if<Envelope>(&packet);
  if (envelope == nullptr) return 0;
  // With its segment table the struct may just reach the size.
  std::size_t count = is_reference_struct(envelope->message) ? 1 : 0;
  for (const Blob& payload : envelope->message.payloads()) count += is_reference(payload) ? 1 : 0;
  return count;
}

std::size_t inline_words_of(const Message& message) {
  if (message.is_null()) return 0;
  constexpr std::size_t body_words = capnp::_::structSize<wire::Body>().data / capnp::WORDS +
                                     capnp::_::structSize<wire::Body>().pointers / capnp::POINTERS;
  // The flat encoding's segment table: one word for two segments and a little.
  constexpr std::size_t table_words = 16;
  std::size_t words = body_words + message.payloads().size() + 1;
  if (message.struct_bytes() < reference_bytes_min) {
    words += words_for(message.struct_bytes()) + table_words;
  }
  for (const Blob& payload : message.payloads()) {
    if (!is_reference(payload)) words += words_for(payload.size());
    // A reference needs a landing pad in another segment at worst, a loan a struct and its pointer.
    words += payload.size() < limits::arena_payload_bytes_min ? 3 : 5;
  }
  return words;
}

std::size_t inline_words_of(std::span<const Packet> packets) {
  constexpr std::size_t packet_words =
      capnp::_::structSize<wire::Packet>().data / capnp::WORDS +
      capnp::_::structSize<wire::Packet>().pointers / capnp::POINTERS;
  std::size_t words = 1 + packets.size() * packet_words;
  for (const Packet& packet : packets) {
    const auto* envelope = std::get_if<Envelope>(&packet);
    if (envelope != nullptr) words += inline_words_of(envelope->message);
  }
  return words;
}

std::size_t body_bytes_of(const Packet& packet) {
  const auto* envelope = std::get_if<Envelope>(&packet);
  return envelope != nullptr ? envelope->message.size_bytes() : 0;
}

void encode(const Message& message, wire::Body::Builder out, LinkStream& stream) {
  encode_body(message, {}, out, stream);
}

void encode(std::span<const Packet> packets, capnp::List<wire::Packet>::Builder out,
            LinkStream& stream) {
  OMMA_CHECK(packets.size() == out.size(), packets.size(), out.size());
  for (kj::uint i = 0; i < out.size(); ++i) encode_one(packets[i], out[i], stream);
}

void encode(const NodeId& node, wire::NodeId::Builder out) {
  out.setName(node.name.c_str());
  out.setIncarnationHigh(node.incarnation.high);
  out.setIncarnationLow(node.incarnation.low);
  out.setEpoch(node.epoch);
}

Result<Message> decode(wire::Body::Reader in, const LinkStream& stream, BufferPool& pool) {
  return decode_body(in, false, stream, pool);
}

Result<std::vector<Packet>> decode(capnp::List<wire::Packet>::Reader in, const LinkStream& stream,
                                   BufferPool& pool) {
  if (in.size() > limits::batch_envelopes_max) {
    return Error{Code::over_limit, "call with " + std::to_string(in.size()) + " packets, limit " +
                                       std::to_string(limits::batch_envelopes_max)};
  }
  std::vector<Packet> packets;
  packets.reserve(in.size());
  for (auto packet : in) {
    auto decoded = decode_one(packet, stream, pool);
    if (!decoded) return decoded.error();
    packets.push_back(*std::move(decoded));
  }
  return packets;
}

Result<NodeId> decode(wire::NodeId::Reader in) {
  const auto name = in.getName();
  if (name.size() == 0 || name.size() > limits::name_bytes_max) {
    return Error{Code::corrupt, "node name of " + std::to_string(name.size()) +
                                    " bytes, limit 1 to " + std::to_string(limits::name_bytes_max)};
  }
  return NodeId{std::string(name.cStr(), name.size()),
                {in.getIncarnationHigh(), in.getIncarnationLow()},
                in.getEpoch()};
}

}  // namespace omma
