#include "runtime/link/link.hpp"

namespace omma {

Lane lane_of(const Packet& packet) {
  const auto* envelope = std::get_if<Envelope>(&packet);
  const auto* probe = std::get_if<Probe>(&packet);
  // A probe asks what became of what was sent before it, so it goes the same way.
  const Channel channel = envelope != nullptr ? envelope->stream.channel
                          : probe != nullptr  ? probe->stream.channel
                                              : Channel::control;
  return channel == Channel::control ? Lane::control : Lane::bulk;
}

}  // namespace omma
