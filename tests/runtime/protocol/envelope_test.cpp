#include "runtime/protocol/envelope.hpp"

#include <catch2/catch.hpp>

#include "tests/runtime/protocol/numbered_message.hpp"

namespace omma {
namespace {

const StreamId a_stream{.sender = {1, 2}, .target = {3, 4}, .channel = Channel::stream};

TEST_CASE("envelopes and probes go to the target, acknowledgements to the sender") {
  CHECK(destination_of(Envelope{.stream = a_stream, .message = {}}) == a_stream.target);
  CHECK(destination_of(Probe{.stream = a_stream}) == a_stream.target);
  CHECK(destination_of(Ack{.stream = a_stream}) == a_stream.sender);
}

TEST_CASE("a packet weighs its message and a header") {
  const std::size_t header = weight_bytes_of(Ack{});
  CHECK(header > 0);
  CHECK(weight_bytes_of(Probe{}) == header);
  Envelope envelope{.stream = a_stream, .message = numbered_message(1, 5000)};
  CHECK(weight_bytes_of(envelope) == 5000 + header);
}

TEST_CASE("only the fresh channel may drop") {
  CHECK(is_reliable(Channel::control));
  CHECK(is_reliable(Channel::stream));
  CHECK_FALSE(is_reliable(Channel::fresh));
}

TEST_CASE("channels and delivery classes have names") {
  CHECK(to_string(Channel::control) == "control");
  CHECK(to_string(Channel::stream) == "stream");
  CHECK(to_string(Channel::fresh) == "fresh");
  CHECK(to_string(DeliveryClass::fresh) == "fresh");
  CHECK(to_string(DeliveryClass::reliable) == "reliable");
  CHECK(to_string(DeliveryClass::durable) == "durable");
}

}  // namespace
}  // namespace omma
