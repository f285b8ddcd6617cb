// How turns name actors.
#include "runtime/cell/turn.hpp"

#include <catch2/catch.hpp>

#include "tests/support/puppet.hpp"

namespace omma::test {
namespace {

// Named by its name alone, whatever the variant.
struct KeyedPuppet final : PuppetActor {
  static constexpr const char* type_name = "keyed_puppet";
  static std::string key(PuppetConfig::Reader config) { return config.getName(); }
  using PuppetActor::PuppetActor;
};

template <class A>
Ref<A> named(const std::string& name, std::uint32_t variant) {
  return Turn::make_stage_ref<A>([&](PuppetConfig::Builder config) {
    config.setName(name);
    config.setVariant(variant);
  });
}

TEST_CASE("the same configuration names the same actor, another one another") {
  CHECK(named<Puppet>("lobby", 1).id == named<Puppet>("lobby", 1).id);
  CHECK(named<Puppet>("lobby", 1).id != named<Puppet>("lobby", 2).id);
  CHECK(named<Puppet>("lobby", 1).id != named<Puppet>("street", 1).id);
  CHECK(named<Puppet>("lobby", 1).id != named<StagePuppet>("lobby", 1).id);
}

TEST_CASE("a configuration names the same actor however it was written down") {
  // Set to the default, in another order, with a leftover in between: the same words in the end.
  const auto rewritten = Turn::make_stage_ref<Puppet>([](PuppetConfig::Builder config) {
    config.setVariant(7);
    config.setName("an earlier and longer name");
    config.setName("lobby");
    config.setVariant(0);
  });
  CHECK(rewritten.id == puppet("lobby").id);
  CHECK(rewritten.spec->config == puppet("lobby").spec->config);
}

TEST_CASE("a type with a key is named by that alone") {
  CHECK(named<KeyedPuppet>("lobby", 1).id == named<KeyedPuppet>("lobby", 2).id);
  CHECK(named<KeyedPuppet>("lobby", 1).id ==
        ActorId::of("keyed_puppet", std::string_view("lobby")));
  CHECK(named<KeyedPuppet>("lobby", 1).id != named<KeyedPuppet>("street", 1).id);
}

TEST_CASE("a configuration is read back from the bytes of its name") {
  const auto spec = named<Puppet>("lobby", 7).spec;
  CHECK(spec->type == "puppet");
  CHECK(spec->name == "lobby");
  ConfigReader reader(spec->config);
  CHECK(reader.as<PuppetConfig>().getName() == "lobby");
  CHECK(reader.as<PuppetConfig>().getVariant() == 7);
}

}  // namespace
}  // namespace omma::test
