#include "runtime/node/wire_records.hpp"

#include <catch2/catch.hpp>

#include "runtime/base/message.hpp"

namespace omma {
namespace {

ActorRecord some_record() {
  ActorRecord record;
  record.id = {0xffff'ffff'ffff'ffff, 1};
  record.type = "camera";
  record.name =
      "l\xc3\xb6"
      "bby's \"door\"\n";
  record.config = {std::byte{0}, std::byte{0xff}, std::byte{'\''}};
  record.epoch = 0xffff'ffff'ffff'fffe;
  record.life = 5;
  record.state = ActorRecord::State::active;
  record.node = {"cam-east", {0x8000'0000'0000'0000, 2}, 9};
  return record;
}

template <class T, class V>
Message written(const V& value) {
  return Message::build<T>([&](typename T::Builder out) { write(out, value); });
}

TEST_CASE("an actor's record is read back as it was written") {
  ActorRecord record = some_record();
  CHECK(read(written<wire::ActorRecord>(record).as<wire::ActorRecord>()) == record);
  record.state = ActorRecord::State::retired;
  record.config.clear();
  record.name.clear();
  CHECK(read(written<wire::ActorRecord>(record).as<wire::ActorRecord>()) == record);
}

TEST_CASE("a record that nobody wrote is none") {
  const Message empty = Message::build<wire::ActorRecord>([](wire::ActorRecord::Builder) {});
  CHECK_FALSE(read(empty.as<wire::ActorRecord>()).has_value());
}

TEST_CASE("a node's record is read back as it was written") {
  NodeRecord record;
  record.id = {"cloud", {1, 0xffff'ffff'ffff'ffff}, 3};
  record.address = "10.0.0.7:4400";
  record.roles = {"head", "cloud"};
  record.alive = false;
  CHECK(read(written<wire::NodeRecord>(record).as<wire::NodeRecord>()) == record);
  record.roles.clear();
  record.alive = true;
  CHECK(read(written<wire::NodeRecord>(record).as<wire::NodeRecord>()) == record);
}

TEST_CASE("a stage's specification is read back but for its wish") {
  StageSpec spec;
  spec.id = {3, 4};
  spec.type = "tracker";
  spec.name = "lobby";
  spec.config = {std::byte{1}, std::byte{2}};
  spec.wish.node = "cloud";
  const StageSpec in = read(written<wire::StageSpec>(spec).as<wire::StageSpec>());
  CHECK(in.id == spec.id);
  CHECK(in.type == spec.type);
  CHECK(in.name == spec.name);
  CHECK(in.config == spec.config);
  CHECK(in.wish.node.empty());
}

}  // namespace
}  // namespace omma
