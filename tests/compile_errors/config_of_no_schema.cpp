// says: omma: Config is no struct of a Cap'n Proto schema
#include "tests/compile_errors/actors.hpp"

namespace sample {

struct Plain {
  std::string name;
};

class Careless final : public omma::Actor {
 public:
  static constexpr const char* type_name = "sample_careless";
  using Config = Plain;
  using Accepts = omma::Accepts<>;
  using Publishes = omma::Publishes<omma::ResultRow>;
  static std::string title(const Plain& config) { return config.name; }
  explicit Careless(const Plain&) {}

 private:
  omma::Outlet<omma::ResultRow> rows_{*this};
};

const omma::ActorType type = omma::actor_type<Careless>();

}  // namespace sample
