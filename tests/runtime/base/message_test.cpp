#include "runtime/base/message.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>
#include <string>

#include "runtime/base/random.hpp"
#include "schemas/control.capnp.h"
#include "schemas/detections.capnp.h"
#include "schemas/frame.capnp.h"

namespace omma {
namespace {

Blob bytes_of(std::string_view text) {
  return Blob::copy_of(std::as_bytes(std::span(text.data(), text.size())));
}

Message frame_message(std::uint64_t sequence, std::vector<Blob> payloads = {}) {
  return Message::build<Frame>(
      [&](Frame::Builder out) {
        auto tag = out.initTag();
        tag.setCamera("lobby");
        tag.setSequence(sequence);
        auto hops = tag.initHops(2);
        hops[0].setStage("capture");
        hops[1].setStage("route");
        out.setWidth(448);
      },
      std::move(payloads));
}

TEST_CASE("a message knows its type and its size") {
  const Message message = frame_message(3, {bytes_of("pixels")});
  CHECK(message.type_id() == type_id_of<Frame>());
  CHECK(message.is<Frame>());
  CHECK_FALSE(message.is<Tracks>());
  CHECK(message.as<Frame>().getTag().getSequence() == 3);
  CHECK(message.payloads().size() == 1);
  CHECK(message.struct_bytes() % 8 == 0);
  CHECK(message.size_bytes() == message.struct_bytes() + 6);
}

TEST_CASE("a null message has no type, no payloads and no size") {
  const Message message;
  CHECK(message.is_null());
  CHECK(message.type_id() == 0);
  CHECK(message.payloads().empty());
  CHECK(message.size_bytes() == 0);
}

TEST_CASE("copying a message shares it") {
  const Message message = frame_message(3, {bytes_of("pixels")});
  const Message copy = message;
  CHECK(copy.payloads()[0].data() == message.payloads()[0].data());
  CHECK(copy.as<Frame>().getTag().getCamera().begin() ==
        message.as<Frame>().getTag().getCamera().begin());
}

TEST_CASE("a copy of somebody else's struct stands on its own") {
  Message copy;
  {
    const Message message = frame_message(8);
    copy = Message::copy_of<FrameTag>(message.as<Frame>().getTag(), {bytes_of("x")});
  }
  REQUIRE(copy.is<FrameTag>());
  CHECK(copy.as<FrameTag>().getSequence() == 8);
  CHECK(copy.as<FrameTag>().getHops()[1].getStage() == "route");
  CHECK(copy.payloads().size() == 1);
}

TEST_CASE("a message comes through the wire as it was, and its words are not copied") {
  const Message sent = frame_message(5, {bytes_of("pixels"), bytes_of("more")});
  const Blob words = sent.flat_words();
  CHECK(words.size() % 8 == 0);
  const std::vector<Blob> payloads(sent.payloads().begin(), sent.payloads().end());
  auto received = Message::from_wire(sent.type_id(), words, payloads);
  REQUIRE(received.ok());
  REQUIRE(received->is<Frame>());
  CHECK(received->as<Frame>().getTag().getSequence() == 5);
  CHECK(received->as<Frame>().getTag().getCamera() == "lobby");
  CHECK(received->as<Frame>().getTag().getHops()[0].getStage() == "capture");
  CHECK(received->as<Frame>().getWidth() == 448);
  CHECK(received->payloads()[1].size() == 4);
  CHECK(received->flat_words().data() == words.data());
  CHECK(received->size_bytes() == words.size() + 10);
}

TEST_CASE("a message of several segments comes through the wire too") {
  const Message sent = Message::build<Detections>([](Detections::Builder out) {
    auto list = out.initDetections(5000);
    for (unsigned i = 0; i < list.size(); ++i) list[i].setLabel(static_cast<std::uint16_t>(i));
    out.setModel("person");
  });
  auto received = Message::from_wire(sent.type_id(), sent.flat_words(), {});
  REQUIRE(received.ok());
  CHECK(received->as<Detections>().getModel() == "person");
  CHECK(received->as<Detections>().getDetections()[4999].getLabel() == 4999);
}

TEST_CASE("a small message comes through the wire in memory of its own") {
  const Message sent = frame_message(5, {bytes_of("pixels")});
  std::vector<std::byte> words(sent.flat_bytes());
  REQUIRE(words.size() <= Message::small_bytes_max);
  sent.copy_flat_to(words);
  const std::vector<Blob> payloads(sent.payloads().begin(), sent.payloads().end());
  auto received = Message::from_small_wire(sent.type_id(), words, payloads);
  std::fill(words.begin(), words.end(), std::byte{0xff});
  REQUIRE(received.ok());
  CHECK(received->as<Frame>().getTag().getCamera() == "lobby");
  CHECK(received->as<Frame>().getWidth() == 448);
  CHECK(received->payloads()[0].size() == 6);
  // And once more, from what came.
  const Blob flat = received->flat_words();
  CHECK(flat.size() == sent.flat_words().size());
  std::vector<std::byte> again(received->flat_bytes());
  received->copy_flat_to(again);
  CHECK(std::equal(again.begin(), again.end(), flat.bytes().begin()));
  received = Message();  // The encoding keeps what it lies in.
  const auto second = Message::from_wire(sent.type_id(), flat, {});
  REQUIRE(second.ok());
  CHECK(second->as<Frame>().getTag().getSequence() == 5);
}

TEST_CASE("a flat encoding is the same, however it is made") {
  const Message small = frame_message(7);
  const Message large = Message::build<Detections>([](Detections::Builder out) {
    out.initDetections(3000);
    out.setModel("person");
  });
  for (const Message& message : {small, large}) {
    const Blob flat = message.flat_words();
    std::vector<std::byte> copied(message.flat_bytes(), std::byte{0xff});
    message.copy_flat_to(copied);
    CHECK(std::equal(copied.begin(), copied.end(), flat.bytes().begin(), flat.bytes().end()));
  }
}

TEST_CASE("small words that are no encoding are refused as corrupt") {
  const Blob words = frame_message(5).flat_words();
  const auto code_of = [](std::span<const std::byte> bytes) {
    const auto received = Message::from_small_wire(type_id_of<Frame>(), bytes, {});
    return received.ok() ? Code::ok : received.error().code;
  };
  CHECK(code_of(words.bytes()) == Code::ok);
  CHECK(code_of(words.bytes().first(words.size() - 1)) == Code::corrupt);
  CHECK(code_of(words.bytes().first(words.size() - 8)) == Code::corrupt);
  CHECK(code_of({}) == Code::corrupt);
  const std::vector<Blob> many(limits::payloads_per_message_max + 1);
  const auto refused = Message::from_small_wire(type_id_of<Frame>(), words.bytes(), many);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Code::over_limit);
}

TEST_CASE("words that are no encoding are refused as corrupt") {
  const Blob words = frame_message(5).flat_words();
  const auto code_of = [](const Blob& blob) {
    const auto received = Message::from_wire(type_id_of<Frame>(), blob, {});
    return received.ok() ? Code::ok : received.error().code;
  };
  CHECK(code_of(words) == Code::ok);
  CHECK(code_of(words.part(0, words.size() - 1)) == Code::corrupt);  // No whole words.
  CHECK(code_of(words.part(0, words.size() - 8)) == Code::corrupt);  // Cut short.
  CHECK(code_of({}) == Code::corrupt);
  std::vector<std::byte> shifted(words.size() + 4);
  std::copy(words.bytes().begin(), words.bytes().end(), shifted.begin() + 4);
  CHECK(code_of(Blob::copy_of(shifted).part(4, words.size())) == Code::corrupt);  // Not aligned.
  std::vector<std::byte> segments(words.bytes().begin(), words.bytes().end());
  segments[3] = std::byte{0xff};
  CHECK(code_of(Blob::copy_of(segments)) == Code::corrupt);  // Billions of segments.
}

// What is inside a struct is only found out when it is read; it must never be more than an
// exception of Cap'n Proto's, which the reader's door catches.
TEST_CASE("damaged words never read outside themselves") {
  const Blob words = frame_message(5).flat_words();
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    CAPTURE(seed);
    SeededRandom random(seed);
    std::vector<std::byte> damaged(words.bytes().begin(), words.bytes().end());
    for (std::uint64_t n = 1 + random.below(4); n > 0; --n) {
      damaged[random.below(damaged.size())] = static_cast<std::byte>(random.below(256));
    }
    auto received = Message::from_wire(type_id_of<Frame>(), Blob::copy_of(damaged), {});
    if (!received.ok()) {
      REQUIRE(received.error().code == Code::corrupt);
      continue;
    }
    std::size_t seen = 0;
    auto failure = kj::runCatchingExceptions([&] {
      for (auto hop : received->as<Frame>().getTag().getHops()) seen += hop.getStage().size();
      seen += received->as<Frame>().getTag().getCamera().size();
    });
    REQUIRE((failure != nullptr || seen <= 64 * damaged.size()));
  }
}

