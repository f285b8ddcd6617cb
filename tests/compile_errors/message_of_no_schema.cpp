// says: omma: Accepts names a type that is no struct of a Cap'n Proto schema
#include "tests/compile_errors/actors.hpp"

namespace sample {

struct Plain {
  int number = 0;
};

class Careless final : public Counter {
 public:
  using Accepts = omma::Accepts<Plain>;
  explicit Careless(Config::Reader config) : Counter(config) {}
  void on(const Plain&, omma::Turn&) {}
};

}  // namespace sample

OMMA_APP_MODULE(omma::make_app<sample::Careless>("sample", "adds up", sample::configure));
