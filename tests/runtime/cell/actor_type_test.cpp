#include "runtime/cell/actor_type.hpp"

#include <catch2/catch.hpp>

#include "runtime/cell/turn.hpp"
#include "tests/support/test_messages.capnp.h"

namespace omma::test {
namespace {

// Says all that a class can say of itself.
class Talkative final : public Actor {
 public:
  static constexpr const char* type_name = "talkative";
  static constexpr const char* stays = "its cable is here";
  using Config = PuppetConfig;
  using State = PuppetState;
  using Accepts = omma::Accepts<Number>;
  static PlacementWish wish(Config::Reader config) { return {config.getNode(), "", "worker"}; }
  static bool durable(Config::Reader config) { return config.getVariant() == 7; }
  explicit Talkative(Config::Reader) {}
  void on(Number::Reader, Turn&) {}
  void save(State::Builder out) const { out.initNumbers(1).set(0, number); }
  Result<void> load(State::Reader in) {
    number = in.getNumbers()[0];
    return {};
  }
  std::uint64_t number = 0;
};

class Silent final : public Actor {
 public:
  static constexpr const char* type_name = "silent";
  using Config = PuppetConfig;
  using Accepts = omma::Accepts<Number>;
  explicit Silent(Config::Reader) {}
  void on(Number::Reader, Turn&) {}
};

std::vector<std::byte> config_of(unsigned variant, const char* node) {
  capnp::MallocMessageBuilder builder;
  auto config = builder.initRoot<PuppetConfig>();
  config.setVariant(variant);
  config.setNode(node);
  return bytes_of_words(capnp::canonicalize(config.asReader()));
}

// What a message of type From says, under the name of To: as a snapshot of another build arrives.
template <class To, class From, class Fill>
Message disguised(Fill fill) {
  auto message = Message::from_wire(type_id_of<To>(), Message::build<From>(fill).flat_words(), {});
  REQUIRE(message.ok());
  return *message;
}

}  // namespace

TEST_CASE(
    "a type says where an actor of a configuration should live, whether it is durable, "
    "and why it stays") {
  const ActorType type = actor_type<Talkative>();
  CHECK(type.wish(config_of(0, "east")).node == "east");
  CHECK(type.wish(config_of(0, "")).role == "worker");
  CHECK(type.durable(config_of(7, "")));
  CHECK_FALSE(type.durable(config_of(8, "")));
  CHECK(std::string(type.stays) == "its cable is here");
  CHECK_FALSE(type.prewarm);
}

TEST_CASE("a type that says nothing lives anywhere, moves, and promises nothing") {
  const ActorType type = actor_type<Silent>();
  CHECK(type.wish(config_of(7, "east")).node.empty());
  CHECK_FALSE(type.durable(config_of(7, "east")));
  CHECK(type.stays == nullptr);
}

TEST_CASE("a state that a newer build wrote is refused with what to do") {
  const ActorType type = actor_type<Talkative>();
  const auto actor = type.make(config_of(0, ""));
  const Message data = disguised<PuppetState, NewerPuppetState>([](auto out) {
    out.initNumbers(1).set(0, 5);
    out.setMore(1);
  });
  const auto more_data = type.load(*actor, data);
  REQUIRE_FALSE(more_data.ok());
  CHECK(more_data.error().code == Code::unsupported);
  CHECK(more_data.error().message ==
        "snapshot of talkative has 1 data words, this build knows 0; upgrade this node");
  const Message pointer =
      disguised<PuppetState, OtherNewerPuppetState>([](auto out) { out.initNumbers(1).set(0, 5); });
  const auto more_pointers = type.load(*actor, pointer);
  REQUIRE_FALSE(more_pointers.ok());
  CHECK(more_pointers.error().message ==
        "snapshot of talkative has 2 pointers, this build knows 1; upgrade this node");
}

TEST_CASE("a state that an older build wrote is taken with the new fields at their defaults") {
  const ActorType type = actor_type<Talkative>();
  const auto actor = type.make(config_of(0, ""));
  const Message own = type.save(*actor);
  CHECK(type.load(*actor, own).ok());
  // No struct at all is the oldest there can be; its list is empty and the actor says so itself.
  const ActorType silent = actor_type<Silent>();
  const auto other = silent.make(config_of(0, ""));
  CHECK(silent.load(*other, {}).ok());
}

TEST_CASE("what is no state of the type is corrupt, not a crash") {
  const ActorType type = actor_type<Talkative>();
  const auto actor = type.make(config_of(0, ""));
  const Message other = Message::build<Number>([](Number::Builder out) { out.setValue(1); });
  REQUIRE_FALSE(type.load(*actor, other).ok());
  CHECK(type.load(*actor, other).error().code == Code::corrupt);
  CHECK(type.load(*actor, {}).error().code == Code::corrupt);
}

}  // namespace omma::test