TEST_CASE("a few words that promise half a billion empty structs are not believed") {
  const std::uint64_t words[] = {std::uint64_t{3} << 32,          // One segment of three words.
                                 std::uint64_t{1} << 48,          // A struct of one pointer,
                                 1 | std::uint64_t{7} << 32,      // to a list of structs,
                                 (std::uint64_t{1} << 28) << 2};  // so many and all empty.
  auto message = Message::from_wire(type_id_of<wire::NodeList>(),
                                    Blob::copy_of(std::as_bytes(std::span(words))), {});
  REQUIRE(message.ok());
  CHECK_THROWS_WITH(message->as<wire::NodeList>().getNodes(), Catch::Contains("traversal limit"));
}

TEST_CASE("a struct or a payload list over its limit is refused") {
  const Blob large = Blob::copy_of(std::vector<std::byte>(limits::message_struct_bytes_max + 8));
  const auto large_struct = Message::from_wire(type_id_of<Frame>(), large, {});
  REQUIRE_FALSE(large_struct.ok());
  CHECK(large_struct.error().code == Code::over_limit);
  const Blob words = frame_message(5).flat_words();
  const std::vector<Blob> many(limits::payloads_per_message_max + 1);
  const auto many_payloads = Message::from_wire(type_id_of<Frame>(), words, many);
  REQUIRE_FALSE(many_payloads.ok());
  CHECK(many_payloads.error().code == Code::over_limit);
  CHECK(many_payloads.error().message.find("limit 16") != std::string::npos);
  const std::vector<Blob> most(limits::payloads_per_message_max);
  CHECK(Message::from_wire(type_id_of<Frame>(), words, most).ok());
}

}  // namespace
}  // namespace omma
