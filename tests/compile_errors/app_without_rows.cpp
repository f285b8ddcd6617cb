// says: omma: the first actor of an app answers its queries: its Publishes names omma::ResultRow
#include "tests/compile_errors/actors.hpp"

namespace sample {

class Mute final : public Counter {
 public:
  using Publishes = omma::Publishes<>;
  explicit Mute(Config::Reader config) : Counter(config) {}
};

}  // namespace sample

OMMA_APP_MODULE(omma::make_app<sample::Mute>("sample", "adds up", sample::configure));
