// An actor that does nothing, to weigh.
#pragma once

#include "tools/bench/flood_actors.hpp"

namespace omma::bench {

class Idler final : public Actor, public Party {
 public:
  static constexpr const char* type_name = "idler";
  using Config = PartyConfig;
  using Accepts = omma::Accepts<Ping>;
  using Publishes = omma::Publishes<>;

  explicit Idler(PartyConfig::Reader) {}
  void on(Ping::Reader, Turn&) {}
};

}  // namespace omma::bench
