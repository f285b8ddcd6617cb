#include "runtime/protocol/envelope.hpp"

namespace omma {
namespace {

// Ids, lives and numbers of a packet as it lies in a queue or on the wire.
constexpr std::size_t packet_header_bytes = 160;

}  // namespace

std::string_view to_string(Channel channel) noexcept {
  switch (channel) {
    case Channel::control:
      return "control";
    case Channel::stream:
      return "stream";
    case Channel::fresh:
      return "fresh";
  }
  return "unknown";
}

std::string_view to_string(DeliveryClass delivery) noexcept {
  switch (delivery) {
    case DeliveryClass::fresh:
      return "fresh";
    case DeliveryClass::reliable:
      return "reliable";
    case DeliveryClass::durable:
      return "durable";
  }
  return "unknown";
}

const ActorId& destination_of(const Packet& packet) {
  if (const auto* ack = std::get_if<Ack>(&packet)) return ack->stream.sender;
  if (const auto* probe = std::get_if<Probe>(&packet)) return probe->stream.target;
  return std::get<Envelope>(packet).stream.target;
}

std::size_t weight_bytes_of(const Packet& packet) {
  const auto* envelope = std::get_if<Envelope>(&packet);
  return packet_header_bytes + (envelope == nullptr ? 0 : envelope->message.size_bytes());
}

}  // namespace omma
