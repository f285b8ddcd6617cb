// says: omma: Accepts names a message that the actor has no public
#include "tests/compile_errors/actors.hpp"

namespace sample {

class Forgetful final : public Counter {
 public:
  explicit Forgetful(Config::Reader config) : Counter(config) {}
  using Accepts = omma::Accepts<Beat, omma::Tracks>;
};

const omma::ActorType type = omma::actor_type<Forgetful>();

}  // namespace sample
