#include "runtime/base/message_check.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>
#include <functional>

#include "schemas/control.capnp.h"
#include "schemas/frame.capnp.h"
#include "schemas/system.capnp.h"

namespace omma {
namespace {

Message node_list() {
  return Message::build<wire::NodeList>([](wire::NodeList::Builder out) {
    auto nodes = out.initNodes(2);
    for (auto node : nodes) {
      node.setAddress("unix:/run/a.sock");
      auto roles = node.initRoles(2);
      roles.set(0, "head");
      roles.set(1, "cloud");
      node.initId().setName("a");
    }
  });
}

using Words = std::vector<std::uint64_t>;

Words words_of(const Message& message) {
  const Blob flat = message.flat_words();
  Words words(flat.size() / 8);
  std::memcpy(words.data(), flat.data(), flat.size());
  return words;
}

Result<void> check_words(std::uint64_t type, const Words& words, capnp::StructSchema schema) {
  auto message = Message::from_wire(type, Blob::copy_of(std::as_bytes(std::span(words))), {});
  if (!message) return message.error();
  return check_message(*message, schema);
}

}  // namespace

TEST_CASE("a message that is what its type says passes, from here or from the wire") {
  const auto schema = capnp::Schema::from<wire::NodeList>();
  const Message message = node_list();
  CHECK(check_message(message, schema).ok());
  CHECK(check_words(message.type_id(), words_of(message), schema).ok());
  const Message subscribe = Message::build<Subscribe>(
      [](Subscribe::Builder out) { out.getForm().initAs<FrameTag>().setCamera("lobby"); });
  CHECK(check_message(subscribe, capnp::Schema::from<Subscribe>()).ok());
}

TEST_CASE("a message of another type is refused with both types") {
  const auto checked = check_message(node_list(), capnp::Schema::from<wire::ActorList>());
  REQUIRE_FALSE(checked.ok());
  CHECK(checked.error().code == Code::corrupt);
  CHECK(checked.error().message ==
        "message of type " + std::to_string(type_id_of<wire::NodeList>()) + " where ActorList (" +
            std::to_string(type_id_of<wire::ActorList>()) + ") is expected");
}

TEST_CASE("whatever word of a message is damaged, it is refused or can be read to the end") {
  const Words whole = words_of(node_list());
  const auto schema = capnp::Schema::from<wire::NodeList>();
  unsigned refused = 0;
  for (std::size_t at = 1; at < whole.size(); ++at) {
    for (const std::uint64_t garbage :
         {~std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{0x7fffffff00000002},
          std::uint64_t{0x0000000800000001}, std::uint64_t{0xfffffffffffffffc}}) {
      Words damaged = whole;
      damaged[at] = garbage;
      const auto checked = check_words(type_id_of<wire::NodeList>(), damaged, schema);
      if (!checked) {
        ++refused;
        CHECK(checked.error().code == Code::corrupt);
        continue;
      }
      const auto message = Message::from_wire(type_id_of<wire::NodeList>(),
                                              Blob::copy_of(std::as_bytes(std::span(damaged))), {});
      for (auto node : message->as<wire::NodeList>().getNodes()) {
        for (auto role : node.getRoles()) static_cast<void>(role.size());
        static_cast<void>(node.getId().getName().size() + node.getAddress().size());
      }
    }
  }
  CHECK(refused > 20);
}

TEST_CASE("pointers that share their target cannot make a small message cost much") {
  // A list of 1000 nodes, each of which has the same list of 1000 roles.
  capnp::MallocMessageBuilder builder(1 << 16);  // One segment.
  auto nodes = builder.initRoot<wire::NodeList>().initNodes(1000);
  auto roles = nodes[0].initRoles(1000);
  for (unsigned i = 0; i < 1000; ++i) roles.set(i, "head");
  const auto flat = capnp::messageToFlatArray(builder);
  Words words(flat.size());
  std::memcpy(words.data(), flat.begin(), flat.size() * 8);
  // The pointer to a list of 1000 pointers, as Cap'n Proto encodes it: where, what, how many.
  const auto is_roles = [](std::uint64_t word) {
    return (word & 3) == 1 && (word >> 32 & 7) == 6 && word >> 35 == 1000;
  };
  const auto found = std::find_if(words.begin(), words.end(), is_roles);
  REQUIRE(found != words.end());
  const auto roles_at = static_cast<std::size_t>(found - words.begin());
  const std::int64_t offset = static_cast<std::int32_t>(*found) >> 2;
  const auto sizes = capnp::Schema::from<wire::NodeRecord>().getProto().getStruct();
  const std::size_t step = sizes.getDataWordCount() + sizes.getPointerCount();
  for (std::size_t i = 1; i < 1000; ++i) {
    const std::int64_t nearer = offset - static_cast<std::int64_t>(i * step);
    words[roles_at + i * step] =
        (words[roles_at] & 0xffffffff00000000) | (static_cast<std::uint32_t>(nearer << 2) | 1U);
  }
  const auto checked =
      check_words(type_id_of<wire::NodeList>(), words, capnp::Schema::from<wire::NodeList>());
  REQUIRE_FALSE(checked.ok());
  CHECK(checked.error().message.find("traversal limit") != std::string::npos);
}

TEST_CASE("a configuration is checked in its canonical form, wherever its bytes lie") {
  const auto schema = capnp::Schema::from<FrameTag>();
  const Message tag =
      Message::build<FrameTag>([](FrameTag::Builder out) { out.setCamera("lobby"); });
  const auto canonical = capnp::canonicalize(tag.as<FrameTag>());
  const auto bytes = std::as_bytes(std::span(canonical.begin(), canonical.size()));
  CHECK(check_canonical(bytes, schema, "configuration of camera").ok());
  CHECK_FALSE(check_canonical({}, schema, "configuration of camera").ok());
  std::vector<std::byte> shifted(bytes.size() + 1);
  std::memcpy(shifted.data() + 1, bytes.data(), bytes.size());
  CHECK(check_canonical(std::span(shifted).subspan(1), schema, "x").ok());
  const auto odd = check_canonical(bytes.first(13), schema, "configuration of camera");
  REQUIRE_FALSE(odd.ok());
  CHECK(odd.error().message == "configuration of camera: 13 bytes are not whole words of 8");
  const auto cut = check_canonical(bytes.first(bytes.size() - 8), schema, "configuration of x");
  REQUIRE_FALSE(cut.ok());
  CHECK(cut.error().code == Code::corrupt);
  CHECK(cut.error().message.starts_with("configuration of x: "));
}

}  // namespace omma
