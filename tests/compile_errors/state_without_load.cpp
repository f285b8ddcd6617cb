// says: omma: an actor with a State needs a public 'omma::Result<void> load(State::Reader)'
#include "tests/compile_errors/actors.hpp"

namespace sample {

class Forgetful final : public Counter {
 public:
  explicit Forgetful(Config::Reader config) : Counter(config) {}
  void load(State::Reader) {}
};

}  // namespace sample

OMMA_APP_MODULE(omma::make_app<sample::Forgetful>("sample", "adds up", sample::configure));
