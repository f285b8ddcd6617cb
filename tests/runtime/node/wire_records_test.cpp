#include "runtime/node/wire_records.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

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
  record.cordoned = true;
  CHECK(read(written<wire::NodeRecord>(record).as<wire::NodeRecord>()) == record);
  record.roles.clear();
  record.alive = true;
  CHECK(read(written<wire::NodeRecord>(record).as<wire::NodeRecord>()) == record);
}

TEST_CASE("a move is read back as it was written, whatever came of it") {
  using Outcome = MoveRecord::Outcome;
  for (const Outcome outcome :
       {Outcome::moved, Outcome::refused, Outcome::aborted, Outcome::taken_over}) {
    const MoveRecord move{.when = wall_time_of(1'790'000'000'000'000'001),
                          .id = {7, 8},
                          .type = "tracker",
                          .name = "lobby",
                          .from = "a",
                          .to = "b",
                          .outcome = outcome,
                          .reason = "node 'a' is busy",
                          .pause = Duration(1'500'000),
                          .bytes = 0xffff'ffff'ffff'fffe};
    CHECK(read(written<wire::MoveRecord>(move).as<wire::MoveRecord>()) == move);
  }
}

std::vector<Checkpoint> checkpoints_of(const std::vector<std::size_t>& sizes) {
  std::vector<Checkpoint> checkpoints;
  for (const std::size_t size : sizes) {
    const std::uint64_t number = checkpoints.size() + 1;
    const std::vector<std::byte> state(size, static_cast<std::byte>(number));
    checkpoints.push_back({.id = {1, number},
                           .epoch = number * 10,
                           .number = number,
                           .keeps_life = number % 2 == 0,
                           .state = Blob::copy_of(state)});
  }
  return checkpoints;
}

Message heads_of(const std::vector<Checkpoint>& checkpoints) {
  return Message::build<wire::SaveCheckpoints>([&](wire::SaveCheckpoints::Builder out) {
    auto heads = out.initHeads(static_cast<unsigned>(checkpoints.size()));
    for (unsigned i = 0; i < heads.size(); ++i) write(heads[i], checkpoints[i]);
  });
}

TEST_CASE("checkpoints are read back from one payload, each state aligned as a blob is") {
  const std::vector<std::size_t> sizes = GENERATE(
      std::vector<std::size_t>{}, std::vector<std::size_t>{0}, std::vector<std::size_t>{5},
      std::vector<std::size_t>{0, 0, 0}, std::vector<std::size_t>{1, 0, 64, 63, 65, 0, 1000, 0});
  const std::vector<Checkpoint> sent = checkpoints_of(sizes);
  const auto packed = packed_states(sent);
  REQUIRE(packed.ok());
  const Message message = heads_of(sent);
  const auto read = unpacked(message.as<wire::SaveCheckpoints>().getHeads(), *packed);
  REQUIRE(read.ok());
  REQUIRE(read->size() == sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i) {
    INFO("checkpoint " << i << " of " << sizes[i] << " bytes");
    const Checkpoint& in = (*read)[i];
    CHECK(in.id == sent[i].id);
    CHECK(in.epoch == sent[i].epoch);
    CHECK(in.number == sent[i].number);
    CHECK(in.keeps_life == sent[i].keeps_life);
    const auto state = in.state.bytes();
    const auto written_state = sent[i].state.bytes();
    CHECK(std::equal(state.begin(), state.end(), written_state.begin(), written_state.end()));
    if (sizes[i] > 0) CHECK(reinterpret_cast<std::uintptr_t>(state.data()) % 64 == 0);
  }
}

TEST_CASE("one checkpoint's state travels as it is, without a copy") {
  const std::vector<Checkpoint> one = checkpoints_of({1000});
  CHECK(packed_states(one)->data() == one[0].state.data());
}

TEST_CASE("a payload that is too short for its checkpoints is corrupt") {
  const std::vector<Checkpoint> sent = checkpoints_of({100, 100});
  const auto packed = packed_states(sent);
  REQUIRE(packed->size() == 228);
  const Message message = heads_of(sent);
  const auto heads = message.as<wire::SaveCheckpoints>().getHeads();
  for (const std::size_t size : {227u, 128u, 100u, 99u, 0u}) {
    const auto read = unpacked(heads, packed->part(0, size));
    REQUIRE_FALSE(read.ok());
    CHECK(read.error().code == Code::corrupt);
  }
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
