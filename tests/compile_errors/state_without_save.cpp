// says: omma: an actor with a State needs a public 'void save(State::Builder) const'
#include "tests/compile_errors/actors.hpp"

namespace sample {

class Forgetful final : public omma::Actor {
 public:
  static constexpr const char* type_name = "sample_forgetful";
  using Config = SampleConfig;
  using State = SampleState;
  using Accepts = omma::Accepts<>;
  using Publishes = omma::Publishes<omma::ResultRow>;
  static std::string title(Config::Reader config) { return config.getName(); }
  explicit Forgetful(Config::Reader) {}
  omma::Result<void> load(State::Reader) { return {}; }

 private:
  omma::Outlet<omma::ResultRow> rows_{*this};
};

}  // namespace sample

OMMA_APP_MODULE(omma::make_app<sample::Forgetful>("sample", "adds up", sample::configure));
